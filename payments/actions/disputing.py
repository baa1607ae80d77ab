"""What payers' banks do: they ask, hold the money, give it back or keep it. A returned debit is a dispute that is lost
from its first moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from payments import queries
from payments.actions import posting, posting_refunds
from payments.actions.discrepancies import report_discrepancy, settle_discrepancy
from payments.actions.history import note_move, touch
from payments.actions.locking import lock_with_invoices
from payments.actions.returning import take_back
from payments.models import Account, Discrepancy, Dispute, Payment
from payments.models.dispute import DISPUTE_MOVES
from payments.providers.facts import DisputeFacts

Status = Dispute.Status
Kind = Discrepancy.Kind
ENDED = (Status.WON, Status.LOST, Status.CLOSED)


@transaction.atomic
def apply_disputes(*, payment_id: UUID, facts: Sequence[DisputeFacts], actor: Actor, now: datetime) -> None:
    """Make ours agree with the provider's list of a payment's disputes. What was applied before changes nothing, an
    older answer than what is booked neither. What is booked as a refund is no dispute besides: a provider may tell the
    same money as either, by its own id."""
    payment = lock_with_invoices(payment_id)
    refunded = _refunded(payment)
    for fact in sorted(facts, key=lambda fact: fact.opened_at):
        if fact.provider_ref not in refunded and _is_followable(payment, fact, now):
            _apply(payment, fact, actor, now)


def _refunded(payment: Payment) -> set[str | None]:
    return set(payment.refunds.exclude(provider_ref=None).values_list("provider_ref", flat=True))


def take_what_was_lost(payment: Payment, *, actor: Actor, now: datetime) -> None:
    """Take back what lost disputes took and the books could not follow yet, because refunds had reserved it.

    In the caller's transaction, under `locking.lock_with_invoices`; before the caller touches number series or balance
    it holds the invoices, so this may come after.
    """
    for dispute in payment.disputes.filter(status=Status.LOST).order_by("opened_at", "id"):
        _take(payment, dispute, actor, now)


def _is_followable(payment: Payment, fact: DisputeFacts, now: datetime) -> bool:
    if payment.status not in queries.ARRIVED:
        _report(payment, fact, Kind.STATE_DIFFERS, f"Disputed at the provider, {payment.status} with us.", now)
        return False
    currencies = {fact.amount.currency, fact.withdrawn.currency, fact.fee.currency}
    fits = currencies == {payment.currency} and fact.withdrawn <= fact.amount <= payment.amount
    if not fits or not fact.amount:
        words = f"Disputed: {fact.amount}, taken: {fact.withdrawn}, of a payment of {payment.amount}. Not booked."
        _report(payment, fact, Kind.AMOUNT_DIFFERS, words, now)
        return False
    return True


def _apply(payment: Payment, fact: DisputeFacts, actor: Actor, now: datetime) -> None:
    row = Dispute.objects.filter(
        provider=payment.provider, livemode=payment.livemode, provider_ref=fact.provider_ref
    ).first()
    is_new = row is None
    row = row or _first_seen(payment, fact, actor, now)
    if row.status in ENDED and fact.status != row.status:
        if fact.status in ENDED:
            _report(payment, fact, Kind.STATE_DIFFERS, f"Ended as {fact.status}; with us it was {row.status}.", now)
        return
    # It is won once the money is back with us, and not by a word alone.
    wanted = Status.OPEN if fact.status == Status.WON and fact.withdrawn else fact.status
    if wanted != row.status and not DISPUTE_MOVES.allows(row.status, wanted):
        return
    _book_what_moved(row, fact, now)
    has_moved = wanted != row.status
    if has_moved:
        _move(row, wanted, actor, now)
    if row.status == Status.LOST:
        _take(payment, row, actor, now)
    if row.status in ENDED:
        note = f"The dispute ended: {row.status}."
        settle_discrepancy(kind=Kind.DISPUTED, provider=row.provider, provider_ref=row.provider_ref, note=note, now=now)
    elif is_new or has_moved:  # and not again when somebody has answered it
        words = f"Reason: {fact.reason or 'none told'}. It wants an answer."
        _report(payment, fact, Kind.DISPUTED, words, now, has_moved=has_moved)


def _first_seen(payment: Payment, fact: DisputeFacts, actor: Actor, now: datetime) -> Dispute:
    first = Status.INQUIRY if fact.status in (Status.INQUIRY, Status.CLOSED) else Status.OPEN
    row = Dispute.objects.create(
        tenant_id=payment.tenant_id,
        payment=payment,
        provider=payment.provider,
        livemode=payment.livemode,
        provider_ref=fact.provider_ref,
        amount_minor=fact.amount.minor,
        currency=payment.currency,
        status=first,
        reason=fact.reason[:64],
        opened_at=fact.opened_at,
    )
    _note(row, None, actor, now)
    return row


def _book_what_moved(row: Dispute, fact: DisputeFacts, now: datetime) -> None:
    """The bank gives back only with its word that the dispute is over: less than is booked is an older answer else."""
    given_back = row.status not in ENDED and fact.status in (Status.WON, Status.CLOSED)
    least = 0 if given_back else row.withdrawn_minor, 0 if given_back else row.fee_minor
    now_withdrawn, now_fee = max(fact.withdrawn.minor, least[0]), max(fact.fee.minor, least[1])
    withdrawn, fee = now_withdrawn - row.withdrawn_minor, now_fee - row.fee_minor
    if row.status in (Status.WON, Status.CLOSED) or not (withdrawn or fee):
        return
    row.withdrawn_minor, row.fee_minor = now_withdrawn, now_fee
    row.save(update_fields=["withdrawn_minor", "fee_minor"])
    posting.post([posting_refunds.dispute_moved(row, withdrawn=withdrawn, fee=fee, at=now)])


def _move(row: Dispute, new: str, actor: Actor, now: datetime) -> None:
    DISPUTE_MOVES.check(row.status, new)
    old, row.status = row.status, new
    row.closed_at = now if new in ENDED else None
    row.save(update_fields=["status", "closed_at"])
    _note(row, old, actor, now)


def _take(payment: Payment, row: Dispute, actor: Actor, now: datetime) -> None:
    """What the bank kept leaves credit and invoices. What refunds have reserved stays disputed until they end."""
    lost = payment.disputes.filter(status=Status.LOST)
    missing = sum(lost.values_list("withdrawn_minor", flat=True)) - payment.returned_minor
    if missing <= 0:
        return
    # The payer reads this: why their bank took it (a hint at fraud, say) is for staff, on the dispute.
    reason = "the bank took it back"
    missing -= take_back(
        payment,
        minor=missing,
        held_in=Account.DISPUTED,
        memo=f"Lost dispute {row.provider_ref}",
        reason=reason,
        actor=actor,
        now=now,
    )
    if missing:
        report_discrepancy(
            kind=Kind.STATE_DIFFERS,
            provider=row.provider,
            provider_ref=row.provider_ref,
            amount=Money(missing, row.currency),
            detail="The bank kept more of the payment than refunds have left of it.",
            payment=payment,
            now=now,
        )
    else:
        settle_discrepancy(
            kind=Kind.STATE_DIFFERS,
            provider=row.provider,
            provider_ref=row.provider_ref,
            note="Taken back once refunds had let go of it.",
            now=now,
        )


def _note(row: Dispute, old: str | None, actor: Actor, now: datetime) -> None:
    touch(row.payment_id, now)
    note_move(row, old, actor=actor, at=now, reason=row.reason)


def _report(
    payment: Payment, fact: DisputeFacts, kind: str, detail: str, now: datetime, *, has_moved: bool = False
) -> None:
    report_discrepancy(
        kind=kind,
        provider=payment.provider,
        provider_ref=fact.provider_ref,
        amount=fact.amount,
        detail=detail,
        payment=payment,
        now=now,
        has_moved=has_moved,
    )
