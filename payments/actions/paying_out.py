"""Refunds that people send: a check or a wire of ours, for money that came by check, wire or cash."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from payments.actions import booking_refunds
from payments.actions.history import note_move
from payments.actions.settling_refunds import end_unsent, locked
from payments.errors import PaymentNotManual, PayoutNotWaiting
from payments.models import Payment, Refund
from payments.models.refund import REFUND_MOVES
from payments.providers import registry
from payments.providers.base import ReceivesOffline

Status = Refund.Status
LONGEST_REFERENCE = 140


def is_paid_by_hand(payment: Payment) -> bool:
    """Whether money of this payment goes back by people."""
    return registry.named(payment.provider, ReceivesOffline) is not None


@transaction.atomic
def record_payout(*, refund_id: UUID, reference: str, actor: Actor, now: datetime) -> Refund:
    """It was sent: `reference` is the number of our check or the text of our wire. Booked as any refund that succeeded,
    Cr bank. Recorded before: as it is. For staff with `payments.refund_payment`.

    Raises PaymentNotManual, PayoutNotWaiting (it was canceled, is not approved, or went to credit), BadInput (no
    reference).
    """
    payment, refund = _of_people(refund_id)
    if refund.status == Status.SUCCEEDED and refund.destination == "source":
        return refund
    if refund.status != Status.PENDING:
        raise PayoutNotWaiting
    reference = reference.strip()
    if not 0 < len(reference) <= LONGEST_REFERENCE:
        words = f"Say what was sent, in at most {LONGEST_REFERENCE} characters: the check's number, the wire's text."
        raise BadInput(words, code="required" if not reference else "too_long", field="reference")
    REFUND_MOVES.check(refund.status, Status.SUCCEEDED)
    old, refund.status = refund.status, Status.SUCCEEDED
    refund.reference, refund.settled_at = reference, now
    refund.save()
    note_move(refund, old, actor=actor, at=now, reason=f"sent: {reference}")
    booking_refunds.book_success(payment, refund, actor=actor, now=now)
    return refund


@transaction.atomic
def cancel_payout(*, refund_id: UUID, reason: str, actor: Actor, now: datetime) -> Refund:
    """It won't be sent: what it had reserved is free. Canceled before: as it is. For staff with
    `payments.refund_payment`. Raises PaymentNotManual, PayoutNotWaiting (it was sent, or is not approved)."""
    _, refund = _of_people(refund_id)
    if refund.status == Status.CANCELED:
        return refund
    if refund.status != Status.PENDING:
        raise PayoutNotWaiting
    return end_unsent(refund_id=refund.id, reason=reason, actor=actor, now=now)


def _of_people(refund_id: UUID) -> tuple[Payment, Refund]:
    payment, refund = locked(refund_id)
    if not is_paid_by_hand(payment):
        raise PaymentNotManual
    return payment, refund
