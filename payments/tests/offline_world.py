"""Checks and what becomes of them, for tests: over several invoices, collected by a bank, sent back, paid out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from billing_portal.tests import world
from payments import queries
from payments.actions.clearing import clear_manual_payment, return_manual_payment
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment, verify_manual_payment
from payments.actions.refunding import cancel_payout, record_payout
from payments.models import Invoice, Payment, Refund, StatusChange
from payments.tests.refund_world import NOW


def check_over(
    invoices: Sequence[Invoice],
    cents: Sequence[int],
    recorder: User | None = None,
    *,
    amount: int | None = None,
    named: Invoice | None = None,
    now: datetime = NOW,
) -> Payment:
    """A recorded check of which each invoice is to have so much; `amount` where it is more than all of that."""
    recorder = recorder or world.user(staff=True)
    return record_manual_payment(
        tenant=(named or invoices[0]).tenant,
        amount=Money(amount or sum(cents), (named or invoices[0]).currency),
        choice=MethodChoice("check", "20984"),
        actor=world.staff_actor(recorder),
        now=now,
        invoice=named,
        shares=[(invoice, Money(minor, invoice.currency)) for invoice, minor in zip(invoices, cents, strict=True)],
    )


def recorded(of: Tenant, cents: int, invoice: Invoice | None = None) -> Payment:
    """A check that awaits review."""
    return world.check_for(of, cents, world.user(staff=True), invoice=invoice, now=NOW)


def clearing(of: Tenant, cents: int, invoice: Invoice | None = None) -> Payment:
    """A check that was verified, and that the bank has still to collect."""
    return verify_check(recorded(of, cents, invoice), clears_later=True)


def open_of(invoice: Invoice) -> tuple[str, int]:
    """Its state now, and what is open of it in minor units."""
    invoice.refresh_from_db()
    return invoice.status, queries.amounts(invoice).open


def verify_check(
    payment: Payment, *, by: User | None = None, clears_later: bool = False, now: datetime = NOW
) -> Payment:
    by = by or world.user(staff=True)
    return verify_manual_payment(
        payment_id=payment.id, verifier=by, actor=world.staff_actor(by), now=now, clears_later=clears_later
    )


def cleared(payment: Payment, now: datetime = NOW) -> Payment:
    actor = world.staff_actor(world.user(staff=True))
    return clear_manual_payment(payment_id=payment.id, actor=actor, now=now)


def returned(payment: Payment, *, fee: int | None = None, by: User | None = None, now: datetime = NOW) -> Payment:
    """Its bank sent it back; `fee` in minor units."""
    return return_manual_payment(
        payment_id=payment.id,
        reason="insufficient funds",
        fee=None if fee is None else Money(fee, payment.currency),
        actor=world.staff_actor(by or world.user(staff=True)),
        now=now,
    )


def paid_out(refund: Refund, reference: str = "check 4711", now: datetime = NOW) -> Refund:
    actor = world.staff_actor(world.user(staff=True))
    return record_payout(refund_id=refund.id, reference=reference, actor=actor, now=now)


def not_paid_out(refund: Refund, now: datetime = NOW) -> Refund:
    actor = world.staff_actor(world.user(staff=True))
    return cancel_payout(refund_id=refund.id, reason="They want it as credit", actor=actor, now=now)


def payment_moves(payment: Payment) -> list[str]:
    """The states it went through, first to last."""
    return list(StatusChange.objects.filter(subject="payment", subject_id=payment.id).values_list("new", flat=True))


def paid_by(payment: Payment) -> dict[str, int]:
    """What invoices have of it now, in minor units, by number."""
    sums: dict[str, int] = {}
    for number, minor in payment.allocations.values_list("invoice__number", "amount_minor"):
        sums[number] = sums.get(number, 0) + minor
    return {number: minor for number, minor in sums.items() if minor}
