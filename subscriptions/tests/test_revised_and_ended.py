"""A PayPal subscription that ends after other terms were agreed to: what was paid for holds to its end, and no more."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from billing_portal.tests.world import at
from payments.providers import registry
from payments.providers.recurring import RunsSubscriptions
from subscriptions.entitlement import entitlement
from subscriptions.tests.revised import Revised, invoices

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
JULY = at("2026-07-01 00:00")


def yearly_from(life: Revised, agreed: str, begins: str) -> None:
    life.on(agreed)
    life.asks(billingCycle="yearly")
    life.agrees()
    life.on(begins)


@pytest.mark.parametrize("at_end", [False, True])
def test_a_year_that_was_agreed_to_and_never_paid_gives_no_access(life: Revised, at_end: bool) -> None:
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    life.asks("post", "/cancel", atPeriodEnd=at_end)
    if at_end:
        life.on("2026-07-01 01:00")
        life.night()
    ended = life.row.ended_at
    assert ended and JULY <= ended <= JULY + timedelta(hours=1), "the night ended it an hour later"
    assert (life.row.status, invoices()) == ("canceled", [2_000])


def test_a_year_that_was_paid_ends_when_it_does(life: Revised) -> None:
    yearly_from(life, "2026-06-10 00:00", "2026-07-01 00:00")
    life.on("2026-08-10 00:00")
    life.asks("post", "/cancel", atPeriodEnd=False)
    assert (life.row.ended_at, invoices()) == (at("2027-07-01 00:00"), [2_000, 20_000])


def test_a_year_after_months_ends_when_it_does(life: Revised) -> None:
    life.on("2026-07-01 00:00")
    yearly_from(life, "2026-07-10 00:00", "2026-08-01 00:00")
    life.asks("post", "/cancel")
    life.on("2027-08-01 01:00")
    life.night()
    assert (life.row.ended_at, invoices()) == (at("2027-08-01 01:00"), [2_000, 2_000, 20_000]), "when the night ran"


def test_months_that_were_agreed_to_take_nothing_of_the_year_that_was_paid(life: Revised) -> None:
    yearly_from(life, "2026-06-10 00:00", "2026-07-01 00:00")
    life.asks(billingCycle="monthly")
    life.agrees()
    life.on("2026-09-10 00:00")
    life.asks("post", "/cancel", atPeriodEnd=False)
    assert life.row.ended_at == at("2027-07-01 00:00")


def ended_at_paypal(life: Revised, when: str) -> None:
    """By its payer, who is there; nobody is told of that, nor of what was billed before."""
    for moment in sorted({"2026-07-01 00:00", when}) if when > "2026-07" else (when,):
        life.on(moment, is_told=False)
    with life.silence():
        provider = registry.named("paypal", RunsSubscriptions)
        assert provider
        provider.cancel_subscription(str(life.row.provider_ref), reason="its payer's wish")
    life.night()


def test_what_was_paid_before_it_ended_holds_to_its_end_whatever_was_told(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(planType="big", seats=5)
    life.agrees()
    ended_at_paypal(life, "2026-07-10 00:00")
    assert (life.row.status, life.row.ended_at, invoices()) == ("canceled", at("2026-08-01 00:00"), [2_000, 12_500])
    assert life.terms() == ("big", 5)
    assert entitlement(life.row.tenant, timezone.now()).seats == 5


def test_what_was_agreed_to_and_never_paid_does_not_hold_after_its_end(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(planType="big", seats=5)
    life.agrees()
    ended_at_paypal(life, "2026-06-20 00:00")
    assert (life.row.ended_at, life.history()) == (JULY, [("06-01", "small", 2)])


@pytest.mark.parametrize("is_agreement_told", [True, False])
def test_a_year_that_was_paid_before_it_ended_is_there_whatever_was_told(
    life: Revised, is_agreement_told: bool
) -> None:
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees(is_told=is_agreement_told)
    ended_at_paypal(life, "2026-08-10 00:00")
    assert (life.row.ended_at, invoices()) == (at("2027-07-01 00:00"), [2_000, 20_000])


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_what_is_held_and_named_no_next_billing_keeps_what_was_paid_for(
    life: Revised, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Whether PayPal names one is not in its papers."""
    names_none_while_held(life, monkeypatch)
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    life.asks("post", f"/{verb}")
    life.night()
    assert (life.row.period_start, life.row.period_end) == (at("2026-06-01 00:00"), JULY)
    life.asks("post", "/resume")
    life.on("2026-07-01 00:00")
    assert (life.row.period_end, invoices()) == (at("2027-07-01 00:00"), [2_000, 20_000])


def names_none_while_held(life: Revised, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = life.paypal.transport.handle_request

    def over_the_network(request: httpx.Request) -> httpx.Response:
        answer = whole(request)
        told = json.loads(answer.read() or b"{}") if request.url.path.startswith("/v1/billing/subscriptions/I-") else {}
        if told.get("status") != "SUSPENDED":
            return answer
        del told["billing_info"]["next_billing_time"]
        return httpx.Response(answer.status_code, json=told)

    monkeypatch.setattr(life.paypal.transport, "handle_request", over_the_network)
