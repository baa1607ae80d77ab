"""What becomes of a check after somebody has verified it: its bank pays, or sends it back."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.kit.moves import IllegalMove
from billing_portal.tenants.models import Tenant
from payments.actions import balance, invoicing, posting, posting_refunds, returning, settling
from payments.actions.discrepancies import report_discrepancy, settle_discrepancy
from payments.actions.invoicing import LineDraft
from payments.actions.locking import lock_with_invoices
from payments.actions.recording import VERIFIED, locked, offline
from payments.actions.settling_refunds import end_unsent
from payments.errors import CurrencyMismatch, PaymentNotClearing, PayoutWaits
from payments.models import Account, Discrepancy, Invoice, Payment, Refund
from payments.models.payment import PAYMENT_MOVES
from payments.providers import registry
from payments.providers.facts import Outcome, PaymentResult

Status = Payment.Status
FEE_TITLE = "Returned check fee"


@transaction.atomic
def clear_manual_payment(*, payment_id: UUID, actor: Actor, now: datetime) -> Payment:
    """The bank has collected a check that was `clearing`: Dr bank / Cr undeposited, and nothing else. Cleared before:
    as it is. For staff with `payments.verify_payment`.

    Raises PaymentNotClearing (nobody has verified it yet), PaymentNotManual, IllegalMove (it bounced, was
    rejected or given up).
    """
    payment, _ = locked(payment_id)
    if payment.status == Status.AWAITING_REVIEW:
        raise PaymentNotClearing
    if payment.status not in VERIFIED:
        raise IllegalMove("payment", payment.status, Status.SUCCEEDED)
    return settling.settle_payment(
        payment_id=payment.id, result=PaymentResult(Outcome.SUCCEEDED), actor=actor, now=now, reason="cleared"
    )


@transaction.atomic
def return_manual_payment(
    *, payment_id: UUID, reason: str, fee: Money | None = None, actor: Actor, now: datetime
) -> Payment:
    """The bank sent a check back, before it cleared or after. Returned before: as it is, and no second fee. For staff
    with `payments.verify_payment`.

    1. Lock the tenant, its payments that have credit, this one among them, then the invoices that it paid.
    2. Bill the fee, where there is one: an invoice of one line, on the tenant's usual terms. Credit of other payments
       may pay it, the credit of this one is about to go.
    3. A refund of it that nobody has approved is canceled. One that waits to be sent stands in the way: only people
       know whether it was.
    4. Take back what it gave to invoices, which are open again with their first due date, and lower the credit. It
       is `returned`; the notice is in the outbox.
    5. What had been paid out of it is lost: Dr bad debt, and a task for staff, who may bill it.
    Raises PayoutWaits, CurrencyMismatch (the fee's), BadInput (a fee below 1), PaymentNotManual, IllegalMove.
    """
    sources = _lock(payment_id, fee)
    payment = lock_with_invoices(payment_id)
    offline(registry.providers().get(payment.provider))
    if payment.status == Status.RETURNED:
        return payment
    PAYMENT_MOVES.check(payment.status, Status.RETURNED)
    if payment.refunds.filter(status=Refund.Status.PENDING).exists():
        raise PayoutWaits
    if fee is not None:
        _bill_fee(payment, fee, [each for each in sources if each.id != payment.id], actor, now)
    for refund in payment.refunds.filter(status=Refund.Status.AWAITING_APPROVAL):
        end_unsent(refund_id=refund.id, reason="the payment came back", actor=actor, now=now)
    held_in = Account.UNDEPOSITED if payment.status == Status.CLEARING else posting.cash_of(payment.provider)
    taken = returning.take_back(
        payment,
        minor=payment.amount_minor - payment.returned_minor,
        held_in=held_in,
        memo=f"Returned: {payment.method} {payment.reference or ''}".strip(),
        reason=reason,
        actor=actor,
        now=now,
    )
    returning.end_as_returned(payment, reason=reason, actor=actor, now=now)
    lost = payment.amount_minor - taken
    posting.post([posting_refunds.refunds_lost(payment, minor=lost, held_in=held_in, at=now)])
    _tell_staff(payment, lost, now)
    return payment


def _lock(payment_id: UUID, fee: Money | None) -> list[balance.Source]:
    """Whoever issues an invoice locks the tenant's payments before any invoice. The tenant's lock keeps out other
    invoices that would use the same credit."""
    if fee is None:
        return []
    tenant_id, currency = Payment.objects.values_list("tenant_id", "currency").get(id=payment_id)
    Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)
    return balance.lock_sources(tenant_id=tenant_id, currency=currency, and_payment=payment_id)


def _bill_fee(payment: Payment, fee: Money, sources: list[balance.Source], actor: Actor, now: datetime) -> Invoice:
    if fee.currency != payment.currency:
        raise CurrencyMismatch(asked=fee.currency, billed=payment.currency)
    if fee.minor <= 0:
        raise BadInput("The fee must be 1 or more, or left out.", code="too_small", field="fee")
    line = LineDraft(
        title=FEE_TITLE,
        quantity=Decimal(1),
        unit_amount=Decimal(fee.minor),
        amount_minor=fee.minor,
        period_start=now,
        period_end=now + timedelta(microseconds=1),
        derivation={"kind": "returned_check", "currency": fee.currency, "payment": str(payment.id)},
    )
    return invoicing.issue_invoice(
        tenant=payment.tenant,
        kind=Invoice.Kind.ONE_OFF,
        currency=fee.currency,
        lines=[line],
        period_start=now,
        period_end=now + timedelta(microseconds=1),
        actor=actor,
        now=now,
        sources=sources,
    )


def _tell_staff(payment: Payment, lost: int, now: datetime) -> None:
    facts = {"provider": payment.provider, "provider_ref": str(payment.id), "now": now}
    settle_discrepancy(kind=Discrepancy.Kind.NOT_NEEDED, note="The bank took the money back.", **facts)  # type: ignore[arg-type]
    if lost:
        report_discrepancy(
            kind=Discrepancy.Kind.STATE_DIFFERS,
            amount=Money(lost, payment.currency),
            detail="The payment came back after this much of it had been refunded. It is booked as lost.",
            payment=payment,
            **facts,  # type: ignore[arg-type]
        )
