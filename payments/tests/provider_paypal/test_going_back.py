"""What goes back of a PayPal payment: refunds of ours, of the dashboard, and what payers and banks take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from billing_portal.kit.money import Money
from payments.providers.errors import ProviderUnavailable, UnknownReference
from payments.providers.facts import DisputeFacts, Outcome
from payments.providers.paypal import listing
from payments.providers.paypal.disputes import facts_of
from payments.tests.provider_paypal.adapter import PayPalAdapter, refund_request


def usd(minor: int) -> Money:
    return Money(minor, "usd")


def told(found: list[DisputeFacts]) -> list[tuple[str, int, int]]:
    return [(each.status, each.amount.minor, each.withdrawn.minor) for each in found]


def test_each_refund_has_its_own_amount_and_never_the_total(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    one, two = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    paypal.provider.refund(refund_request(capture, 200, refund_id=one))
    second = paypal.provider.refund(refund_request(capture, 500, refund_id=two))
    assert (second.amount, second.refund_id) == (usd(500), two)
    found = {each.refund_id: each.amount.minor for each in paypal.provider.refunds_of(capture)}
    assert found == {one: 200, two: 500}
    (_, last) = paypal.objects("refunds")
    assert last["seller_payable_breakdown"]["total_refunded_amount"]["value"] == "7.00"
    assert last["custom_id"] == refund_request(capture, 1).metadata["payment_id"]


def test_a_payment_that_was_given_back_is_still_one_that_came(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    for minor, status in ((900, "PARTIALLY_REFUNDED"), (2_000, "REFUNDED")):
        paypal.panel("POST", "refund", {"id": capture, "amount": minor})
        assert paypal.objects("captures")[0]["status"] == status
        assert paypal.provider.look_up(capture).outcome is Outcome.SUCCEEDED


def test_a_refund_of_the_dashboard_is_listed_and_is_nobodys_row(paypal: PayPalAdapter, long_ago: datetime) -> None:
    capture = paypal.paid()
    ours = paypal.provider.refund(refund_request(capture, 900))
    paypal.panel("POST", "refund", {"id": capture, "amount": 500})
    found = paypal.provider.refunds_of(capture)
    assert sorted((each.refund_id is None, each.amount.minor) for each in found) == [(False, 900), (True, 500)]
    assert paypal.provider.disputes_of(capture) == []
    since = list(paypal.provider.refunds_since(long_ago))
    assert ours in since and len(since) == 2


def test_by_the_order_the_same_is_found_as_by_its_capture(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    paypal.provider.refund(refund_request(capture, 900))
    order = str(paypal.provider.look_up(capture).provider_ref)
    assert paypal.provider.refunds_of(order) == paypal.provider.refunds_of(capture)
    paypal.settle(capture, "reversed", amount=500, code="CHARGEBACK")
    assert paypal.provider.disputes_of(order) == paypal.provider.disputes_of(capture) != []
    waiting = paypal.agreed()
    assert (paypal.provider.refunds_of(waiting), paypal.provider.disputes_of(waiting)) == ([], [])


def test_a_refund_of_an_echeck_takes_days_and_may_fail(paypal: PayPalAdapter, long_ago: datetime) -> None:
    order = paypal.agreed(1_023)
    paypal.provider.capture(order, key="cap:1")
    paypal.settle(order, "succeeded")
    capture = str(paypal.provider.look_up(order).capture_ref)
    given = paypal.provider.refund(refund_request(capture, 500))
    assert (given.status, given.failure_code) == ("pending", None)
    paypal.settle(given.provider_ref, "failed")
    (found,) = paypal.provider.refunds_of(capture)
    assert (found.status, found.failure_code, found.provider_ref) == ("failed", "refund_failed", given.provider_ref)
    assert [each.status for each in paypal.provider.refunds_since(long_ago)] == ["failed"]


def test_a_reversal_is_no_refund_but_lost_from_its_first_moment(paypal: PayPalAdapter, long_ago: datetime) -> None:
    capture = paypal.paid()
    paypal.settle(capture, "reversed", amount=1_000, code="CHARGEBACK")
    assert paypal.provider.refunds_of(capture) == [] == list(paypal.provider.refunds_since(long_ago))
    (fact,) = paypal.provider.disputes_of(capture)
    reversal = paypal.objects("refunds")[0]
    assert (fact.status, fact.amount, fact.withdrawn, fact.fee) == ("lost", usd(1_000), usd(1_000), usd(0))
    assert (fact.provider_ref, fact.payment_ref, fact.reason) == (reversal["id"], capture, "chargeback")
    assert list(paypal.provider.disputes_since(long_ago)) == [fact]
    assert list(paypal.provider.disputes_since(datetime.now(UTC) + timedelta(hours=1))) == []


def test_refunds_and_reversals_of_one_capture_are_told_apart(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    paypal.provider.refund(refund_request(capture, 900))
    paypal.panel("POST", "refund", {"id": capture, "amount": 400})
    paypal.settle(capture, "returned", amount=600)
    assert sorted(each.amount.minor for each in paypal.provider.refunds_of(capture)) == [400, 900]
    assert told(paypal.provider.disputes_of(capture)) == [("lost", 600, 600)]


def test_what_paypal_tells_no_event_of_any_more_counts_as_its_capture_says(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    paypal.provider.refund(refund_request(capture, 900))
    paypal.settle(capture, "reversed", amount=600, code="CHARGEBACK")
    nothing = httpx.Response(200, json={"events": [], "count": 0})
    paypal.wire.instead = lambda request: nothing if request.url.path.endswith("webhooks-events") else None
    assert [each.amount.minor for each in paypal.provider.refunds_of(capture)] == [900], "ours by its own mark"
    assert told(paypal.provider.disputes_of(capture)) == [("lost", 600, 600)]


def test_a_dispute_is_open_then_won(paypal: PayPalAdapter, long_ago: datetime) -> None:
    capture = paypal.paid()
    paypal.settle(capture, "disputed", code="UNAUTHORISED")
    (fact,) = paypal.provider.disputes_of(capture)
    assert (fact.status, fact.amount, fact.withdrawn, fact.reason) == ("open", usd(2_900), usd(0), "unauthorised")
    assert list(paypal.provider.disputes_since(long_ago)) == [fact]
    paypal.settle(capture, "dispute_won")
    assert told(paypal.provider.disputes_of(capture)) == [("won", 2_900, 0)]


def test_a_lost_dispute_and_its_reversal_are_the_same_money(paypal: PayPalAdapter, long_ago: datetime) -> None:
    capture = paypal.paid()
    paypal.provider.refund(refund_request(capture, 900))
    paypal.settle(capture, "disputed")
    paypal.settle(capture, "dispute_lost")
    facts = paypal.provider.disputes_of(capture)
    assert told(facts) == [("lost", 2_900, 2_000)], "what the refund had left"
    assert [each.amount.minor for each in paypal.provider.refunds_of(capture)] == [900]
    assert list(paypal.provider.disputes_since(long_ago)) == facts


CAPTURE = {"id": "1CAP", "amount": {"currency_code": "USD", "value": "29.00"}}


def case(number: int, day: int, **facts: object) -> dict[str, object]:
    return {
        "dispute_id": f"PP-{number}",
        "create_time": f"2026-11-{day:02}T00:00:00Z",
        "status": "RESOLVED",
        "dispute_amount": {"currency_code": "USD", "value": "29.00"},
        "dispute_outcome": {"outcome_code": "RESOLVED_BUYER_FAVOUR"},
        **facts,
    }


def part(number: int, day: int) -> dict[str, object]:
    """A case about nine dollars of it, which ended two days later, in the payer's favor."""
    nine = {"currency_code": "USD", "value": "9.00"}
    outcome = {"outcome_code": "RESOLVED_BUYER_FAVOUR", "amount_refunded": nine}
    ended = f"2026-11-{day + 2:02}T12:00:00Z"
    return case(number, day, dispute_amount=nine, dispute_outcome=outcome, update_time=ended)


def back(value: str, day: int, status: str = "COMPLETED") -> dict[str, object]:
    amount = {"currency_code": "USD", "value": value}
    return {"id": f"R{day}", "status": status, "create_time": f"2026-11-{day:02}T02:00:00+02:00", "amount": amount}


@pytest.mark.parametrize(
    ("cases", "given", "reversals", "expected"),
    [
        # Lost, and no reversal to be seen: all of it, as far as there was so much left.
        ([case(1, 5)], [], [], [("lost", 2_900, 2_900)]),
        ([case(1, 5)], [back("9.00", 2)], [], [("lost", 2_900, 2_000)]),
        ([case(1, 5)], [back("29.00", 6)], [], [("lost", 2_900, 0)]),
        ([case(1, 5)], [back("9.00", 2, "FAILED")], [], [("lost", 2_900, 2_900)]),
        # Settled by a refund while it was open, wholly or in part, or in the hour after: its payout.
        # One before it or later settles nothing.
        ([part(1, 5)], [back("9.00", 6)], [], [("lost", 900, 0)]),
        ([part(1, 5)], [back("4.00", 6)], [], [("lost", 900, 500)]),
        ([part(1, 5)], [back("20.00", 6)], [], [("lost", 900, 0)]),
        ([part(1, 5)], [back("9.00", 6, "FAILED")], [], [("lost", 900, 900)]),
        ([part(1, 5)], [back("9.00", 7) | {"create_time": "2026-11-07T12:40:00Z"}], [], [("lost", 900, 0)]),
        ([part(1, 5)], [back("9.00", 2), back("9.00", 9)], [], [("lost", 900, 900)]),
        ([part(1, 3), part(2, 5)], [back("9.00", 6)], [], [("lost", 900, 900), ("lost", 900, 0)]),
        # A reversal is seen, so the refund was besides it.
        ([part(1, 5)], [back("4.00", 6)], [back("9.00", 7)], [("lost", 900, 900)]),
        # Reversed first and disputed later: the reversal stays what it was told as.
        ([case(1, 5)], [], [back("29.00", 2)], [("lost", 2_900, 2_900), ("lost", 2_900, 0)]),
        # Reversed in its name, maybe in parts.
        ([case(1, 5)], [], [back("10.00", 6), back("5.00", 7)], [("lost", 2_900, 1_500)]),
        ([case(1, 5, status="OPEN")], [], [back("10.00", 6)], [("open", 2_900, 1_000)]),
        ([case(1, 5, status="OPEN", dispute_life_cycle_stage="INQUIRY")], [], [], [("inquiry", 2_900, 0)]),
        # The second case before it took it.
        ([case(2, 6), case(1, 3, dispute_outcome={"outcome_code": "RESOLVED_SELLER_FAVOUR"})], [], [back("29.00", 7)],
         [("won", 2_900, 0), ("lost", 2_900, 2_900)]),
        ([case(1, 5, dispute_outcome={"outcome_code": "CANCELED_BY_BUYER"})], [], [], [("won", 2_900, 0)]),
    ],
)  # fmt: skip
def test_no_money_is_told_twice(cases: list, given: list, reversals: list, expected: list) -> None:
    facts = facts_of(CAPTURE, cases, given=given, reversals=reversals)
    assert told(facts) == expected
    assert sum(each.withdrawn.minor for each in facts) <= 2_900


def test_payments_come_from_the_events_newest_first_each_once(
    paypal: PayPalAdapter, long_ago: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    made = []
    for day in range(1, 6):
        paypal.clock(f"2026-11-0{day}T00:00:00Z")
        made.append(paypal.paid(1_000 + day))
    paypal.clock("2026-11-06T00:00:00Z")
    review = paypal.agreed(1_022)
    paypal.provider.capture(review, key="cap:r")
    paypal.clock("2026-11-06T01:00:00Z")
    paypal.settle(review, "succeeded")  # told of twice: pending, then completed
    found = list(paypal.provider.payments_since(datetime(2026, 11, 2, tzinfo=UTC)))
    assert [each.amount.minor for each in found] == [1_022, 1_005, 1_004, 1_003, 1_002]
    assert [each.capture_ref for each in found[1:]] == made[:0:-1]


def test_more_events_of_one_second_than_a_page_are_not_passed_over(
    paypal: PayPalAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    paypal.clock("2026-11-01T00:00:00Z")
    for _ in range(3):
        paypal.paid()
    with pytest.raises(ProviderUnavailable):
        list(paypal.provider.payments_since(datetime(2026, 10, 1, tzinfo=UTC)))


def test_an_order_that_paypal_does_not_show_any_more_is_read_from_its_capture(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    whole = paypal.provider.look_up(capture)
    gone = {"name": "RESOURCE_NOT_FOUND", "message": "The specified resource does not exist.", "debug_id": "f1"}
    paypal.wire.instead = lambda request: httpx.Response(404, json=gone) if "/orders/" in request.url.path else None
    found = paypal.provider.look_up(capture)
    assert (found.outcome, found.amount, found.provider_ref) == (whole.outcome, whole.amount, whole.provider_ref)
    assert (found.payment_id, found.capture_ref, found.fee) == (whole.payment_id, capture, whole.fee)
    assert paypal.provider.refunds_of(capture) == [], "by the capture's own word"


@pytest.mark.parametrize("all_of_it", [False, True])
def test_what_went_back_of_a_capture_whose_order_is_gone_is_told_by_its_events(
    paypal: PayPalAdapter, all_of_it: bool
) -> None:
    capture, other = paypal.paid(), paypal.paid()
    paypal.panel("POST", "refund", {"id": other, "amount": 700})
    paypal.panel("POST", "refund", {"id": capture, "amount": 500})
    paypal.settle(capture, "reversed", amount=2_400 if all_of_it else 600, code="CHARGEBACK")
    whole = paypal.provider.refunds_of(capture), paypal.provider.disputes_of(capture)
    gone = {"name": "RESOURCE_NOT_FOUND", "message": "The specified resource does not exist.", "debug_id": "f1"}
    paypal.wire.instead = lambda request: httpx.Response(404, json=gone) if "/orders/" in request.url.path else None
    assert (paypal.provider.refunds_of(capture), paypal.provider.disputes_of(capture)) == whole
    assert [each.amount.minor for each in whole[0]] == [500]
    hidden = paypal.objects("refunds")[1]["id"]

    def without_the_oldest(request: httpx.Request) -> httpx.Response | None:
        if "/orders/" in request.url.path:
            return httpx.Response(404, json=gone)
        if not request.url.path.endswith("webhooks-events") or "transaction_id" in request.url.params:
            return None
        kind = request.url.params["event_type"]
        told = [each for each in paypal.objects("events") if each["event_type"] == kind]
        return httpx.Response(200, json={"events": [each for each in told if each["resource"]["id"] != hidden]})

    paypal.wire.instead = without_the_oldest
    with pytest.raises(UnknownReference):
        paypal.provider.refunds_of(capture)  # not "none": somebody would take it for never given
