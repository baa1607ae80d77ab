"""Reads of what happened and who did it: many histories at once, the people in them, the mail that went out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import ActorKind
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.models import User
from payments.models import Invoice, StatusChange


def histories(subject: str, subject_ids: Iterable[UUID]) -> dict[UUID, list[StatusChange]]:
    """By the subject's id, oldest first, in one query."""
    found: dict[UUID, list[StatusChange]] = defaultdict(list)
    for change in StatusChange.objects.filter(subject=subject, subject_id__in=list(subject_ids)):
        found[change.subject_id].append(change)
    return found


def people(changes: Iterable[StatusChange]) -> dict[UUID, str]:
    """The names of those who moved something, by id, in one query; who has none is known by e-mail."""
    ids = {change.actor_id for change in changes if change.actor_kind in (ActorKind.USER, ActorKind.STAFF)}
    return {user.id: user.get_full_name() for user in User.objects.filter(id__in=[each for each in ids if each])}


def invoice_mail(invoice: Invoice) -> tuple[str, datetime] | None:
    """To whom and when the invoice was sent; None while that has not happened."""
    handled = (
        OutboxMessage.objects.filter(dedupe_key=f"invoice.issued:{invoice.id}").values_list("id", flat=True).first()
    )
    sent = (
        OutboxMessage.objects.filter(dedupe_key=f"mail:{handled}", done_at__isnull=False).first() if handled else None
    )
    return (sent.payload["to"], sent.done_at) if sent and sent.done_at else None
