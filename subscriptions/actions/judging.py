"""Past due, unpaid, and in order again: what the invoices of a subscription that is paid by invoice say of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing_portal.kit.actors import Actor
from payments.models import Invoice
from subscriptions.actions import ending, moving, pausing, renewing
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine

Status = Subscription.Status
JUDGED = (Status.ACTIVE, Status.PAST_DUE, Status.UNPAID)


@transaction.atomic
def judge(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """Bring its state in line with its own invoices; nothing overdue, or nothing new: as it is.

    1. Lock it, and do what was due before.
    2. One invoice overdue: `past_due`, with access kept. So for longer than the days of grace: what the installation
       has chosen, `unpaid` or canceled.
    3. Nothing overdue any more: `active`. After `unpaid` a new period begins, where the old one has run out.
    """
    subscription = moving.locked(subscription_id)
    renewing.catch_up(subscription, actor=actor, now=now)
    if subscription.engine == Engine.INVOICE and subscription.status in JUDGED:
        oldest = overdue(subscription, now).order_by("due_at").values_list("due_at", flat=True).first()
        if oldest is None:
            _clear(subscription, actor, now)
        else:
            _warn(subscription, oldest, actor, now)
    subscription.save()
    return subscription


def overdue(subscription: Subscription, now: datetime) -> QuerySet[Invoice]:
    return Invoice.objects.filter(
        subscription_ref=subscription.id, provider=None, status=Invoice.Status.OPEN, due_at__lt=now
    )


def to_judge(now: datetime) -> QuerySet[Subscription]:
    """Those that have something overdue, and those that are said to."""
    late = Invoice.objects.filter(
        subscription_ref=OuterRef("id"), provider=None, status=Invoice.Status.OPEN, due_at__lt=now
    )
    return Subscription.objects.filter(
        Q(status__in=(Status.PAST_DUE, Status.UNPAID)) | Exists(late), engine=Engine.INVOICE, status__in=JUDGED
    ).order_by("started_at")


def _clear(subscription: Subscription, actor: Actor, now: datetime) -> None:
    if subscription.status == Status.PAST_DUE:
        moving.move(subscription, Status.ACTIVE, actor=actor, now=now, reason="nothing is overdue any more")
    elif subscription.status == Status.UNPAID:
        pausing.go_on(subscription, reason="what was open is paid", actor=actor, now=now)


def _warn(subscription: Subscription, oldest: datetime, actor: Actor, now: datetime) -> None:
    if subscription.status == Status.ACTIVE:
        moving.move(subscription, Status.PAST_DUE, actor=actor, now=now, reason="an invoice is overdue")
    if subscription.status != Status.PAST_DUE or oldest + timedelta(days=settings.PAST_DUE_GRACE_DAYS) > now:
        return
    if settings.PAST_DUE_ENDS_IN == "canceled":
        ending.credit_ahead(subscription, actor=actor, now=now)
        moving.end(subscription, now, actor=actor, now=now, reason="an invoice stayed unpaid")
    else:
        moving.move(subscription, Status.UNPAID, actor=actor, now=now, reason="an invoice stayed unpaid")
