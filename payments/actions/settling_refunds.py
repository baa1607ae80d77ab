"""The one door to a refund's end: what a provider says of it, booked once, however often and late it is told.

`refunding` is what others call.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.ids import uuid_in
from billing_portal.kit.money import Money
from payments import queries
from payments.actions import booking_refunds, disputing, reserving
from payments.actions.discrepancies import report_discrepancy, settle_discrepancy
from payments.actions.history import note_move, touch
from payments.actions.locking import lock_with_invoices
from payments.actions.waiting import FIRST_CHECK, LONGEST_PAUSE
from payments.models import Discrepancy, Dispute, Payment, Refund
from payments.models.refund import REFUND_MOVES
from payments.providers.facts import DisputeFacts, RefundResult

Status = Refund.Status
Kind = Discrepancy.Kind
# Money that has left, or is leaving.
MOVED = (Status.PENDING, Status.SUCCEEDED)
MADE_ELSEWHERE = "Made in the provider's dashboard"


@transaction.atomic
def settle_refund(*, refund_id: UUID, result: RefundResult, actor: Actor, now: datetime) -> Refund:
    """Apply a provider's answer to our row.

    1. Lock payment, invoices and refund. Whoever comes second waits here.
    2. An answer about another of the provider's refunds is of one that we don't know: it gets a row of its own. One
       about another amount is not booked: staff hear of it.
    3. Return quietly when the row says so already, or says what came later.
    4. Write the new state and its history, then what it means in the books.
    """
    payment, refund = locked(refund_id)
    if _is_another(refund, result):
        _adopt(payment, result, now)
        return refund
    if result.amount != refund.amount:
        _report(payment, result, Kind.AMOUNT_DIFFERS, f"Our refund is of {refund.amount}. Nothing was booked.", now)
        return refund
    old, new = refund.status, result.status
    if old == Status.SUCCEEDED and new == Status.CANCELED:
        new = Status.FAILED
    if old == new:
        return _learn(refund, result, now)
    if not REFUND_MOVES.allows(old, new):
        return refund
    refund.status, refund.provider_ref, refund.failure_code = new, result.provider_ref, result.failure_code
    refund.settled_at, refund.outcome_unknown, refund.next_check_at = now, False, None
    refund.save()
    touch(payment.id, now)
    _note(refund, old, actor, now, reason=result.failure_code or "")
    _known_again(refund, now)
    if new == Status.SUCCEEDED:
        booking_refunds.book_success(payment, refund, actor=actor, now=now)
    else:
        booking_refunds.book_failure(refund, had_succeeded=old == Status.SUCCEEDED, now=now)
        disputing.take_what_was_lost(payment, actor=actor, now=now)
        if new == Status.FAILED:
            words = f"{'It came back' if old == Status.SUCCEEDED else 'Refused'}: {result.failure_code or 'no reason'}."
            _report(payment, result, Kind.REFUND_FAILED, words, now)
    return refund


@transaction.atomic
def adopt_refunds(
    *,
    payment_id: UUID,
    results: Sequence[RefundResult],
    actor: Actor,
    now: datetime,
    disputes: Sequence[DisputeFacts] = (),
) -> None:
    """Make ours agree with the provider's list of a payment's refunds: our own are settled, those made elsewhere become
    rows. What the books can't follow is reported to staff.

    What is booked as a dispute is no refund besides. A provider may tell the same money as either: by one id, or first
    as the outcome of a case and a moment later as a refund, which is how it paid that out. So what is booked as lost,
    and `disputes` (what the provider tells now) does not call taken any more, is held against the refunds that nobody
    here knows: no more of them is booked than is left beyond it, and of the rest staff hear. However long the provider
    takes to list a payout, our cash is never lower than its own; a refund that is held back by mistake, because nobody
    had asked about disputes, is booked by the next who has.
    """
    payment = lock_with_invoices(payment_id)
    if payment.status not in queries.ARRIVED:
        return
    lost_before = _booked_and_not_told(payment, results, disputes)
    unknown = []
    for result in results:
        if own := _own(payment, result):
            settle_refund(refund_id=own.id, result=result, actor=actor, now=now)
        elif result.status in MOVED and result.provider_ref not in _disputed(payment):
            unknown.append(result)
    of_their_own = sum(each.amount.minor for each in unknown) - lost_before
    for result in unknown:
        if lost_before and result.amount.minor > of_their_own:
            words = f"{Money(lost_before, payment.currency)} is booked as a lost dispute, which the provider does not"
            words += " call taken any more: this refund seems to be the same money. It was not booked a second time."
            _report(payment, result, Kind.UNKNOWN_REFUND, words, now)
        else:
            _adopt(payment, result, now)
            of_their_own -= result.amount.minor


def _booked_and_not_told(payment: Payment, results: Sequence[RefundResult], disputes: Sequence[DisputeFacts]) -> int:
    """Minor units that are booked as lost beyond what the provider tells now as taken, under the dispute's id."""
    told = {each.provider_ref: each.withdrawn.minor for each in disputes}
    told |= {each.provider_ref: each.amount.minor for each in results if each.status in MOVED}
    booked = payment.disputes.filter(status=Dispute.Status.LOST).values_list("provider_ref", "withdrawn_minor")
    return sum(max(0, withdrawn - told.get(reference, 0)) for reference, withdrawn in booked)


def _disputed(payment: Payment) -> set[str]:
    return set(payment.disputes.values_list("provider_ref", flat=True))


@transaction.atomic
def end_unsent(*, refund_id: UUID, reason: str, actor: Actor, now: datetime) -> Refund:
    """Surely nothing moved, or nobody approved it: the reservation is let go. The key is free again. One that has moved
    on meanwhile stays as it is."""
    payment, refund = locked(refund_id)
    old = refund.status
    if refund.provider_ref is not None or not REFUND_MOVES.allows(old, Status.CANCELED):
        return refund
    refund.status, refund.client_key, refund.settled_at = Status.CANCELED, None, now
    refund.outcome_unknown, refund.next_check_at = False, None
    refund.save()
    _note(refund, old, actor, now, reason=reason)
    _known_again(refund, now)
    reserving.release(refund, now=now)
    disputing.take_what_was_lost(payment, actor=actor, now=now)
    return refund


@transaction.atomic
def ask_later(*, refund_id: UUID, now: datetime) -> Refund:
    """No answer: it may have happened. Asked about soon, then less and less often; in the end somebody is told."""
    payment, refund = locked(refund_id)
    if refund.status != Status.PENDING:
        return refund
    asked_before = refund.outcome_unknown or refund.provider_ref is not None
    pause = min(max((now - refund.created_at) / 2, FIRST_CHECK), LONGEST_PAUSE) if asked_before else FIRST_CHECK
    refund.outcome_unknown, refund.next_check_at = refund.provider_ref is None, now + pause
    refund.save(update_fields=["outcome_unknown", "next_check_at"])
    if refund.outcome_unknown and pause == LONGEST_PAUSE:
        report_discrepancy(
            kind=Kind.STILL_UNKNOWN,
            provider=payment.provider,
            provider_ref=str(refund.id),
            amount=refund.amount,
            detail="The provider has not told for hours whether it gave this refund.",
            payment=payment,
            now=now,
        )
    return refund


def locked(refund_id: UUID) -> tuple[Payment, Refund]:
    """The refund under the locks of its payment and the payment's invoices."""
    payment = lock_with_invoices(Refund.objects.values_list("payment_id", flat=True).get(id=refund_id))
    refund = Refund.objects.select_for_update(no_key=True).get(id=refund_id)
    refund.payment = payment
    return payment, refund


def _is_another(refund: Refund, result: RefundResult) -> bool:
    """Ours has another reference, or had ended, or was not even approved, before any refund of it was made."""
    if refund.provider_ref:
        return refund.provider_ref != result.provider_ref
    return refund.status != Status.PENDING


def _own(payment: Payment, result: RefundResult) -> Refund | None:
    if known := payment.refunds.filter(provider_ref=result.provider_ref).first():
        return known
    named = uuid_in(result.refund_id)
    return payment.refunds.filter(id=named).first() if named else None


def _adopt(payment: Payment, result: RefundResult, now: datetime) -> None:
    """Money that left without a row of ours. One that came to nothing needs none."""
    known = payment.refunds.filter(provider_ref=result.provider_ref).exists()
    if known or result.status not in MOVED:
        return
    if result.amount.currency != payment.currency:
        _report(payment, result, Kind.AMOUNT_DIFFERS, f"The payment is in {payment.currency}. Nothing was booked.", now)
        return
    if not reserving.can_follow(payment, result.amount.minor):
        words = "More than the payment has left, or given back before by a credit note. Nothing was booked."
        _report(payment, result, Kind.UNKNOWN_REFUND, words, now)
        return
    by_provider = Actor(ActorKind.PROVIDER, None, payment.provider)
    refund = reserving.reserve(
        payment,
        minor=result.amount.minor,
        actor=by_provider,
        now=now,
        reason=MADE_ELSEWHERE,
        status=Status.PENDING,
        destination="source",
        provider_ref=result.provider_ref,
    )
    settle_discrepancy(
        kind=Kind.UNKNOWN_REFUND,
        provider=payment.provider,
        provider_ref=result.provider_ref,
        note="The books could follow it after all.",
        now=now,
    )
    settle_refund(refund_id=refund.id, result=result, actor=by_provider, now=now)


def _learn(refund: Refund, result: RefundResult, now: datetime) -> Refund:
    """Nothing moves, but the provider has it: known, and on its way for days, perhaps."""
    if refund.status == Status.PENDING:
        refund.provider_ref, refund.outcome_unknown = result.provider_ref, False
        refund.next_check_at = now + LONGEST_PAUSE
        refund.save(update_fields=["provider_ref", "outcome_unknown", "next_check_at"])
        _known_again(refund, now)
    return refund


def _known_again(refund: Refund, now: datetime) -> None:
    settle_discrepancy(
        kind=Kind.STILL_UNKNOWN,
        provider=refund.payment.provider,
        provider_ref=str(refund.id),
        note=f"It is {refund.status}.",
        now=now,
    )


def _note(refund: Refund, old: str, actor: Actor, now: datetime, *, reason: str) -> None:
    note_move(refund, old, actor=actor, at=now, reason=reason)


def _report(payment: Payment, result: RefundResult, kind: str, words: str, now: datetime) -> None:
    report_discrepancy(
        kind=kind,
        provider=payment.provider,
        provider_ref=result.provider_ref,
        amount=Money(result.amount.minor, result.amount.currency),
        detail=words,
        payment=payment,
        now=now,
    )
