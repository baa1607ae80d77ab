"""Give money back: all of a payment, or part of it, to where it came from or to the tenant's credit balance."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BadInput, BillingError, IdempotencyMismatch
from billing_portal.kit.money import Money
from billing_portal.tenants.models import User
from payments import policies, refund_queries
from payments.actions import booking_refunds, reserving, sending_refunds
from payments.actions.history import note_move
from payments.actions.locking import lock_with_invoices
from payments.actions.paying_out import cancel_payout, is_paid_by_hand, record_payout
from payments.actions.settling_refunds import adopt_refunds, ask_later, end_unsent, locked, settle_refund
from payments.errors import (
    CurrencyMismatch,
    InvalidAmount,
    NotSupportedByProvider,
    PaymentDisputed,
    PaymentNotRefundable,
    RefundDiffers,
    RefundNotWaiting,
    SecondPersonNeeded,
)
from payments.models import Payment, Refund
from payments.models.refund import REFUND_MOVES
from payments.providers import registry
from payments.providers.base import Refunds, TakesPayments
from payments.providers.errors import ProviderError

__all__ = [
    "adopt_refunds",
    "approve_refund",
    "cancel_payout",
    "cancel_refund",
    "check_refund",
    "record_payout",
    "refund_payment",
    "settle_refund",
]

Status = Refund.Status
# Whoever is killed between the row and the answer leaves it to be asked about after this: longer than a call takes.
CALL_TAKES = timedelta(seconds=30)


def refund_payment(
    *,
    payment_id: UUID,
    amount: Money | None,
    reason: str,
    destination: str,
    requester: User | None,
    actor: Actor,
    now: datetime,
    key: str | None = None,
    shown: str | None = None,
) -> Refund:
    """Give `amount` of a payment back; None is all that can be. The same `key` finds the refund it made the first time,
    and finishes it where it was left. `requester` None: nobody has asked for it, it follows by itself. `shown`
    is the `reserving.mark` of what whoever asks has seen.

    1. Under the locks of the payment and its invoices: look for the key, see what is left, reserve it. Commit. Above
       the threshold it then waits for another person. To credit nobody has to be asked: it is done at once.
    2. Ask the provider under the refund's own key, with no transaction open. Money that people received goes back by
       people: it stays pending until `record_payout` says that it was sent, or `cancel_payout` that it won't be.
    3. Lock again and apply the answer; a refund that came to nothing lets go of what it had reserved. Without an answer
       it stays pending, and is asked about.
    Raises RefundExceedsPayment, AlreadyRefunded, AlreadyCredited, PaymentDisputed, PaymentNotRefundable,
    NotSupportedByProvider, CurrencyMismatch, BadInput, InvalidAmount, IdempotencyMismatch, RefundDiffers; and when the
    provider surely gave nothing, what `sending_refunds.send` raises: the refund is canceled then, and the key is free
    again.
    """
    if amount is not None and amount.minor <= 0:
        raise BadInput("The amount must be 1 or more.", code="too_small", field="amount")
    with transaction.atomic():
        payment = lock_with_invoices(payment_id)
        if key and (earlier := payment.refunds.filter(client_key=key).first()):
            refund, is_new = _same_request(earlier, amount, destination), False
        else:
            refund = _reserve(payment, amount, reason, destination, requester, actor, now, key, shown)
            is_new = True
    if refund.status != Status.PENDING or is_paid_by_hand(payment):
        return refund
    if is_new:
        return sending_refunds.send(refund_id=refund.id, is_first=True, actor=actor, now=now)
    return _ask(refund, actor, now)


def approve_refund(*, refund_id: UUID, approver: User, actor: Actor, now: datetime) -> Refund:
    """A second person agrees, and it is given. Approved before: as it is.

    Raises SecondPersonNeeded (also held by the database), PaymentDisputed, PaymentNotRefundable,
    NotSupportedByProvider, IllegalMove (canceled meanwhile); and what `sending_refunds.send` raises.
    """
    with transaction.atomic():
        payment, refund = locked(refund_id)
        if refund.approved_by_id is not None:
            return refund
        REFUND_MOVES.check(refund.status, Status.PENDING)
        if refund.needs_second_person and refund.requested_by_id == approver.id:
            raise SecondPersonNeeded("Above this amount somebody other than whoever asked for the refund approves it.")
        check_refundable(payment, refund.destination)
        old, refund.status, refund.approved_by = refund.status, Status.PENDING, approver
        refund.next_check_at = None if is_paid_by_hand(payment) else now + CALL_TAKES
        refund.save()
        _note(refund, old, actor, now, "approved")
        if refund.destination == "credit":
            return _give_as_credit(payment, refund, actor, now)
        if is_paid_by_hand(payment):
            return refund
    return sending_refunds.send(refund_id=refund.id, is_first=True, actor=actor, now=now)


@transaction.atomic
def cancel_refund(*, refund_id: UUID, reason: str, actor: Actor, now: datetime) -> Refund:
    """Nobody approves it: what it had reserved is free. Canceled before: as it is. Raises RefundNotWaiting."""
    _, refund = locked(refund_id)
    if refund.status == Status.CANCELED:
        return refund
    if refund.status != Status.AWAITING_APPROVAL:
        raise RefundNotWaiting
    return end_unsent(refund_id=refund.id, reason=reason, actor=actor, now=now)


def check_refund(*, refund_id: UUID, actor: Actor, now: datetime) -> Refund:
    """Ask the provider about one that is pending, and send it again under its own key when it never arrived. Whatever
    comes of it is in the row: nothing is raised. About one that people send there is nobody to ask."""
    refund = Refund.objects.select_related("payment").get(id=refund_id)
    if refund.status != Status.PENDING or is_paid_by_hand(refund.payment):
        return refund
    try:
        return _ask(refund, actor, now)
    except BillingError:
        return Refund.objects.get(id=refund_id)


def _ask(refund: Refund, actor: Actor, now: datetime) -> Refund:
    try:
        result = sending_refunds.look_for(refund, now=now)
    except ProviderError:
        return ask_later(refund_id=refund.id, now=now)
    if result is None:
        return sending_refunds.send(refund_id=refund.id, is_first=False, actor=actor, now=now)
    return settle_refund(refund_id=refund.id, result=result, actor=actor, now=now)


def _same_request(earlier: Refund, amount: Money | None, destination: str) -> Refund:
    if earlier.destination != destination or amount not in (None, earlier.amount):
        raise IdempotencyMismatch
    return earlier


def _reserve(
    payment: Payment,
    amount: Money | None,
    reason: str,
    destination: str,
    requester: User | None,
    actor: Actor,
    now: datetime,
    key: str | None,
    shown: str | None,
) -> Refund:
    check_refundable(payment, destination)
    if amount and amount.currency != payment.currency:
        raise CurrencyMismatch(asked=amount.currency, billed=payment.currency)
    amount = reserving.amount_to_refund(payment, amount, destination)
    if destination == "source":
        _check_steps(payment, amount)
    if shown is not None and shown != reserving.mark(reserving.places_of(payment, amount.minor, destination)):
        raise RefundDiffers
    # What was given back of the payment with nobody else looking counts: a large refund is not two smaller ones.
    waits = policies.needs_second_person(amount + refund_queries.given_alone(payment))
    refund = reserving.reserve(
        payment,
        minor=amount.minor,
        actor=actor,
        now=now,
        reason=reason,
        status=Status.AWAITING_APPROVAL if waits else Status.PENDING,
        destination=destination,
        client_key=key,
        requested_by=requester,
        needs_second_person=waits,
        next_check_at=None if waits or destination == "credit" or is_paid_by_hand(payment) else now + CALL_TAKES,
    )
    return refund if waits or destination == "source" else _give_as_credit(payment, refund, actor, now)


def check_refundable(payment: Payment, destination: str) -> None:
    """Raises PaymentNotRefundable (also while a bank has still to collect it), PaymentDisputed,
    NotSupportedByProvider (it is off)."""
    if payment.status != Payment.Status.SUCCEEDED:
        raise PaymentNotRefundable
    if refund_queries.is_disputed(payment):
        raise PaymentDisputed
    if destination == "source" and not is_paid_by_hand(payment) and not registry.named(payment.provider, Refunds):
        raise NotSupportedByProvider


def _check_steps(payment: Payment, amount: Money) -> None:
    """Raises InvalidAmount for what the provider can't write: half a forint at PayPal."""
    provider = registry.named(payment.provider, TakesPayments)
    limits = provider.limits(payment.currency) if provider else None
    if limits and amount.minor % limits.step:
        step = money_text(Money(limits.step, payment.currency))
        raise InvalidAmount(f"What goes back this way is counted in steps of {step}.")


def _give_as_credit(payment: Payment, refund: Refund, actor: Actor, now: datetime) -> Refund:
    """What invoices had of it becomes credit. Nothing leaves, so nobody has to be asked."""
    REFUND_MOVES.check(refund.status, Status.SUCCEEDED)
    old, refund.status, refund.settled_at = refund.status, Status.SUCCEEDED, now
    refund.next_check_at = None
    refund.save()
    _note(refund, old, actor, now, "given as credit")
    booking_refunds.book_success(payment, refund, actor=actor, now=now)
    return refund


def _note(refund: Refund, old: str, actor: Actor, now: datetime, reason: str) -> None:
    note_move(refund, old, actor=actor, at=now, reason=reason)
