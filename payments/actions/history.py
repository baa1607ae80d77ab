"""Write down that something moved from one state to another: called by every verb that moves one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.context import current
from payments.models import Payment, StatusChange


class Moving(Protocol):
    """A row that has states: a payment, an invoice, a refund, a dispute, a subscription."""

    id: Any
    tenant_id: Any
    status: Any
    _meta: ClassVar[Any]


def note_move(row: Moving, old: str | None, *, actor: Actor, at: datetime, reason: str = "") -> None:
    """From `old`, None for the first state, into the one that `row` has. The cause is the request that is being served,
    also when a task carries it on."""
    StatusChange.objects.create(
        tenant_id=row.tenant_id,
        subject=row._meta.model_name,
        subject_id=row.id,
        old=old,
        new=row.status,
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
