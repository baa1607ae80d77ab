"""Write down that something moved from one state to another: called by every verb that moves one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.context import current
from payments.models import Payment, StatusChange


def note_move(
    subject: str,
    *,
    tenant_id: UUID,
    subject_id: UUID,
    old: str | None,
    new: str,
    actor: Actor,
    at: datetime,
    reason: str = "",
) -> None:
    """`old` is None for the first state. The cause is the request that is being served, also when a task carries it
    on."""
    StatusChange.objects.create(
        tenant_id=tenant_id,
        subject=subject,
        subject_id=subject_id,
        old=old,
        new=new,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label,
        at=at,
        reason=reason,
        cause=current().get("request_id", ""),
    )


def touch(payment_id: UUID, at: datetime) -> None:
    """A refund or a dispute of it has moved: whoever polls for what has changed finds the payment."""
    Payment.objects.filter(id=payment_id, updated_at__lt=at).update(updated_at=at)
