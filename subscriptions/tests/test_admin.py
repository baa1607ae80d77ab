"""Subscriptions at the desk: start one by the verb, read what it is on and what it was billed for."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing_portal.tests import world
from subscriptions.actions.ending import cancel_subscription
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import at, change, invoices, started, two_plans
from subscriptions.tests.stripe_plans import begun

pytestmark = pytest.mark.django_db
ADD = "/admin/subscriptions/subscription/add/"


@pytest.fixture
def starter(client):
    who = world.user(staff=True, groups=("finance",))
    may = Permission.objects.get(codename="add_subscription", content_type__app_label="subscriptions")
    who.user_permissions.add(may)
    client.force_login(who)
    return client


def shown(client, subscription):
    page = reverse("admin:subscriptions_subscription_change", args=[subscription.id])
    return client.get(page).content.decode().replace("\xa0", " ")


def test_a_subscription_is_started(starter):
    price, acme = world.plan_price(seat=2_900), world.tenant()
    assert "Professional, version 1, monthly, $29.00 a seat (USD)" in starter.get(ADD).content.decode()
    answer = starter.post(ADD, {"tenant": str(acme.id), "price": str(price.id), "seats": "3"})
    started = Subscription.objects.get()
    assert answer.url == reverse("admin:subscriptions_subscription_change", args=[started.id])
    acme.refresh_from_db()
    assert (started.tenant, started.status, acme.currency) == (acme, "active", "usd")
    text = starter.get(answer.url).content.decode()
    assert "Professional, version 1" in text and "$29.00" in text and "started" in text


def test_what_cant_be_started_says_why(starter):
    price, acme = world.plan_price(), world.subscribed()
    again = starter.post(ADD, {"tenant": str(acme.id), "price": str(price.id), "seats": "1"})
    assert "has a subscription already" in again.content.decode()
    for field, bad in (("seats", "0"), ("seats", "1e3"), ("price", "abc"), ("price", ""), ("tenant", "abc")):
        answer = starter.post(ADD, {"tenant": str(world.tenant().id), "price": str(price.id), "seats": "1", field: bad})
        assert field in answer.context["asked"].form.errors
    assert Subscription.objects.count() == 1


def test_only_the_newest_version_of_a_plan_is_sold(starter):
    from subscriptions.actions.planning import define_plan

    old = world.plan_price()
    define_plan(
        code=old.version.plan.code,
        name="Professional",
        now=world.START,
        allowances={},
        overage={},
        prices={("monthly", "usd"): (3900, 1)},
    )
    text = starter.get(ADD).content.decode()
    assert "$39.00" in text and "$29.00" not in text


def test_finance_may_start_one(client):
    client.force_login(world.user(staff=True, groups=("finance",)))
    assert client.get(ADD).status_code == 200


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_nobody_else_starts_one(client, group):
    client.force_login(world.user(staff=True, groups=(group,)))
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, {}).status_code == 403


def test_a_subscription_is_read_with_its_period_its_bills_and_what_comes_next(starter, moment):
    moment.move_to(at("2026-06-10 12:00"))
    running = started(world.plan_price(seat=2_900), "2026-06-01 12:00", seats=3)
    change(running, "2026-06-10 12:00", plan_code=None, cycle=None, seats=2, when="period_end")
    text = shown(starter, running)
    (bill,) = invoices(running)
    for part in ("June 1 to 30, 2026", "Our invoices", "USD", "2 seats, from Jul 1, 00:00 UTC", str(bill), "$87.00"):
        assert part in text, part
    assert "At its provider" not in text
    assert "Our invoices" in starter.get("/admin/subscriptions/subscription/").content.decode()
    cancel_subscription(
        subscription_id=running.id, at_period_end=True, reason="Too dear", actor=world.SYSTEM, now=timezone.now()
    )
    text = shown(starter, running)
    assert "It ends on Jul 1, 00:00 UTC" in text and "Ends Jul 1" in text and "Too dear" in text


def test_a_providers_subscription_is_found_by_its_reference(starter, stripe, owner):
    two_plans()
    alive = begun(owner)
    text = starter.get(f"/admin/subscriptions/subscription/?q={alive.provider_ref}").content.decode()
    assert str(alive.id) in text
    page = shown(starter, alive)
    assert "At its provider" in page and f'data-copy="{alive.provider_ref}"' in page and "Stripe" in page
    assert str(alive.id) not in starter.get("/admin/subscriptions/subscription/?q=sub_none").content.decode()


def test_a_list_of_many_asks_no_question_for_each_cell(starter, django_assert_max_num_queries):
    for _ in range(3):
        started(world.plan_price(), "2026-06-01 12:00")
    starter.get("/admin/subscriptions/subscription/")
    with CaptureQueriesContext(connection) as three:
        starter.get("/admin/subscriptions/subscription/")
    started(world.plan_price(), "2026-06-01 12:00")
    with django_assert_max_num_queries(len(three) + 1):  # one more row: its terms, once
        starter.get("/admin/subscriptions/subscription/")
