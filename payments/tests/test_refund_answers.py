"""What providers make of refunds: lost answers, refusals, refunds that come back days later."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions.refunding import check_refund
from payments.errors import (
    ProviderDoesNotAnswer,
    ProviderRefusedRequest,
    RefundExceedsPayment,
)
from payments.models import Discrepancy, Refund
from payments.providers import breaker
from payments.tests.refund_world import (
    NOW,
    accounts_of,
    bank_payment,
    bill,
    card_payment,
    credit_of,
    moves,
    notes,
    refund,
    synced,
    tenant,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture
def boss() -> User:
    return world.user(staff=True)


@pytest.mark.parametrize("lost", ["drop_after", "html_500", "garbage"])
def test_a_lost_answer_stays_pending_and_is_found(stripe: StripeWorld, acme: Tenant, lost: str) -> None:
    payment = card_payment(acme)
    stripe.fault(lost, "/v1/refunds")
    given = refund(payment, 4_000)
    assert (given.status, given.outcome_unknown, given.next_check_at) == ("pending", True, NOW + timedelta(seconds=5))
    with pytest.raises(RefundExceedsPayment):
        refund(payment, 6_001)
    after = check_refund(refund_id=given.id, actor=world.SYSTEM, now=NOW + timedelta(seconds=5))
    assert (after.status, after.outcome_unknown) == ("succeeded", False)
    assert [each["amount"] for each in stripe.objects("refunds")] == [4_000]


def test_a_request_that_was_lost_before_it_arrived_is_sent_again(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    stripe.fault("drop_before", "/v1/refunds")
    given = refund(payment, 4_000)
    assert (given.status, stripe.objects("refunds")) == ("pending", [])
    assert check_refund(refund_id=given.id, actor=world.SYSTEM, now=NOW).status == "succeeded"
    assert len(stripe.objects("refunds")) == 1


def test_a_refusal_says_nothing_of_a_request_that_may_have_been_heard(stripe: StripeWorld, acme: Tenant) -> None:
    """The first one was given; the list does not show it yet, and the second is refused for a reason of its own."""
    payment = card_payment(acme)
    stripe.fault("drop_before", "/v1/refunds")
    given = refund(payment, 4_000)
    for minutes in (1, 30):
        stripe.fault("status", "/v1/refunds", status=403)
        after = check_refund(refund_id=given.id, actor=world.SYSTEM, now=NOW + timedelta(minutes=minutes))
        assert (after.status, after.outcome_unknown) == ("pending", True)
        with pytest.raises(RefundExceedsPayment):
            refund(payment, 6_001)
    stripe.fault("status", "/v1/refunds", status=403)
    after = check_refund(refund_id=given.id, actor=world.SYSTEM, now=NOW + timedelta(minutes=61))
    assert (after.status, stripe.objects("refunds")) == ("canceled", []), "by now the list shows what was given"


def test_an_unknown_outcome_is_asked_about_less_and_less_often_and_told_to_staff(
    stripe: StripeWorld, acme: Tenant
) -> None:
    given = _lost(stripe, acme)
    stripe.fault("drop_after", "/v1/refunds*", method="GET", times=100)
    for hours, pause in ((1, 1_800), (5, 3_600)):
        now = NOW + timedelta(hours=hours)
        breaker.forget()
        given = check_refund(refund_id=given.id, actor=world.SYSTEM, now=now)
        assert given.next_check_at == now + timedelta(seconds=pause)
    assert Discrepancy.objects.get(kind="still_unknown").amount == given.amount


def _lost(stripe: StripeWorld, whose: Tenant) -> Refund:
    payment = card_payment(whose)
    stripe.fault("drop_after", "/v1/refunds")
    return refund(payment, 4_000)


def test_where_nothing_moved_the_reservation_is_let_go(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    stripe.fault("rate_limit", "/v1/refunds")
    with pytest.raises(ProviderDoesNotAnswer, match="Nothing was given back"):
        refund(payment, 4_000, key="once")
    assert (Refund.objects.get().status, credit_of(acme), stripe.objects("refunds")) == ("canceled", 10_000, [])
    again = refund(payment, 4_000, key="once")
    assert (again.status, credit_of(acme)) == ("succeeded", 6_000), "the key is free again"


def test_what_the_provider_calls_nonsense_is_ours_to_mend(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    stripe.fault("status", "/v1/refunds", status=400)
    with pytest.raises(ProviderRefusedRequest):
        refund(payment, 4_000)
    assert (Refund.objects.get().status, credit_of(acme)) == ("canceled", 10_000)


def test_a_debits_refund_is_under_way_for_days_and_may_still_fail(stripe: StripeWorld, acme: Tenant) -> None:
    payment = bank_payment(stripe, acme)
    given = refund(payment, 4_000)
    assert (given.status, credit_of(acme)) == ("pending", 6_000)
    assert accounts_of(payment)["refunds_pending"] == -4_000
    stripe.settle(given.provider_ref or "", "failed", "insufficient_funds")
    synced(payment)
    given.refresh_from_db()
    assert (given.status, given.failure_code, credit_of(acme)) == ("failed", "insufficient_funds", 10_000)
    assert "refunds_pending" not in accounts_of(payment)
    assert Discrepancy.objects.get(kind="refund_failed").amount == Money(4_000, "usd")


def test_a_refund_that_the_bank_sends_back_gives_the_amount_back(stripe: StripeWorld) -> None:
    acme = tenant(tax_percent=Decimal("6.25"))
    invoice = bill(acme, 4_000)
    payment = card_payment(acme, invoice.total_minor, invoice=invoice)
    given = refund(payment, 1_000)
    stripe.settle(given.provider_ref or "", "failed", "lost_or_stolen_card")
    synced(payment)
    given.refresh_from_db()
    assert moves(given)[-1] == ("succeeded", "failed")
    assert notes(invoice) == [("refunded", 1_000, 59), ("refund_reversed", 1_000, 59)]
    assert "credit_notes" not in accounts_of(payment)
    assert Discrepancy.objects.get(kind="refund_failed").closed_at is None
    refund(payment)
    assert sum(tax for effect, _, tax in notes(invoice) if effect == "refunded") - 59 == invoice.tax_minor


def test_credit_that_the_bank_sends_back_is_credit_again(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    given = refund(payment, 4_000)
    assert credit_of(acme) == 6_000
    stripe.settle(given.provider_ref or "", "failed")
    synced(payment)
    synced(payment)
    assert (credit_of(acme), queries.unallocated(payment)) == (10_000, 10_000)


def test_an_answer_about_another_amount_is_not_booked(stripe: StripeWorld, acme: Tenant) -> None:
    payment = bank_payment(stripe, acme)
    given = refund(payment, 4_000)
    books = stripe.sandbox.books
    theirs = books.get("refunds", given.provider_ref)
    books.put("refunds", {**theirs, "amount": 400})
    stripe.settle(given.provider_ref or "", "succeeded")
    synced(payment)
    given.refresh_from_db()
    assert given.status == "pending"
    assert Discrepancy.objects.get(kind="amount_differs").amount == Money(400, "usd")
