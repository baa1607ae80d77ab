"""Payments whose outcome nobody knows yet, and who is finding out: asked about later, or being taken right now."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from billing_portal.kit.actors import Actor
from payments.actions.history import note_move
from payments.models import Payment

Status = Payment.Status

# The first question about an unknown outcome comes after this; each later one after half the time that has passed.
FIRST_CHECK = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
# Far longer than any call to a provider takes: who is taking a payment has an answer by then, or is dead.
TAKING_TAKES = timedelta(minutes=2)
# How a payment's history says why nobody knows its outcome: the provider did not answer, or is being asked to capture.
NO_ANSWER, BEING_TAKEN = "no answer yet", "being taken"


@transaction.atomic
def mark_unknown(*, payment_id: UUID, sent_from: str, actor: Actor, now: datetime) -> Payment:
    """The request left and nobody knows what became of it: never failed, always asked about. A payment that is not in
    the state any more from which it was sent (its webhook was faster) is left as it is."""
    payment = Payment.objects.select_for_update(of=("self",)).get(id=payment_id)
    if payment.status == sent_from:
        _set_out(payment, NO_ANSWER, now + FIRST_CHECK, actor, now)
        payment.save()
    return payment


@transaction.atomic
def claim_to_take(*, payment_id: UUID, actor: Actor, now: datetime) -> Payment | None:
    """The payment, `processing`, with `claim` set for whoever asks; None when there is nothing to take: somebody else
    is at it, has taken it, or has given it up.

    Until `claimed_until` the holder alone may say that nothing was taken. That instant is never reckoned from a clock
    that is behind: a worker that goes through many payments hands on the time at which it began.
    """
    payment = Payment.objects.select_for_update(of=("self",)).select_related("tenant", "invoice").get(id=payment_id)
    if not is_to_be_taken(payment):
        return None
    payment.claim, payment.claimed_until = uuid4(), max(now, timezone.now()) + TAKING_TAKES
    _set_out(payment, BEING_TAKEN, payment.claimed_until, actor, now)
    payment.save()
    return payment


@transaction.atomic
def leave_unknown(*, payment_id: UUID, claim: UUID, actor: Actor, now: datetime) -> Payment:
    """The answer to whoever was taking it has not come: the next sweep asks, and may ask for the money again under the
    same key. The request may still be on its way: until `claimed_until` nobody says that nothing was taken."""
    payment = Payment.objects.select_for_update(of=("self",)).select_related("tenant").get(id=payment_id)
    if payment.claim == claim:
        payment.claim, payment.next_check_at, payment.updated_at = None, now, now
        payment.save()
    elif payment.status == Status.REQUIRES_ACTION:  # a clock that was ahead took the claim for an old one
        _set_out(payment, NO_ANSWER, now, actor, now)
        payment.save()
    return payment


def is_to_be_taken(payment: Payment) -> bool:
    """Whether somebody may ask for its money: its payer may have agreed, or whoever asked last got no answer."""
    is_left = payment.outcome_unknown and payment.claim is None and payment.claimed_until is not None
    return payment.status == Status.REQUIRES_ACTION or (payment.status == Status.PROCESSING and is_left)


def may_be_taken(payment: Payment, now: datetime) -> bool:
    """Whether a request for its money is under way, or may be: what is read of it now may be an older word."""
    return payment.claimed_until is not None and payment.claimed_until > now


def check_again_later(*, payment_id: UUID, now: datetime) -> None:
    """Ask less and less often: after half of the time that has passed, five seconds at least, an hour at most."""
    payment = Payment.objects.get(id=payment_id)
    pause = min(max((now - payment.created_at) / 2, FIRST_CHECK), LONGEST_PAUSE)
    expected = Payment.objects.filter(id=payment_id, next_check_at__isnull=False)
    expected.update(next_check_at=now + pause)


def _set_out(payment: Payment, reason: str, check_at: datetime, actor: Actor, now: datetime) -> None:
    old = payment.status
    payment.status, payment.outcome_unknown = Status.PROCESSING, True
    payment.next_check_at, payment.updated_at = check_at, now
    if old == payment.status:
        return
    note_move(payment, old, actor=actor, at=now, reason=reason)
