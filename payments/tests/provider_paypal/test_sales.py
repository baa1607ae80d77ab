"""Sales: bills of a subscription, and what goes back of them, in the shapes of v1."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from billing_portal.kit.money import Money
from payments.providers.contract_recurring import price_request
from payments.providers.errors import OutcomeUnknown, ProviderRejected, RefundTooLarge, UnknownReference, Unreadable
from payments.providers.facts import Outcome
from payments.tests.provider_paypal.adapter import PayPalAdapter, refund_request
from payments.tests.provider_paypal.recurring import SUBSCRIPTIONS, asked, begun, bill, moved, sold


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def usd(minor: int) -> Money:
    return Money(minor, "usd")


def changed(paypal: PayPalAdapter, part: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Let PayPal answer otherwise about what has `part` in its path."""
    inner = paypal.wire._inner

    def instead(request: httpx.Request) -> httpx.Response | None:
        if part not in request.url.path or request.method != "GET":
            return None
        answer = inner.handle_request(request)
        content = json.loads(answer.read())
        change(content)
        return httpx.Response(answer.status_code, json=content)

    paypal.wire.instead = instead


def test_bills_are_by_the_calendar_and_leave_out_what_was_before(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-01-31T10:00:00Z")
    reference = begun(paypal)
    paypal.clock("2026-04-15T00:00:00Z")
    found = paypal.provider.bills_of(reference, since=at("2026-01-01"))
    assert [each.period for each in found] == [
        (at("2026-01-31T10:00"), at("2026-02-28T10:00")),
        (at("2026-02-28T10:00"), at("2026-03-31T10:00")),
        (at("2026-03-31T10:00"), at("2026-04-30T10:00")),
    ]
    assert paypal.provider.bills_of(reference, since=at("2026-02-01")) == found[1:]
    assert paypal.provider.look_up_subscription(reference).period == found[-1].period


def test_all_pages_of_the_list_are_read(paypal: PayPalAdapter, long_ago: datetime) -> None:
    reference = begun(paypal)
    for _ in range(24):
        bill(paypal, reference)
    found = paypal.provider.bills_of(reference, since=long_ago)
    assert len({each.provider_ref for each in found}) == 25
    assert all(after.period[0] == before.period[1] for before, after in pairwise(found))
    asked = [each for each in paypal.wire.requests if each.url.path.endswith("/transactions")]
    assert len(asked) == 3 and all("start_time" in each.url.params for each in asked)


def test_the_bill_has_the_gross_amount_the_fee_and_the_seats(paypal: PayPalAdapter, long_ago: datetime) -> None:
    reference = begun(paypal, price_request(plan_name="Professional"))
    (found,) = paypal.provider.bills_of(reference, since=long_ago)
    (sale,) = paypal.objects("sales")
    assert (found.provider_ref, found.subscription_ref, found.total) == (sale["id"], reference, usd(8_700))
    assert (found.number, found.taxes, found.next_try_at) == (None, (), None)
    (line,) = found.lines
    assert (line.title, line.seats, line.amount, line.period) == ("Professional, monthly", 3, usd(8_700), found.period)
    assert found.payment and (found.payment.provider_ref, found.payment.fee) == (sale["id"], usd(353))
    assert (found.payment.payment_id, found.payment.capture_ref) == (None, None)
    assert found.payment.created_at == found.issued_at


@pytest.mark.parametrize(
    ("status", "outcome", "bill_status"),
    [
        ("COMPLETED", Outcome.SUCCEEDED, "paid"),
        ("PARTIALLY_REFUNDED", Outcome.SUCCEEDED, "paid"),
        ("REFUNDED", Outcome.SUCCEEDED, "paid"),
        ("PENDING", Outcome.PROCESSING, "open"),
        ("DECLINED", Outcome.FAILED, "void"),
    ],
)
def test_the_state_of_a_sale_is_the_outcome_of_its_payment(
    paypal: PayPalAdapter, long_ago: datetime, status: str, outcome: Outcome, bill_status: str
) -> None:
    reference = begun(paypal)
    reason = {"status_details": {"reason": "PENDING_REVIEW"}}
    changed(paypal, "/transactions", lambda content: content["transactions"][0].update(status=status, **reason))
    (found,) = paypal.provider.bills_of(reference, since=long_ago)
    assert found.payment and (found.payment.outcome, found.status) == (outcome, bill_status)
    expected = ("payment_declined", "pending_review") if outcome is Outcome.FAILED else (None, None)
    assert (found.payment.failure_code, found.payment.decline_code) == expected


def test_what_was_declined_is_for_the_period_of_the_sale_that_made_it_good(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-01-10T10:00:00Z")
    reference = begun(paypal)
    paypal.clock("2026-02-15T10:00:00Z")

    def with_a_decline(content: dict[str, Any]) -> None:
        declined = {**content["transactions"][1], "id": "1DECLINED1", "status": "DECLINED"}
        content["transactions"].insert(1, {**declined, "time": "2026-02-10T10:00:00Z"})
        content["transactions"][2]["time"] = "2026-02-15T10:00:00Z"

    changed(paypal, "/transactions", with_a_decline)
    first, declined, second = paypal.provider.bills_of(reference, since=at("2026-01-01"))
    assert [first.status, declined.status, second.status] == ["paid", "void", "paid"]
    assert declined.period == second.period == (first.period[1], at("2026-03-10T10:00"))


def test_a_fee_in_another_currency_is_not_told(paypal: PayPalAdapter, long_ago: datetime) -> None:
    reference = begun(paypal)
    other = {"currency_code": "EUR", "value": "1.00"}
    changed(
        paypal,
        "/transactions",
        lambda content: content["transactions"][0]["amount_with_breakdown"].update(fee_amount=other),
    )
    (found,) = paypal.provider.bills_of(reference, since=long_ago)
    assert found.payment and found.payment.fee is None


def test_a_list_that_can_not_be_read_is_no_empty_one(paypal: PayPalAdapter, long_ago: datetime) -> None:
    reference = begun(paypal)
    changed(paypal, "/transactions", lambda content: content["transactions"][0].pop("status"))
    with pytest.raises(Unreadable):
        paypal.provider.bills_of(reference, since=long_ago)
    with pytest.raises(UnknownReference):
        paypal.provider.bills_of("I-NOBODY", since=long_ago)


def test_what_waits_for_its_payer_or_its_trials_end_was_billed_nothing(
    paypal: PayPalAdapter, long_ago: datetime
) -> None:
    waiting = paypal.provider.start_subscription(asked(paypal)).provider_ref
    assert paypal.provider.bills_of(waiting, since=long_ago) == []
    reference = begun(paypal, trial_end=datetime.now(UTC) + timedelta(days=7))
    assert paypal.provider.bills_of(reference, since=long_ago) == []


def test_a_sale_is_looked_up_beside_orders_and_captures(paypal: PayPalAdapter) -> None:
    sale, capture = sold(paypal), paypal.paid()
    found = paypal.provider.look_up(sale)
    assert (found.outcome, found.provider_ref, found.amount) == (Outcome.SUCCEEDED, sale, usd(2_900))
    assert (found.capture_ref, found.payment_id, found.is_foreign) == (None, None, False)
    assert paypal.provider.look_up(capture).capture_ref == capture
    with pytest.raises(UnknownReference):
        paypal.provider.look_up("0NOBODY0")


def test_a_refund_of_a_sale_is_sent_in_the_older_shape_and_always_with_its_amount(paypal: PayPalAdapter) -> None:
    sale = sold(paypal)
    request = refund_request(sale, 900)
    given = paypal.provider.refund(request)
    posts = [each for each in paypal.wire.requests if each.url.path == f"/v1/payments/sale/{sale}/refund"]
    assert json.loads(posts[0].content) == {
        "amount": {"total": "9.00", "currency": "USD"},
        "invoice_number": f"test-R-{request.metadata['refund_id']}",
    }
    assert posts[0].headers["PayPal-Request-Id"] == request.key
    assert (given.status, given.payment_ref, given.refund_id) == ("succeeded", sale, request.metadata["refund_id"])
    assert paypal.provider.look_up_refund(given.provider_ref) == given


@pytest.mark.parametrize(
    ("minor", "currency", "total"), [(2_900, "jpy", "2900"), (290_000, "huf", "2900"), (290_000, "twd", "2900")]
)
def test_refunds_keep_their_size_in_every_kind_of_currency(
    paypal: PayPalAdapter, minor: int, currency: str, total: str
) -> None:
    sale = sold(paypal, minor=minor, currency=currency)
    given = paypal.provider.refund(refund_request(sale, minor, currency))
    assert (given.amount, paypal.objects("sale_refunds")[0]["amount"]["total"]) == (Money(minor, currency), total)
    assert moved(paypal, "refund") == [minor]


def test_too_much_has_no_code_and_nothing_left_has_one(paypal: PayPalAdapter) -> None:
    sale = sold(paypal)
    with pytest.raises(RefundTooLarge) as raised:
        paypal.provider.refund(refund_request(sale, 2_901))
    assert raised.value.code is None
    with pytest.raises(ProviderRejected):
        paypal.provider.refund(refund_request(sale, 100, "eur", key="refund:4"))
    paypal.provider.refund(refund_request(sale, 2_900, key="refund:2"))
    with pytest.raises(RefundTooLarge) as raised:
        paypal.provider.refund(refund_request(sale, 1, key="refund:3"))
    assert raised.value.code == "TRANSACTION_ALREADY_REFUNDED"
    with pytest.raises(UnknownReference):
        paypal.provider.refund(refund_request("0NOBODY0", 100))
    assert moved(paypal, "refund") == [2_900]


def test_a_lost_answer_about_the_capture_is_not_asked_of_the_sale(paypal: PayPalAdapter) -> None:
    sale = sold(paypal)
    paypal.fault("drop_before", "/v2/payments/captures/*/refund")
    with pytest.raises(OutcomeUnknown):
        paypal.provider.refund(refund_request(sale, 900))
    assert moved(paypal, "refund") == []


def test_refunds_of_the_dashboard_and_reversals_are_told_apart(paypal: PayPalAdapter, long_ago: datetime) -> None:
    sale = sold(paypal)
    ours = paypal.provider.refund(refund_request(sale, 900))
    paypal.panel("POST", "refund", {"id": sale, "amount": 400})
    paypal.settle(sale, "reversed", amount=600)
    found = paypal.provider.refunds_of(sale)
    assert sorted((each.refund_id is None, each.amount.minor) for each in found) == [(False, 900), (True, 400)]
    assert ours in found
    (fact,) = paypal.provider.disputes_of(sale)
    assert (fact.status, fact.amount, fact.withdrawn, fact.payment_ref) == ("lost", usd(600), usd(600), sale)
    assert fact.reason == "chargeback"
    assert list(paypal.provider.disputes_since(long_ago)) == [fact]
    given = [each for each in paypal.provider.refunds_since(long_ago) if each.amount.minor in (900, 400)]
    assert ours in given and len(given) == 2
    assert paypal.provider.look_up(sale).outcome is Outcome.SUCCEEDED, "the money did come"


def test_two_sales_keep_their_refunds_apart(paypal: PayPalAdapter) -> None:
    first, second = sold(paypal), sold(paypal)
    for sale, minor in ((first, 900), (second, 500)):
        paypal.panel("POST", "refund", {"id": sale, "amount": minor})
    assert [each.amount.minor for each in paypal.provider.refunds_of(first)] == [900]
    assert [each.amount.minor for each in paypal.provider.refunds_of(second)] == [500]
    assert paypal.provider.disputes_of(first) == []


def test_a_reversal_that_can_not_be_asked_about_is_as_its_event_told_it(paypal: PayPalAdapter) -> None:
    sale = sold(paypal)
    paypal.settle(sale, "reversed", amount=600)
    gone = {"name": "INVALID_RESOURCE_ID", "message": "The requested resource ID was not found"}
    paypal.wire.instead = lambda request: (
        httpx.Response(404, json=gone) if "/v1/payments/refund/" in request.url.path else None
    )
    (fact,) = paypal.provider.disputes_of(sale)
    assert (fact.status, fact.withdrawn) == ("lost", usd(600))


@pytest.mark.parametrize("minor", [900, 2_900])
def test_what_paypal_tells_no_event_of_any_more_is_not_said_to_be_none(paypal: PayPalAdapter, minor: int) -> None:
    sale = sold(paypal)
    paypal.provider.refund(refund_request(sale, minor))
    nothing = httpx.Response(200, json={"events": [], "count": 0})
    paypal.wire.instead = lambda request: nothing if request.url.path.endswith("webhooks-events") else None
    with pytest.raises(Unreadable):
        paypal.provider.refunds_of(sale)


SALE = {
    "id": "3SA",
    "parent_payment": "PAYID-1",
    "create_time": "2026-11-01T00:00:00Z",
    "amount": {"total": "29.00", "currency": "USD"},
}


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"state": "pending", "reason_code": "ECHECK"}, Outcome.PROCESSING),
        ({"state": "denied"}, Outcome.FAILED),
        ({"state": "refunded", "reason_code": "REFUND"}, Outcome.SUCCEEDED),
        ({"state": "completed", "transaction_fee": {"value": "1.50", "currency": "EUR"}}, Outcome.SUCCEEDED),
    ],
)
def test_each_state_of_a_sale(paypal: PayPalAdapter, facts: dict[str, Any], outcome: Outcome) -> None:
    paypal.wire.instead = lambda request: (
        httpx.Response(200, json={**SALE, **facts}) if request.url.path.endswith("/sale/3SA") else None
    )
    found = paypal.provider.look_up("3SA")
    assert (found.outcome, found.fee, found.failure_code) == (
        outcome,
        None,
        "payment_declined" if outcome is Outcome.FAILED else None,
    )


@pytest.mark.parametrize("facts", [{"state": "odd"}, {}, {"state": "completed", "amount": {"total": "29.00"}}])
def test_a_half_sale_is_none(paypal: PayPalAdapter, facts: dict[str, Any]) -> None:
    paypal.wire.instead = lambda request: (
        httpx.Response(200, json={**SALE, **facts}) if request.url.path.endswith("/sale/3SA") else None
    )
    with pytest.raises(Unreadable):
        paypal.provider.look_up("3SA")


def test_the_path_of_subscriptions_is_never_made_of_what_is_no_id(paypal: PayPalAdapter, long_ago: datetime) -> None:
    for odd in ("../plans", "I-1/cancel", "", "I-BW452GLLEP1G?x"):
        with pytest.raises(UnknownReference):
            paypal.provider.bills_of(odd, since=long_ago)
    assert not [each for each in paypal.wire.paths if SUBSCRIPTIONS in each]
