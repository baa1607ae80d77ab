"""The subscription over HTTP, with the clock at will: the guide's bodies, previews that hold, and who may do what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing_portal.invariants import check_books
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments.models import Invoice
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import billed, price, two_plans

pytestmark = pytest.mark.django_db
NOW = at("2026-06-01 00:00")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
    assert check_books()[1] == []


@pytest.fixture
def owner(acme: Any, settings: Any) -> Client:
    settings.SESSION_COOKIE_AGE = 10**9  # the clock is moved by months
    client = Client()
    client.force_login(world.member(acme))
    return client


def send(client: Client, method: str, path: str, body: Any = None, **headers: Any) -> Any:
    call = getattr(client, method)
    return call(f"/api/subscription{path}", json.dumps(body or {}), content_type="application/json", headers=headers)


def begun(client: Client, **more: Any) -> dict[str, Any]:
    answer = send(client, "post", "", {"planType": "small", "billingCycle": "monthly", "seats": 2} | more)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_subscription_by_invoice_from_start_to_finish(owner: Client, clock: time_machine.Traveller) -> None:
    two_plans()
    made = begun(owner)
    assert (made["status"], made["provider"], made["planType"], made["seats"]) == ("active", "invoice", "small", 2)
    assert (made["currentPeriodStart"], made["currentPeriodEnd"]) == ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
    assert made["latestInvoiceId"] == str(Invoice.objects.get().id)
    clock.move_to(at("2026-06-16 00:00"))
    shown = send(owner, "post", "/preview", {"planType": "big"}).json()
    assert shown["lines"] == [
        {"title": "Unused time of Professional, 2 seats", "amount": -1_000},
        {"title": "Remaining time of Professional, 2 seats", "amount": 2_500},
    ]
    assert (shown["amountDueNow"], shown["when"], shown["next"]) == (
        1_500,
        "now",
        {"amount": 5_000, "at": "2026-07-01T00:00:00Z"},
    )
    clock.shift(timedelta(minutes=14))
    changed = send(owner, "patch", "", {"planType": "big", "previewToken": shown["previewToken"]})
    assert (changed.status_code, changed.json()["planType"]) == (200, "big")
    assert Invoice.objects.get(id=changed.json()["latestInvoiceId"]).total_minor == 1_500, "to the cent, as shown"
    fewer = send(owner, "patch", "", {"seats": 1}).json()
    assert fewer["pendingChange"] == {
        "planType": "big",
        "billingCycle": "monthly",
        "seats": 1,
        "effectiveAt": "2026-07-01T00:00:00Z",
    }
    assert send(owner, "post", "/cancel", {"reason": "Too dear"}).json()["cancelAtPeriodEnd"] is True
    assert send(owner, "post", "/resume").json()["cancelAtPeriodEnd"] is False
    assert send(owner, "post", "/pause").json()["status"] == "paused"
    assert send(owner, "post", "/resume").json()["status"] == "active"
    ended = send(owner, "post", "/cancel", {"atPeriodEnd": False}).json()
    assert (ended["status"], ended["endedAt"]) == ("canceled", "2026-06-16T00:14:00Z")
    assert send(owner, "post", "/cancel").status_code == 404
    past = owner.get("/api/subscription/history").json()
    assert [each["to"] for each in past["results"][0]["history"]] == ["active", "paused", "active", "canceled"]
    assert [each["planType"] for each in past["results"][0]["terms"]] == ["small", "big"]


def test_the_guides_body_with_a_trial(owner: Client) -> None:
    price(code="professional", trial_days=14)
    answer = send(owner, "post", "", {"planType": "professional", "billingCycle": "monthly", "trialDays": 14})
    assert (answer.status_code, answer.json()["status"]) == (201, "trialing")
    assert (answer.json()["trialEnd"], answer.json()["latestInvoiceId"]) == ("2026-06-15T00:00:00Z", None)


def test_what_cant_be_started_names_its_field(owner: Client) -> None:
    price(code="professional", trial_days=14, least=5)
    body = {"planType": "professional", "billingCycle": "monthly"}
    for wrong, field, code in (
        ({"planType": "gold"}, "planType", "unknown_plan"),
        ({"billingCycle": "weekly"}, "billingCycle", "unknown_choice"),
        ({"trialDays": 15}, "trialDays", "trial_too_long"),
        ({"trialDays": -1}, "trialDays", "too_small"),
        ({"seats": 4}, "seats", "too_few_seats"),
        ({"seats": 2.5}, "seats", "not_whole"),
        ({"seats": 100_001}, "seats", "too_large"),
        ({"currency": "eur"}, "billingCycle", "unknown_plan"),
        ({"coupon": "WELCOME"}, "coupon", "unknown_coupon"),
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"planType": "a\u0000b"}, "planType", None),
    ):
        answer = send(owner, "post", "", body | wrong)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), answer.content
        assert code in (None, answer.json()["errors"][0]["code"]), answer.content
    assert not Subscription.objects.exists()


def test_one_live_subscription_for_a_tenant(owner: Client) -> None:
    two_plans()
    begun(owner)
    again = send(owner, "post", "", {"planType": "big", "billingCycle": "monthly"})
    assert (again.status_code, again.json()["code"]) == (409, "already_subscribed")


def test_the_same_key_starts_it_once(owner: Client) -> None:
    two_plans()
    body = {"planType": "small", "billingCycle": "monthly"}
    first, second = (send(owner, "post", "", body, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.json(), second.headers["Idempotent-Replayed"]) == (second.json(), "true")
    assert Invoice.objects.count() == 1


def test_a_preview_holds_for_fifteen_minutes_and_for_just_that(owner: Client, clock: time_machine.Traveller) -> None:
    two_plans()
    begun(owner)
    token = send(owner, "post", "/preview", {"seats": 5}).json()["previewToken"]
    other = send(owner, "patch", "", {"seats": 6, "previewToken": token})
    assert (other.status_code, other.json()["errors"][0]["field"]) == (400, "previewToken")
    forged = send(owner, "patch", "", {"seats": 5, "previewToken": token[:-3] + "abc"})
    assert (forged.status_code, forged.json()["code"]) == (400, "preview_differs")
    clock.shift(timedelta(minutes=15, seconds=1))
    late = send(owner, "patch", "", {"seats": 5, "previewToken": token})
    assert (late.status_code, late.json()["code"]) == (410, "preview_expired")
    token = send(owner, "post", "/preview", {"seats": 5}).json()["previewToken"]
    send(owner, "patch", "", {"seats": 3})
    overtaken = send(owner, "patch", "", {"seats": 5, "previewToken": token})
    assert (overtaken.status_code, overtaken.json()["code"]) == (409, "preview_outdated")


def test_a_preview_is_of_no_use_to_another_tenant(owner: Client) -> None:
    two_plans()
    begun(owner)
    token = send(owner, "post", "/preview", {"seats": 5}).json()["previewToken"]
    other = Client()
    other.force_login(world.member(world.tenant(slug="other")))
    begun(other)
    assert send(other, "patch", "", {"seats": 5, "previewToken": token}).json()["code"] == "preview_differs"


@pytest.mark.parametrize("role", ["viewer", "agent"])
def test_who_may_only_read_changes_nothing(acme: Any, owner: Client, role: str) -> None:
    two_plans()
    begun(owner)
    client = Client()
    client.force_login(world.member(acme, role))
    for method, path in (("post", ""), ("patch", ""), ("post", "/preview"), ("post", "/cancel"), ("post", "/pause")):
        assert send(client, method, path, {"seats": 9}).status_code == 403
    assert client.get("/api/subscription").status_code == (200 if role == "viewer" else 403)
    assert client.get("/api/subscription/entitlements").json()["active"] is True


def test_plans_are_for_everybody_to_see_and_what_was_agreed_with_one_is_not() -> None:
    two_plans()
    price(1, code="small", tenant=world.tenant())
    found = Client().get("/api/subscription/plans").json()["results"]
    assert [each["planType"] for each in found] == ["big", "small"]
    small = found[1]
    assert small["prices"][0] == {
        "billingCycle": "monthly",
        "currency": "usd",
        "amountPerSeat": 1_000,
        "minimumSeats": 1,
    }
    assert small["included"] == [
        {"meter": "call_minutes", "direction": "inbound", "quantity": None, "unit": "minute", "pooled": True},
        {"meter": "call_minutes", "direction": "outbound", "quantity": "100", "unit": "minute", "pooled": True},
    ]
    assert small["overage"][0] == {
        "meter": "call_minutes",
        "direction": "outbound",
        "unitAmountDecimal": "1.2",
        "currency": "usd",
    }


# --- Entitlements ---


def entitled(client: Client) -> tuple[bool, str | None, str | None]:
    found = client.get("/api/subscription/entitlements").json()
    assert found["active"] == found["usageAllowed"]
    return found["active"], found["status"], found["validUntil"]


def test_what_may_be_used_and_until_when(acme: Any, owner: Client, clock: time_machine.Traveller) -> None:
    assert entitled(owner) == (False, None, None)
    price(code="small", features=["recording", "ivr"])
    begun(owner)
    whole = owner.get("/api/subscription/entitlements").json()
    assert (whole["planType"], whole["seats"], whole["features"]) == ("small", 2, ["recording", "ivr"])
    assert entitled(owner) == (True, "active", "2026-07-01T00:00:00Z")
    clock.move_to(at("2026-07-01 03:00"))
    assert entitled(owner) == (True, "active", "2026-08-01T00:00:00Z"), "whoever writes the next period may be late"
    send(owner, "post", "/preview", {"seats": 3})
    send(owner, "post", "/pause")
    assert entitled(owner) == (True, "paused", "2026-08-01T00:00:00Z")
    clock.move_to(at("2026-08-01 00:00"))
    assert entitled(owner) == (False, "paused", None)
    send(owner, "post", "/resume")
    assert entitled(owner) == (True, "active", "2026-09-01T00:00:00Z")
    send(owner, "post", "/cancel")
    assert entitled(owner) == (True, "active", "2026-09-01T00:00:00Z")
    send(owner, "post", "/cancel", {"atPeriodEnd": False})
    assert entitled(owner) == (False, "canceled", None)
    assert len(billed(Subscription.objects.get())) == 3


def test_who_asks_again_is_told_that_nothing_changed(owner: Client, clock: time_machine.Traveller) -> None:
    two_plans()
    begun(owner)
    clock.shift(1)
    first = owner.get("/api/subscription/entitlements")
    assert first["Cache-Control"] == "private, max-age=30"
    again = owner.get("/api/subscription/entitlements", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    send(owner, "patch", "", {"seats": 7})
    clock.shift(1)
    assert owner.get("/api/subscription/entitlements", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_asking_what_may_be_used_reads_once(acme: Any, owner: Client, django_assert_num_queries: Any) -> None:
    from subscriptions.entitlement import entitlement

    two_plans()
    begun(owner)
    with django_assert_num_queries(1):
        assert entitlement(acme, NOW).active


def test_a_key_with_the_scope_may(acme: Any, owner: Client) -> None:
    two_plans()
    _, secret = create_api_key(tenant=acme, name="s", scopes=["billing:write"], actor=world.SYSTEM, now=NOW)
    server = Client(headers={"Authorization": f"Bearer {secret}"})
    begun(server)
    assert server.get("/api/subscription/entitlements").status_code == 403, "that takes billing:read"
