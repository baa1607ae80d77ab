"""The one door to 'paid': nothing else makes a payment succeeded, failed, canceled or rejected."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tenants.models import User
from payments import queries, share_queries
from payments.actions import invoicing, posting, waiting
from payments.actions.discrepancies import report_discrepancy, settle_discrepancy
from payments.actions.history import note_move
from payments.models import Discrepancy, Payment
from payments.models.payment import PAYMENT_MOVES
from payments.providers.facts import PaymentResult

Status = Payment.Status

# Ended, and no money came: what the provider calls one of them may be the other with us.
ENDED = (Status.FAILED, Status.CANCELED)
# How often a payment that waits on a provider's own page is looked at.
APPROVALS_EVERY = timedelta(minutes=5)
# What is no word against somebody who is taking the money: they will know better in a moment.
WAITS_FOR_THE_TAKER = (Status.REQUIRES_ACTION, *ENDED)


@transaction.atomic
def settle_payment(
    *,
    payment_id: UUID,
    result: PaymentResult,
    actor: Actor,
    now: datetime,
    reason: str = "",
    verified_by: User | None = None,
    claim: UUID | None = None,
) -> Payment:
    """Apply a provider's answer to our row. `claim`: of whoever is taking the money (`waiting.claim_to_take`). While
    somebody is, nobody else's word ends the payment or gives it back to its payer: the row is left as it is.

    1. Lock the payment. Whoever comes second waits here.
    2. An answer about another amount is not booked: staff hear of it.
    3. Return quietly when the row says so already: webhooks, retries and two clicks all end here.
    4. Refuse a move that is not in the table; write the new state and its history.
    5. When money arrived: allocate it, post the ledger. A check in `clearing` is allocated too; when it clears, only
       the account changes that it lies in. Leave what must follow in the outbox.
    Raises IllegalMove.
    """
    payment = Payment.objects.select_for_update(of=("self",)).get(id=payment_id)
    if result.amount is not None and result.amount != payment.amount:
        _report_other_amount(payment, result, now)
        waiting.check_again_later(payment_id=payment.id, now=now)
        return payment
    old, new = payment.status, result.outcome.value
    is_takers = claim is not None and payment.claim == claim
    if new in WAITS_FOR_THE_TAKER and not is_takers and waiting.may_be_taken(payment, now):
        return payment
    # The provider's word for a charge that a bank took back is still "succeeded".
    is_known = old == new or (old in ENDED and new in ENDED) or (old == Status.RETURNED and new == Status.SUCCEEDED)
    if is_known:
        return _learn(payment, result, now)
    PAYMENT_MOVES.check(old, new)
    payment.status = new
    _take_facts(payment, result)
    payment.failure_code, payment.failure_message = result.failure_code, (result.failure_message or "")[:500] or None
    payment.decline_code = result.decline_code
    payment.outcome_unknown, payment.next_check_at = False, _next_check(payment, now)
    payment.claim = payment.claimed_until = None
    payment.verified_by = verified_by or payment.verified_by
    payment.updated_at = now
    if new == Status.SUCCEEDED:
        payment.succeeded_at = now
    payment.save()
    note_move(payment, old, actor=actor, at=now, reason=reason)
    of: dict[str, Any] = {"provider": payment.provider, "now": now}
    settle_discrepancy(kind=Discrepancy.Kind.STILL_UNKNOWN, provider_ref=str(payment.id), note=f"it is {new}", **of)
    if payment.provider_ref:
        settle_discrepancy(
            kind=Discrepancy.Kind.UNKNOWN_CHARGE, provider_ref=payment.provider_ref, note=f"it is {payment.id}", **of
        )
    if (old, new) == (Status.CLEARING, Status.SUCCEEDED):
        posting.post([posting.check_cleared(payment, at=now)])
    elif new in (Status.CLEARING, Status.SUCCEEDED):
        invoicing.apply_payment(payment, actor=actor, now=now)
        _book_fee(payment, now)
        _tell_staff_of_surprises(payment, old, now)
    _leave_what_follows(payment, now)
    return payment


def _learn(payment: Payment, result: PaymentResult, now: datetime) -> Payment:
    """Nothing moves, but the answer may say what we did not know: the reference, the card, the fee, the outcome."""
    before = _facts(payment)
    _take_facts(payment, result)
    if payment.status == result.outcome.value:
        payment.outcome_unknown, payment.next_check_at = False, _next_check(payment, now)
        payment.claim = payment.claimed_until = None
    if before != _facts(payment):
        payment.updated_at = now
        payment.save()
        if payment.status in queries.ARRIVED and before.fee is None:
            _book_fee(payment, now)
    return payment


class _Facts(NamedTuple):
    reference: str | None
    money: str | None
    last4: str | None
    fee: int | None
    unknown: bool
    next_check: datetime | None


def _facts(payment: Payment) -> _Facts:
    return _Facts(
        payment.provider_ref,
        payment.capture_ref,
        payment.method_last4,
        payment.fee_minor,
        payment.outcome_unknown,
        payment.next_check_at,
    )


def _next_check(payment: Payment, now: datetime) -> datetime | None:
    """A payer who agrees on a provider's page and closes the tab comes back to nobody: so it is looked at."""
    waits_elsewhere = payment.status == Status.REQUIRES_ACTION and payment.approval_url
    return now + APPROVALS_EVERY if waits_elsewhere else None


def _take_facts(payment: Payment, result: PaymentResult) -> None:
    payment.provider_ref = result.provider_ref or payment.provider_ref
    if payment.pays_bill and payment.status in ENDED:
        payment.provider_ref = None  # what was tried is over; the next try at the bill has the same reference
    payment.capture_ref = result.capture_ref or payment.capture_ref
    payment.approval_url = result.approval_url or payment.approval_url
    if result.method:
        payment.method_brand = result.method.brand or result.method.bank_name
        payment.method_last4 = result.method.last4
    if result.fee is not None and payment.fee_minor is None:
        payment.fee_minor = result.fee.minor


def _book_fee(payment: Payment, now: datetime) -> None:
    if payment.fee_minor:
        posting.post([posting.provider_fee(payment, at=now)])


def _tell_staff_of_surprises(payment: Payment, old: str, now: datetime) -> None:
    """Money that came after its payment had ended, or that the invoices it was for do not need any more. Who sends more
    than was asked for by a check or wire wants credit, and nobody has to see to that."""
    if old in ENDED:
        report_discrepancy(
            kind=Discrepancy.Kind.LATE_SUCCESS,
            provider=payment.provider,
            provider_ref=str(payment.id),
            amount=payment.amount,
            detail=f"The payment was {old}, and the money arrived all the same. It is booked.",
            payment=payment,
            now=now,
        )
    left = queries.unallocated(payment)
    if left and payment.provider == "manual":
        left = min(left, share_queries.not_needed(payment))
    if left and (payment.invoice_id or payment.provider == "manual"):
        report_discrepancy(
            kind=Discrepancy.Kind.NOT_NEEDED,
            provider=payment.provider,
            provider_ref=str(payment.id),
            amount=Money(left, payment.currency),
            detail="What it was for needed less of it. The rest is the tenant's credit: keep it or give it back.",
            payment=payment,
            now=now,
        )


def _report_other_amount(payment: Payment, result: PaymentResult, now: datetime) -> None:
    assert result.amount is not None
    report_discrepancy(
        kind=Discrepancy.Kind.AMOUNT_DIFFERS,
        provider=payment.provider,
        provider_ref=result.provider_ref or str(payment.id),
        amount=result.amount,
        detail=f"Ours is {payment.amount_minor} {payment.currency}, the provider's {result.amount.minor}"
        f" {result.amount.currency} ({result.outcome.value}). Nothing was booked.",
        payment=payment,
        now=now,
    )


def _leave_what_follows(payment: Payment, now: datetime) -> None:
    """The notice; and for a payment that failed, that the provider must not be able to take it later."""
    outbox.write(
        topic="payment.moved",
        payload={"paymentId": str(payment.id), "status": payment.status},
        tenant=payment.tenant,
        now=now,
        dedupe_key=f"payment.moved:{payment.id}:{payment.status}",
    )
    if payment.status == Status.FAILED and payment.provider_ref:
        outbox.write(
            topic="payment.abandoned",
            payload={"paymentId": str(payment.id)},
            tenant=payment.tenant,
            now=now,
            dedupe_key=f"payment.abandoned:{payment.id}",
        )
