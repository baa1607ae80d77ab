"""The one door to 'paid': nothing else makes a payment succeeded, failed or rejected."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.notices import outbox
from billing_portal.tenants.models import User
from payments.actions import invoicing
from payments.actions.history import note_move
from payments.models import Payment
from payments.models.payment import PAYMENT_MOVES
from payments.providers.base import PaymentResult


@transaction.atomic
def settle_payment(
    *,
    payment_id: UUID,
    result: PaymentResult,
    actor: Actor,
    now: datetime,
    reason: str = "",
    verified_by: User | None = None,
) -> Payment:
    """Apply a provider's answer to our row.

    1. Lock the payment. Whoever comes second waits here.
    2. Return quietly when the row says so already: webhooks, retries and two clicks all end here.
    3. Refuse a move that is not in the table; write the new state and its history.
    4. When money arrived: allocate it, post the ledger. Leave the notice in the outbox.
    Raises IllegalMove.
    """
    payment = Payment.objects.select_for_update().get(id=payment_id)
    old, new = payment.status, result.outcome.value
    if old == new:
        return payment
    PAYMENT_MOVES.check(old, new)
    payment.status = new
    payment.provider_ref = result.provider_ref or payment.provider_ref
    payment.failure_code, payment.failure_message = result.failure_code, result.failure_message
    payment.decline_code = result.decline_code
    payment.outcome_unknown, payment.next_check_at = False, None
    payment.verified_by = verified_by or payment.verified_by
    payment.updated_at = now
    if new == Payment.Status.SUCCEEDED:
        payment.succeeded_at = now
    payment.save()
    note_move(
        "payment",
        tenant_id=payment.tenant_id,
        subject_id=payment.id,
        old=old,
        new=new,
        actor=actor,
        at=now,
        reason=reason,
    )
    if new == Payment.Status.SUCCEEDED:
        invoicing.apply_payment(payment, actor=actor, now=now)
    outbox.write(
        topic="payment.moved",
        payload={"paymentId": str(payment.id), "status": new},
        tenant=payment.tenant,
        now=now,
        dedupe_key=f"payment.moved:{payment.id}:{new}",
    )
    return payment
