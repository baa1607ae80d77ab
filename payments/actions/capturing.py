"""Take what a payer has agreed to on a provider's page: once, whoever asks first."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BillingError, Gone
from billing_portal.kit.moves import IllegalMove
from payments import queries
from payments.actions import calling, settling, syncing
from payments.errors import AlreadyPaid, NotApprovedYet, PaymentActionRequired, PaymentNotOpen
from payments.models import Invoice, Payment
from payments.provider_answers import answer_for
from payments.providers import registry
from payments.providers.base import (
    ApprovesLater,
    NotApproved,
    Outcome,
    OutcomeUnknown,
    PaymentResult,
    ProviderError,
    UnknownReference,
)

Status = Payment.Status
# Longer than a capture takes: until then whoever asked for it is at it.
CALL_TAKES = timedelta(seconds=30)


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
        if payment.status != Status.REQUIRES_ACTION:
            return payment
    provider = registry.named(payment.provider, ApprovesLater)
    if payment.status in settling.ENDED:
        raise Gone("This payment has ended without money. Start a new one.", paymentId=str(payment.id))
    if provider is None or payment.status != Status.REQUIRES_ACTION or not payment.provider_ref:
        raise PaymentNotOpen
    reference = payment.provider_ref
    payment = settling.mark_unknown(
        payment_id=payment.id,
        sent_from=Status.REQUIRES_ACTION,
        actor=actor,
        now=now,
        check_after=CALL_TAKES,
        reason=settling.BEING_TAKEN,
    )
    if not payment.outcome_unknown:
        return payment  # whoever was faster has taken it, or given it up
    return _capture(payment, provider, reference, actor, now)


def follow(*, payment_id: UUID, actor: Actor, now: datetime) -> Payment:
    """Ask what became of a payment, and take it when its payer has agreed and has not come back. Raises ProviderError
    when the provider can't be asked; what taking it would raise is left to whoever asks for it."""
    payment = syncing.sync_payment(payment_id=payment_id, actor=actor, now=now)
    return take_if_agreed(payment, actor=actor, now=now)


def take_if_agreed(payment: Payment, *, actor: Actor, now: datetime) -> Payment:
    """Take a payment that was just found to be agreed to."""
    if not payment.can_capture or payment.status != Status.REQUIRES_ACTION:
        return payment
    try:
        return capture_payment(payment_id=payment.id, actor=actor, now=now)
    except BillingError:
        return Payment.objects.select_related("tenant").get(id=payment.id)


def _capture(payment: Payment, provider: ApprovesLater, reference: str, actor: Actor, now: datetime) -> Payment:
    facts = {"paymentId": str(payment.id)}
    if not _is_needed(payment):
        _back(payment, Outcome.CANCELED, "its invoice was paid otherwise", actor, now)
        raise AlreadyPaid(**facts)
    try:
        result = calling.call(
            "capture",
            lambda: provider.capture(reference, key=f"cap:{payment.id}"),
            provider=provider,
            tenant_id=payment.tenant_id,
            payment_id=payment.id,
            now=now,
        )
    except NotApproved as error:
        _back(payment, Outcome.REQUIRES_ACTION, "not agreed to", actor, now)
        page = {"approvalUrl": error.approval_url or payment.approval_url, **facts}
        raise (PaymentActionRequired if error.code else NotApprovedYet)(**page) from error
    except OutcomeUnknown:
        settling.check_again_soon(payment_id=payment.id, now=now)
        # Unless it was settled meanwhile it is unknown, also where a sweep with a clock ahead has read an older word.
        return settling.mark_unknown(payment_id=payment.id, sent_from=Status.REQUIRES_ACTION, actor=actor, now=now)
    except UnknownReference as error:
        syncing.lapse(payment, actor=actor, now=now)
        raise Gone("This payment has lapsed. Start a new one.", **facts) from error
    except ProviderError as error:
        _back(payment, Outcome.REQUIRES_ACTION, f"not taken: {type(error).__name__}", actor, now)
        raise answer_for(error) from error
    settled = settling.settle_payment(payment_id=payment.id, result=result, actor=actor, now=now)
    if settled.status == Status.REQUIRES_ACTION:
        raise PaymentActionRequired(approvalUrl=result.approval_url or settled.approval_url, **facts)
    return settled


def _back(payment: Payment, outcome: Outcome, reason: str, actor: Actor, now: datetime) -> None:
    """Nothing was taken. Whoever has settled it meanwhile knows better."""
    with suppress(IllegalMove):
        settling.settle_payment(
            payment_id=payment.id, result=PaymentResult(outcome), actor=actor, now=now, reason=reason
        )


def _asked(payment: Payment, actor: Actor, now: datetime) -> Payment:
    """One whose outcome nobody knows is asked about; a review of the provider's own takes its time."""
    if not payment.outcome_unknown or settling.is_being_taken(payment, now):
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
