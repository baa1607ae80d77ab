"""Subscriptions at the desk: start one by the verb, read its terms."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from billing_portal.tests import world
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db
ADD = "/admin/subscriptions/subscription/add/"


@pytest.fixture
def starter(client):
    who = world.user(staff=True, groups=("finance",))
    may = Permission.objects.get(codename="add_subscription", content_type__app_label="subscriptions")
    who.user_permissions.add(may)
    client.force_login(who)
    return client


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
