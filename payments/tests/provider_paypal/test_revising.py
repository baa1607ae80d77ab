"""PayPal's revise: what its payer is asked to agree to, what is refused, and what is read and billed afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from billing_portal.kit.money import Money
from payments.providers.contract_recurring import price_request
from payments.providers.contract_revising import revise_request
from payments.providers.errors import (
    NotInThatState,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    UnfitMethod,
    UnknownReference,
)
from payments.providers.revising import CannotRevise, ReviseRequest
from payments.tests.provider_paypal.adapter import PayPalAdapter
from payments.tests.provider_paypal.recurring import FACTS, SUBSCRIPTIONS, begun, bill


def revision(paypal: PayPalAdapter, **terms: Any) -> ReviseRequest:
    facts = paypal.provider.look_up_subscription(begun(paypal))
    return revise_request(facts, FACTS, **terms)


def test_what_the_payer_of_a_revision_is_asked_to_agree_to(paypal: PayPalAdapter) -> None:
    request = revision(paypal, seats=4)
    paypal.provider.revise_subscription(request)
    (told,) = [each for each in paypal.wire.requests if each.url.path.endswith("/revise")]
    assert json.loads(told.content) == {
        "plan_id": request.price_ref,
        "quantity": "4",
        "application_context": {
            "brand_name": "Call Center",
            "user_action": "CONTINUE",
            "shipping_preference": "NO_SHIPPING",
            "return_url": "https://portal.example/back",
            "cancel_url": "https://portal.example/not-now",
        },
    }
    assert "PayPal-Request-Id" not in told.headers, "a revision after another is none that was asked for before"


@pytest.mark.parametrize(
    ("status", "issue", "raises"),
    [
        (422, "PLAN_PRODUCT_NOT_COMPATIBLE", CannotRevise),
        (422, "CURRENCY_MISMATCH", CannotRevise),
        (422, "SUBSCRIPTION_STATUS_INVALID", NotInThatState),
        (422, "USER_ACCOUNT_CLOSED", UnfitMethod),
        (403, "PERMISSION_DENIED", ProviderMisconfigured),
        (404, "INVALID_RESOURCE_ID", UnknownReference),
        (400, "INVALID_PARAMETER_VALUE", ProviderRejected),
        (503, "SERVICE_UNAVAILABLE", ProviderUnavailable),
    ],
)
def test_what_is_said_to_a_revision(
    paypal: PayPalAdapter, status: int, issue: str, raises: type[ProviderError]
) -> None:
    request = revision(paypal, seats=4)
    content = {"name": "UNPROCESSABLE_ENTITY", "message": "No.", "details": [{"issue": issue}], "debug_id": "f1"}
    paypal.wire.instead = lambda sent: (
        httpx.Response(status, json=content) if sent.url.path.endswith("/revise") else None
    )
    with pytest.raises(raises) as raised:
        paypal.provider.revise_subscription(request)
    assert type(raised.value) is raises and paypal.objects("subscriptions")[-1]["quantity"] == "3"


def test_a_revision_that_names_no_page_is_no_answer_and_one_that_nobody_is_asked_about_is_done(
    paypal: PayPalAdapter,
) -> None:
    """PayPal asks nobody who pays by card."""
    request = revision(paypal, seats=4)
    revise = f"{SUBSCRIPTIONS}/{request.provider_ref}/revise"
    paypal.wire.instead = lambda sent: httpx.Response(200, json={"links": []}) if sent.url.path == revise else None
    with pytest.raises(ProviderUnavailable):
        paypal.provider.revise_subscription(request)
    paypal.wire.instead = lambda sent: None
    paypal.provider.revise_subscription(request)
    paypal.approve(request.provider_ref)
    paypal.wire.instead = lambda sent: httpx.Response(200, json={"links": []}) if sent.url.path == revise else None
    done = paypal.provider.revise_subscription(request)
    assert (done.seats, done.approval_url) == (4, None)


def test_what_was_paid_last_is_told_until_a_later_payment_fails(paypal: PayPalAdapter) -> None:
    facts = paypal.provider.look_up_subscription(begun(paypal))
    paypal.provider.revise_subscription(revise_request(facts, FACTS, seats=4))
    paypal.approve(facts.provider_ref)
    told = []
    for outcome in ("paid", "failed", "paid"):
        bill(paypal, facts.provider_ref, outcome)
        told.append(paypal.provider.look_up_subscription(facts.provider_ref).paid)
    assert told == [Money(11_600, "usd"), None, Money(11_600, "usd")]


def test_a_year_after_months_and_months_after_a_year_keep_to_the_calendar(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-11-30T00:00:00Z")
    first = paypal.provider.look_up_subscription(begun(paypal))
    yearly = paypal.provider.ensure_price(price_request(minor=29_000, cycle="yearly"))
    for price, since, until in (
        (first.price_ref, "2026-12-30", "2027-01-30"),
        (yearly, "2027-01-30", "2028-01-30"),
        (first.price_ref, "2028-01-30", "2028-02-29"),
    ):
        paypal.provider.revise_subscription(revise_request(first, FACTS, price_ref=price))
        if paypal.provider.look_up_subscription(first.provider_ref).price_ref != price:
            paypal.approve(first.provider_ref)
        paypal.clock(f"{since}T00:00:00Z")
        period = paypal.provider.look_up_subscription(first.provider_ref).period
        assert period and [str(each.date()) for each in period] == [since, until]
    assert [each.total.minor for each in paypal.provider.bills_of(first.provider_ref, since=first.period[0])] == [
        8_700,
        8_700,
        87_000,
        8_700,
    ]


def test_a_bill_that_today_s_seats_do_not_make_up_names_none(paypal: PayPalAdapter) -> None:
    facts = paypal.provider.look_up_subscription(begun(paypal))
    paypal.provider.revise_subscription(revise_request(facts, FACTS, seats=4))
    paypal.approve(facts.provider_ref)
    bill(paypal, facts.provider_ref)
    lines = [each.lines[0] for each in paypal.provider.bills_of(facts.provider_ref, since=facts.period[0])]
    assert [(each.title, each.seats) for each in lines] == [("Subscription", 1), ("Team, monthly", 4)]


@pytest.mark.parametrize(("first", "then"), [("monthly", "yearly"), ("yearly", "monthly")])
def test_a_bill_of_another_cycle_than_today_s_is_for_the_time_until_paypal_bills_next(
    paypal: PayPalAdapter, first: str, then: str
) -> None:
    """The last one, as whoever missed its event reads it after another cycle was agreed to."""
    paypal.clock("2026-06-01T00:00:00Z")
    sold = {"monthly": price_request(), "yearly": price_request(minor=29_000, cycle="yearly")}
    reference = begun(paypal, sold[first])
    paypal.clock("2026-07-01T00:00:00Z" if first == "monthly" else "2027-06-01T00:00:00Z")
    facts, wanted = paypal.provider.look_up_subscription(reference), paypal.provider.ensure_price(sold[then])
    before = paypal.provider.bills_of(reference, since=datetime(2026, 5, 1, tzinfo=UTC))[-1].period
    assert before == facts.period
    paypal.provider.revise_subscription(revise_request(facts, FACTS, price_ref=wanted))
    paypal.approve(reference)
    assert paypal.provider.look_up_subscription(reference).price_ref == wanted
    assert paypal.provider.bills_of(reference, since=datetime(2026, 5, 1, tzinfo=UTC))[-1].period == before
