"""Past due, unpaid, and in order again: what the invoices of a subscription that is paid by invoice say of it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing_portal.kit.actors import Actor
from payments import dunning, hold_queries
from payments.models import CollectionHold, Invoice
from subscriptions.actions import ending, moving, pausing, renewing
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine

Status = Subscription.Status
# How its history says why access came back though nobody has paid.
HELD_BACK = "collecting is held back"
JUDGED = (Status.ACTIVE, Status.PAST_DUE, Status.UNPAID)


@transaction.atomic
def judge(*, subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    """Bring its state in line with its own invoices; nothing overdue, or nothing new: as it is.

    1. Lock it, and do what was due before.
    2. One invoice overdue: `past_due`, with access kept. So for longer than the days of grace: what the installation
       has chosen, `unpaid` or canceled. One that its payer has promised to pay by a day that has not passed does not
       lead there, and that day gives some more.
    3. Nothing overdue any more, or all that is overdue is held back: access comes back. After `unpaid` a new period
       begins, where the old one has run out. It is `active`; with a promise alone `past_due`, which is the truth.
    """
    subscription = moving.locked(subscription_id)
    renewing.catch_up(subscription, actor=actor, now=now)
    if subscription.engine == Engine.INVOICE and subscription.status in JUDGED:
        late = [] if hold_queries.exemption(subscription.tenant, now) else list(overdue(subscription, now))
        held = hold_queries.holds_of(late, now)
        _give_back(subscription, late, held, actor, now)
        _warn(subscription, late, held, actor, now)
        _step(subscription, [each for each in late if each.id not in held], actor, now)
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


def last_step_of(invoices: Iterable[Invoice], now: datetime) -> datetime | None:
    """When the first of these, if none is paid, has its last consequence: after the days of grace, and some days after
    what holds it back ends, or has ended. None of none."""
    rows = list(invoices)
    ends = {**hold_queries.ended(rows, now), **hold_queries.holds_of(rows, now)}
    grace = timedelta(days=settings.PAST_DUE_GRACE_DAYS)
    steps = [
        dunning.last_step(each.due_at, grace, ends[each.id].ends_at if each.id in ends else None)
        for each in rows
        if each.due_at
    ]
    return min(steps, default=None)


def _give_back(
    subscription: Subscription, late: Sequence[Invoice], held: Container[UUID], actor: Actor, now: datetime
) -> None:
    """Nothing is overdue any more, or nothing but what was promised."""
    is_exempt = not late and overdue(subscription, now).exists()
    if subscription.status == Status.UNPAID and all(each.id in held for each in late):
        reason = HELD_BACK if late or is_exempt else "what was open is paid"
        pausing.go_on(subscription, reason=reason, actor=actor, now=now)
    elif subscription.status == Status.PAST_DUE and not late:
        reason = HELD_BACK if is_exempt else "nothing is overdue any more"
        moving.move(subscription, Status.ACTIVE, actor=actor, now=now, reason=reason)


def _warn(
    subscription: Subscription,
    late: Sequence[Invoice],
    held: Mapping[UUID, CollectionHold],
    actor: Actor,
    now: datetime,
) -> None:
    """Past due. Whoever has promised to pay all of it is told when that day has passed, once."""
    if late and subscription.status == Status.ACTIVE:
        is_promised = all(each.id in held for each in late)
        moving.move(
            subscription, Status.PAST_DUE, actor=actor, now=now, reason="an invoice is overdue", is_told=not is_promised
        )
    if subscription.status == Status.PAST_DUE:
        for hold in hold_queries.ended([each for each in late if each.id not in held], now).values():
            if hold.kind == CollectionHold.Kind.PROMISE and hold.lifted_at is None:
                moving.tell(subscription, "past_due", now=now, once=f"hold:{hold.id}")


def _step(subscription: Subscription, late: Sequence[Invoice], actor: Actor, now: datetime) -> None:
    """The last consequence, of what nothing holds back."""
    at = last_step_of(late, now)
    if subscription.status != Status.PAST_DUE or at is None or at > now:
        return
    if settings.PAST_DUE_ENDS_IN == "canceled":
        ending.credit_ahead(subscription, actor=actor, now=now)
        moving.end(subscription, now, actor=actor, now=now, reason="an invoice stayed unpaid")
    else:
        moving.move(subscription, Status.UNPAID, actor=actor, now=now, reason="an invoice stayed unpaid")
