"""What Stripe is asked about a change is what it is asked to do: the same items as of the same second, read from the
requests on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from django.test import Client

from billing_portal.tenants.models import User
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Invoice
from subscriptions.tests.plan_world import at, two_plans
from subscriptions.tests.test_by_stripe import begun, send, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe", "books_hold")]
PREVIEW, SUBSCRIPTIONS = "/v1/invoices/create_preview", "/v1/subscriptions/"


@dataclass
class Wire:
    """Every request that went to the stand-in: (method, path, its parameters as they were sent)."""

    sent: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def asked(self) -> list[dict[str, str]]:
        """What previews of a change at once were asked for, in the words of an update."""
        return [
            terms(each, prefix="subscription_details")
            for _, path, each in self.sent
            if path == PREVIEW and "subscription_details[proration_date]" in each
        ]

    def done(self) -> list[dict[str, str]]:
        """The updates of a subscription."""
        return [terms(each) for method, path, each in self.sent if method == "post" and path.startswith(SUBSCRIPTIONS)]


def terms(sent: dict[str, str], prefix: str = "") -> dict[str, str]:
    """Items, instant and behavior: what decides the amount."""
    plain = {name: value for name, value in sent.items() if not prefix or name.startswith(prefix)}
    if prefix:
        plain = {name.removeprefix(f"{prefix}[").replace("]", "", 1): value for name, value in plain.items()}
    return {name: value for name, value in plain.items() if name.startswith(("items", "proration"))}


@pytest.fixture
def wire(stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Written down on the way, and passed on."""
    recorded, pass_on = Wire(), stripe.wire.request

    def request(method: str, url: str, headers: Any = None, post_data: Any = None, **more: Any) -> Any:
        recorded.sent.append((method.lower(), urlsplit(url).path, dict(parse_qsl(post_data or ""))))
        return pass_on(method, url, headers, post_data, **more)

    monkeypatch.setattr(stripe.wire, "request", request)
    return recorded


@pytest.fixture
def owner() -> User:
    return world.member(world.tenant(slug="acme"))


@contextmanager
def clocks_at(stripe: StripeWorld, now: datetime) -> Iterator[None]:
    """Ours and Stripe's."""
    stripe.clock(now)
    with time_machine.travel(now, tick=False):
        yield


def logged_in(who: User) -> Client:
    client = Client()
    client.force_login(who)
    return client


def begun_by(stripe: StripeWorld, owner: User, **order: Any) -> None:
    with clocks_at(stripe, at("2027-03-01 09:00")):
        begun(logged_in(owner), **order)
        told(stripe)


def on_the_way(stripe: StripeWorld, now: datetime, owner: User, method: str, path: str, body: Any) -> Any:
    with clocks_at(stripe, now):
        answer = send(logged_in(owner), method, path, body)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize(
    "wish",
    [{"planType": "big"}, {"seats": 5}, {"planType": "big", "seats": 7}, {"billingCycle": "yearly"}],
    ids=["plan", "seats", "both", "cycle"],
)
def test_the_update_has_the_items_and_the_second_of_its_preview(
    stripe: StripeWorld, wire: Wire, owner: User, wish: dict[str, Any]
) -> None:
    two_plans()
    begun_by(stripe, owner, seats=2)
    wire.sent.clear()
    seen_at = at("2027-03-11 12:34:56") + timedelta(microseconds=654_321)
    shown = on_the_way(stripe, seen_at, owner, "post", "/preview", wish)
    first = wire.asked()
    assert [each["proration_date"] for each in first] == [str(int(at("2027-03-11 12:34:56").timestamp()))]
    assert wire.done() == [], "a preview changes nothing"
    on_the_way(
        stripe, seen_at + timedelta(minutes=9), owner, "patch", "", wish | {"previewToken": shown["previewToken"]}
    )
    asked, done = wire.asked(), wire.done()
    assert all(each == first[0] for each in [*asked, *done]), "minutes later it is reckoned as of the same second"
    assert len(done) == 1 and {"items[0][id]", "items[0][price]", "items[0][quantity]"} <= done[0].keys()
    (theirs,) = [each for each in stripe.objects("invoices") if each["billing_reason"] == "subscription_update"]
    ours = Invoice.objects.get(provider_ref=theirs["id"])
    assert theirs["total"] == ours.total_minor == shown["total"]
    assert theirs["amount_paid"] == shown["amountDueNow"]


def test_without_a_preview_the_update_is_as_of_the_second_that_its_cost_was_asked_for(
    stripe: StripeWorld, wire: Wire, owner: User
) -> None:
    two_plans()
    begun_by(stripe, owner, seats=2)
    wire.sent.clear()
    on_the_way(stripe, at("2027-03-20 00:00:01"), owner, "patch", "", {"planType": "big"})
    assert wire.done() == wire.asked() != []


def test_at_the_periods_end_the_next_bill_is_what_was_shown(stripe: StripeWorld, wire: Wire, owner: User) -> None:
    two_plans()
    begun_by(stripe, owner, planType="big", seats=5)
    wire.sent.clear()
    now = at("2027-03-11 12:34:56")
    shown = on_the_way(stripe, now, owner, "post", "/preview", {"planType": "small", "seats": 3})
    asked = [terms(each, prefix="subscription_details") for _, path, each in wire.sent if path == PREVIEW]
    wish = {"planType": "small", "seats": 3, "previewToken": shown["previewToken"]}
    on_the_way(stripe, now + timedelta(minutes=3), owner, "patch", "", wish)
    assert wire.done() == asked[-1:], "without proration, both"
    with clocks_at(stripe, at("2027-04-01 11:00")):
        told(stripe)
    assert Invoice.objects.order_by("number").last().total_minor == shown["next"]["amount"] == 3_000  # type: ignore[union-attr]
