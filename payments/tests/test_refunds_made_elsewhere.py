"""Refunds made in Stripe's own dashboard: the books follow, and where they can't, staff are told."""

from __future__ import annotations

import pytest

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.refunding import cancel_refund
from payments.errors import (
    AlreadyRefunded,
    ProviderDoesNotAnswer,
    RefundExceedsPayment,
)
from payments.models import Discrepancy, Refund, StatusChange
from payments.tests.refund_world import (
    NOW,
    at_stripe,
    bill,
    card_payment,
    credit_of,
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


def test_a_refund_made_in_the_dashboard_becomes_a_row(stripe: StripeWorld, acme: Tenant) -> None:
    invoice = bill(acme, 10_000)
    payment = card_payment(acme, invoice=invoice)
    theirs = stripe.api.refunds.create(at_stripe(payment, 4_000))
    synced(payment)
    synced(payment)
    row = Refund.objects.get()
    assert (row.status, row.amount_minor, row.provider_ref, row.requested_by) == ("succeeded", 4_000, theirs.id, None)
    assert set(StatusChange.objects.filter(subject_id=row.id).values_list("actor_kind", "actor_label")) == {
        ("provider", "stripe")
    }
    assert notes(invoice) == [("refunded", 4_000, 0)]
    with pytest.raises(RefundExceedsPayment):
        refund(payment, 6_001)


def test_what_the_books_can_not_follow_is_told_to_staff_and_followed_once_they_can(
    stripe: StripeWorld, acme: Tenant, boss: User
) -> None:
    payment = card_payment(acme, 2_000_000)
    waiting = refund(payment, 1_500_000, by=boss)
    stripe.api.refunds.create(at_stripe(payment, 1_000_000))
    synced(payment)
    found = Discrepancy.objects.get(kind="unknown_refund")
    assert (found.amount, found.closed_at, Refund.objects.count()) == (Money(1_000_000, "usd"), None, 1)
    # Till then the ledger says more cash than there is: what the discrepancy is for.
    cancel_refund(refund_id=waiting.id, reason="no", actor=world.staff_actor(boss), now=NOW)
    synced(payment)
    found.refresh_from_db()
    assert found.closed_at and Refund.objects.get(status="succeeded").amount_minor == 1_000_000


def test_where_the_dashboard_was_faster_ours_is_let_go_and_the_books_follow(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    stripe.api.refunds.create(at_stripe(payment, 7_000))
    with pytest.raises(RefundExceedsPayment, match=r"\$30.00"):
        refund(payment, 4_000)
    assert sorted(Refund.objects.values_list("status", "amount_minor")) == [("canceled", 4_000), ("succeeded", 7_000)]
    stripe.api.refunds.create(at_stripe(payment, 3_000))
    with pytest.raises(AlreadyRefunded):
        refund(payment, 3_000)
    assert credit_of(acme) == 0


def test_one_that_was_given_up_and_made_all_the_same_gets_a_row_of_its_own(stripe: StripeWorld, acme: Tenant) -> None:
    payment = card_payment(acme)
    stripe.fault("rate_limit", "/v1/refunds")
    with pytest.raises(ProviderDoesNotAnswer):
        refund(payment, 4_000)
    ours = Refund.objects.get()
    stripe.api.refunds.create({**at_stripe(payment, 4_000), "metadata": {"refund_id": str(ours.id), "env": "test"}})
    synced(payment)
    assert sorted(Refund.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]
    assert credit_of(acme) == 6_000
