"""A saved card beside a subscription by invoice: its owner pays renewals by it, and overage is charged to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing_portal.invariants import check_books
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.models import Invoice, Payment
from payments.providers import breaker
from payments.tests.methods_world import in_the_browser
from subscriptions.tests.plan_world import two_plans
from subscriptions.tests.story import Story
from usage.tasks import close_due_months

pytestmark = pytest.mark.django_db
MONTH = 2_000
NO_FUNDS = "pm_card_chargeCustomerFail"


@pytest.fixture
def story(settings: Any, stripe: StripeWorld) -> Iterator[Story]:
    settings.SESSION_COOKIE_AGE = 10**9  # the clock is moved by months
    settings.CLOSE_MONTHS_BY_BEAT = True
    breaker.forget()
    two_plans()
    with time_machine.travel(at("2026-06-01 00:00"), tick=False) as clock:
        told = Story(clock)
        told.starts()
        yield told
    assert check_books()[1] == []


def saves(story: Story, stripe: StripeWorld, method: str) -> str:
    """As the page does: begun here, typed at the provider, found in the list, and chosen. Its id."""
    setup = story.asks("post", "/payments/setup-intent", {"type": "card"}, expected=201)
    in_the_browser(stripe, setup, method)
    newest = story.asks("get", "/payments/methods/list")["results"][0]["id"]
    assert story.asks("post", f"/payments/methods/{newest}/default")["isDefault"] is True
    story.delivered()
    return str(newest)


def pays(story: Story, invoice: Invoice, card: str, *, expected: int) -> dict[str, Any]:
    body = {"paymentMethod": {"type": "card", "stripePaymentMethodId": card}}
    answer: dict[str, Any] = story.asks("post", f"/invoices/{invoice.id}/pay", body, expected=expected)
    story.delivered()
    return answer


def used_beyond(story: Story) -> Invoice:
    """2,000 minutes of which 200 are included, reported in June, and billed when that is over: 21.60."""
    _, secret = create_api_key(
        tenant=story.tenant, name="calls", scopes=["usage:write"], actor=world.SYSTEM, now=timezone.now()
    )
    server = Client(headers={"Authorization": f"Bearer {secret}"})
    calls = json.dumps({"recordType": "call_minutes", "quantity": 2_000})
    answer = server.post("/api/subscription/usage", calls, content_type="application/json")
    assert answer.json()["billableQuantity"] == "2000", answer.content
    story.until("2026-07-01 12:00", meanwhile=story.pays_what_is_open)
    assert close_due_months() == 1
    story.delivered()
    return overage(story)


def overage(story: Story) -> Invoice:
    return Invoice.objects.get(tenant=story.tenant, kind=Invoice.Kind.OVERAGE)


def charges(story: Story) -> list[tuple[str, str]]:
    """(day, status) of each charge made while nobody was there."""
    tries = Payment.objects.filter(tenant=story.tenant, off_session=True).order_by("created_at")
    return [(f"{each.created_at:%m-%d}", each.status) for each in tries]


def test_a_renewal_by_invoice_waits_for_its_owner_who_pays_by_a_saved_card(story: Story, stripe: StripeWorld) -> None:
    bad = saves(story, stripe, NO_FUNDS)
    declined = pays(story, story.invoices()[0], bad, expected=402)
    assert declined["code"] == "card_declined"
    story.until("2026-06-16 12:00")
    assert charges(story) == [], "it is paid by whoever got the invoice: no card is charged behind their back"
    assert story.may_use() == (True, "past_due")
    good = saves(story, stripe, "pm_card_visa")
    assert stripe.taken() == []
    assert pays(story, story.invoices()[0], good, expected=201)["status"] == "succeeded"
    assert story.may_use() == (True, "active")
    story.until("2026-06-24 12:00")
    pays(story, story.invoices()[1], good, expected=201)
    story.until("2026-07-20 12:00")
    assert story.billed() == [("Jun 1", "Jul 1", MONTH), ("Jul 1", "Aug 1", MONTH)]
    assert story.received() == stripe.taken() == [MONTH, MONTH]
    assert story.states() == ["active", "past_due", "active"]


def test_a_card_that_is_declined_to_the_end_leaves_it_on_hold(story: Story, stripe: StripeWorld) -> None:
    bad = saves(story, stripe, NO_FUNDS)
    for day in ("2026-06-02 12:00", "2026-06-16 12:00", "2026-07-06 12:00"):
        story.until(day)
        pays(story, story.invoices()[0], bad, expected=402)
    assert (story.may_use(), story.received(), stripe.taken()) == ((False, "unpaid"), [], [])
    assert list(Payment.objects.values_list("status", flat=True)) == ["failed"] * 3
    good = saves(story, stripe, "pm_card_visa")
    for invoice in story.invoices():
        pays(story, invoice, good, expected=201)
    assert story.may_use() == (True, "active")
    assert story.received() == stripe.taken() == [MONTH, MONTH]
    assert story.states() == ["active", "past_due", "unpaid", "active"]


def test_what_is_used_beyond_is_tried_again_until_a_new_card_takes_it(story: Story, stripe: StripeWorld) -> None:
    saves(story, stripe, NO_FUNDS)
    invoice = used_beyond(story)
    assert (invoice.total_minor, invoice.status) == (2_160, "open")
    story.until("2026-07-09 12:00", meanwhile=story.pays_what_is_open)
    assert charges(story) == [("07-01", "failed"), ("07-03", "failed"), ("07-08", "failed")]
    saves(story, stripe, "pm_card_visa")
    assert (overage(story).status, stripe.taken()) == ("paid", [2_160])
    assert charges(story)[3:] == [("07-09", "succeeded")], "at once, by the card that is the default now"
    story.until("2026-08-05 12:00", meanwhile=story.pays_what_is_open)
    assert len(charges(story)) == 4
    assert sorted(story.received()) == [MONTH, MONTH, MONTH, 2_160]
    assert story.states() == ["active"]


def test_what_is_used_beyond_and_never_taken_stays_open_beside_a_subscription_in_order(
    story: Story, stripe: StripeWorld
) -> None:
    saves(story, stripe, NO_FUNDS)
    used_beyond(story)
    story.until("2026-08-20 12:00", meanwhile=story.pays_what_is_open)
    assert charges(story) == [(day, "failed") for day in ("07-01", "07-03", "07-08", "07-15", "07-22")]
    assert len(story.told("could not be charged")) == 5
    assert (overage(story).status, stripe.taken()) == ("open", [])
    assert (story.may_use(), story.states()) == ((True, "active"), ["active"])
    assert story.received() == [MONTH] * 3
