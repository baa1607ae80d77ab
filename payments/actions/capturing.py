"""Take what a payer has agreed to on a provider's page: once, whoever asks first."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BillingError, Gone
from billing_portal.kit.moves import IllegalMove
from payments import queries
from payments.actions import calling, settling, stopping, syncing, waiting
from payments.errors import AlreadyPaid, NotApprovedYet, PaymentActionRequired, PaymentNotOpen
from payments.models import Invoice, Payment
from payments.provider_answers import answer_for, as_answers
from payments.providers import registry
from payments.providers.base import ApprovesLater
from payments.providers.errors import NotApproved, OutcomeUnknown, ProviderError, UnknownReference
from payments.providers.facts import Outcome, PaymentResult

Status = Payment.Status
# How often a payer's way to pay is tried while nobody is there to choose another.
TRIES_UNASKED = 3
# How a payment's history says that its payer has to choose another way to pay.
REFUSED = "the way to pay was refused"


def capture_payment(*, payment_id: UUID, actor: Actor, now: datetime) -> Payment:
    """The payment after its money was taken. Taken before, by whomever: the same payment, as it is.

    1. Under its lock it becomes `processing`: nobody can give it up or start another beside it while it is taken. What
       its invoice does not need any more is not taken: the payment ends.
    2. Ask the provider under the payment's own key, with no transaction open: the same key is the same capture.
    3. Its answer goes through `settling`; without one the payment stays `processing`, and is asked about.
    Raises NotApprovedYet (with the page), PaymentActionRequired (the payer has to choose another way to pay, on the
    same page), Gone (it lapsed), AlreadyPaid, PaymentNotOpen, and what `provider_answers` says of a provider that did
    nothing.
    """
    payment = Payment.objects.select_related("tenant", "invoice").get(id=payment_id)
    if payment.status in (Status.SUCCEEDED, Status.RETURNED):
        return payment
    if payment.status == Status.PROCESSING:
        payment = _asked(payment, actor, now)
        if not waiting.is_to_be_taken(payment):
            return payment
    provider = registry.named(payment.provider, ApprovesLater)
    if payment.status in settling.ENDED:
        raise Gone("This payment has ended without money. Start a new one.", paymentId=str(payment.id))
    if provider is None or not waiting.is_to_be_taken(payment) or not payment.provider_ref:
        raise PaymentNotOpen
    if payment.invoice and queries.is_collected_by_provider(payment.invoice):
        _stop_the_other(payment, payment.invoice, actor, now)
    claimed = waiting.claim_to_take(payment_id=payment.id, actor=actor, now=now)
    if claimed is None:  # whoever was faster is at it, has taken it, or has given it up
        return Payment.objects.select_related("tenant", "invoice").get(id=payment.id)
    return _capture(claimed, provider, payment.provider_ref, actor, now)


def follow(*, payment_id: UUID, actor: Actor, now: datetime) -> Payment:
    """Ask what became of a payment, and take it when its payer has agreed and has not come back. Raises ProviderError
    when the provider can't be asked; what taking it would raise is left to whoever asks for it."""
    payment = syncing.sync_payment(payment_id=payment_id, actor=actor, now=now)
    return take_if_agreed(payment, actor=actor, now=now)


def take_if_agreed(payment: Payment, *, actor: Actor, now: datetime) -> Payment:
    """Take a payment that was just found to be agreed to, unless its payer's own way to pay was refused too often: then
    they have to choose another, and come back."""
    if not payment.can_capture or not waiting.is_to_be_taken(payment) or _refusals(payment) >= TRIES_UNASKED:
        return payment
    try:
        return capture_payment(payment_id=payment.id, actor=actor, now=now)
    except BillingError:
        return Payment.objects.select_related("tenant").get(id=payment.id)


def _capture(payment: Payment, provider: ApprovesLater, reference: str, actor: Actor, now: datetime) -> Payment:
    """`payment` carries the claim of whoever is here."""
    facts = {"paymentId": str(payment.id)}
    claim = payment.claim
    assert claim
    if not _is_needed(payment):
        _back(payment, Outcome.CANCELED, "its invoice was paid otherwise", actor, now)
        raise AlreadyPaid(**facts)
    key = _key(payment)
    try:
        result = calling.call(
            "capture",
            lambda: provider.capture(reference, key=key),
            provider=provider,
            tenant_id=payment.tenant_id,
            payment_id=payment.id,
            now=now,
        )
    except NotApproved as error:
        _back(payment, Outcome.REQUIRES_ACTION, REFUSED if error.code else "not agreed to", actor, now)
        page = {"approvalUrl": error.approval_url or payment.approval_url, **facts}
        raise (PaymentActionRequired if error.code else NotApprovedYet)(**page) from error
    except OutcomeUnknown:
        return waiting.leave_unknown(payment_id=payment.id, claim=claim, actor=actor, now=now)
    except UnknownReference as error:
        syncing.lapse(payment, actor=actor, now=now, claim=claim)
        raise Gone("This payment has lapsed. Start a new one.", **facts) from error
    except ProviderError as error:
        _back(payment, Outcome.REQUIRES_ACTION, f"not taken: {type(error).__name__}", actor, now)
        raise answer_for(error) from error
    settled = settling.settle_payment(payment_id=payment.id, result=result, actor=actor, now=now, claim=claim)
    if settled.status == Status.REQUIRES_ACTION:
        raise PaymentActionRequired(approvalUrl=result.approval_url or settled.approval_url, **facts)
    return settled


def _stop_the_other(payment: Payment, invoice: Invoice, actor: Actor, now: datetime) -> None:
    """Before money is taken that somebody else would collect; not for a payer who has only looked at the page."""
    facts = {"paymentId": str(payment.id)}
    with as_answers():
        if not syncing.sync_payment(payment_id=payment.id, actor=actor, now=now).can_capture:
            raise NotApprovedYet(approvalUrl=payment.approval_url, **facts)
        if stopping.stop(invoice_id=invoice.id, actor=actor, now=now).status == Invoice.Status.PAID:
            raise AlreadyPaid(**facts)


def _key(payment: Payment) -> str:
    """The same for each try whose outcome is not known: one capture. After a refusal another, since a provider answers
    an old key with the old refusal, whatever its payer has chosen since."""
    refusals = _refusals(payment)
    return f"cap:{payment.id}:{refusals}" if refusals else f"cap:{payment.id}"


def _refusals(payment: Payment) -> int:
    """How often the payer's own way to pay was refused."""
    return queries.history("payment", payment.id).filter(reason=REFUSED).count()


def _back(payment: Payment, outcome: Outcome, reason: str, actor: Actor, now: datetime) -> None:
    """Nothing was taken. Whoever has settled it meanwhile knows better."""
    with suppress(IllegalMove):
        settling.settle_payment(
            payment_id=payment.id,
            result=PaymentResult(outcome),
            actor=actor,
            now=now,
            reason=reason,
            claim=payment.claim,
        )


def _asked(payment: Payment, actor: Actor, now: datetime) -> Payment:
    """One whose outcome nobody knows is asked about; a review of the provider's own takes its time."""
    is_being_taken = payment.claim is not None and waiting.may_be_taken(payment, now)
    if not payment.outcome_unknown or is_being_taken:
        return payment
    try:
        return syncing.sync_payment(payment_id=payment.id, actor=actor, now=now)
    except ProviderError:
        return payment


def _is_needed(payment: Payment) -> bool:
    """Whether the invoice can still take all of it: somebody else may have paid meanwhile. What is being taken is held
    back from what is due, this one too."""
    if payment.invoice_id is None:
        return True
    invoice = Invoice.objects.get(id=payment.invoice_id)
    return invoice.status == Invoice.Status.OPEN and queries.amounts(invoice).payable >= 0
