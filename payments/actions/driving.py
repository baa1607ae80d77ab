"""Take a payment from its row to what the provider says of it; also one that somebody left on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.moves import IllegalMove
from payments.actions import calling, customers, paying_bills, settling, syncing, waiting
from payments.errors import MethodNotFound
from payments.models import Payment
from payments.provider_answers import answer_for
from payments.providers import registry
from payments.providers.base import ApprovesLater, Charges, SavesMethods, TakesPayments
from payments.providers.errors import (
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    UnknownCustomer,
    UnknownReference,
)
from payments.providers.facts import ApprovalRequest, ChargeRequest, Outcome, PaymentResult

# Providers forget an idempotency key after a day: what was sent long ago is looked for before it is sent again.
KEY_IS_KNOWN_FOR = timedelta(hours=12)
# A payer who was told that the payment is on its way does not expect it hours later.
SENT_AGAIN_FOR = timedelta(minutes=15)


class StartAgain(Exception):
    """The customer at the provider was gone and has been replaced; the row has ended, and a new one will do."""


def drive(*, payment_id: UUID, actor: Actor, now: datetime, is_first: bool = False) -> Payment:
    """The payment as it stands after asking the provider, with `client_secret` or `approval_url` when a step is left to
    the payer.

    A row in `created` is sent under the key derived from it, whoever made the row: the same key is the same charge.
    One whose outcome is unknown, or that waits for its payer, is asked about, and sent again when the provider has not
    heard of it. Anything else is as it is.
    `is_first`: this row was never sent before. Only then does a refusal mean that nothing moved: the row ends as
    `canceled`, and MethodNotFound, StartAgain or what `provider_answers` makes of it is raised. Of a row that somebody
    may have sent already nobody knows yet, whatever is answered now.
    """
    payment = Payment.objects.select_related("tenant", "invoice").get(id=payment_id)
    if payment.status == Payment.Status.CREATED and (is_first or now - payment.created_at < KEY_IS_KNOWN_FOR):
        if not is_first:
            # Said before it is sent: whoever made the row may be about to send it too, and must not take a refusal of
            # theirs for the end of it.
            payment = waiting.mark_unknown(payment_id=payment.id, sent_from=payment.status, actor=actor, now=now)
            if not payment.outcome_unknown:
                return payment
        return _send(payment, is_first=is_first, actor=actor, now=now)
    if payment.status in (Payment.Status.CREATED, Payment.Status.REQUIRES_ACTION) or payment.outcome_unknown:
        try:
            payment = syncing.sync_payment(payment_id=payment.id, actor=actor, now=now)
        except ProviderError:
            return payment  # what is known is the row; who asked gets that
        return send_again(payment, actor=actor, now=now) if payment.is_unheard else payment
    return payment


def send_again(payment: Payment, *, actor: Actor, now: datetime) -> Payment:
    """What was said to be on its way, and the provider has not heard of: the request was lost, or is still coming.
    Under the same key both are one charge, as long as the provider remembers the key."""
    was_promised = payment.outcome_unknown or payment.off_session
    if not was_promised or now - payment.created_at >= SENT_AGAIN_FOR:
        return payment
    return _send(payment, is_first=False, actor=actor, now=now)


def _send(payment: Payment, *, is_first: bool, actor: Actor, now: datetime) -> Payment:
    provider = registry.named(payment.provider, TakesPayments)
    try:
        result = _asked(payment, provider, now)
    except ProviderError as error:
        if not is_first or isinstance(error, OutcomeUnknown):
            return waiting.mark_unknown(payment_id=payment.id, sent_from=Payment.Status.CREATED, actor=actor, now=now)
        if not _end(payment, error, actor, now):
            return _as_it_is(payment)
        if isinstance(error, UnknownCustomer):
            _replace_customer(payment, now)
        raise MethodNotFound if isinstance(error, UnknownReference) else answer_for(error) from error
    try:
        payment = settling.settle_payment(payment_id=payment.id, result=result, actor=actor, now=now)
    except IllegalMove:  # whoever sent it first was refused, and has ended it; or somebody knows more of it by now
        return _as_it_is(payment)
    payment.client_secret = result.client_secret
    return payment


def _as_it_is(payment: Payment) -> Payment:
    return Payment.objects.select_related("tenant", "invoice").get(id=payment.id)


def _replace_customer(payment: Payment, now: datetime) -> None:
    """Raises StartAgain once there is another."""
    provider = registry.named(payment.provider, SavesMethods)
    gone = customers.customer_of(payment.tenant, provider) if provider else None
    if provider is None or gone is None:
        return
    try:
        customers.replace_customer(gone=gone, tenant=payment.tenant, provider=provider, now=now)
    except ProviderError as error:
        raise answer_for(error) from error
    raise StartAgain


def _asked(payment: Payment, provider: TakesPayments | None, now: datetime) -> PaymentResult:
    """One call, made of the row alone, so that it is the same each time."""
    if payment.pays_bill:
        return paying_bills.ask_to_pay(payment, now)
    facts = {"provider": provider, "tenant_id": payment.tenant_id, "payment_id": payment.id, "now": now}
    if isinstance(provider, Charges):
        customer = (
            customers.customer_for(tenant=payment.tenant, provider=provider, now=now).provider_ref
            if isinstance(provider, SavesMethods)
            else None
        )
        charge = _charge(payment, customer)
        return calling.call("charge", lambda: provider.charge(charge), **facts)  # type: ignore[arg-type]
    if isinstance(provider, ApprovesLater):
        approval = _approval(payment)
        return calling.call("begin", lambda: provider.begin(approval), **facts)  # type: ignore[arg-type]
    raise ProviderUnavailable(f"{payment.provider} is off")


def _charge(payment: Payment, customer: str | None) -> ChargeRequest:
    return ChargeRequest(
        amount=payment.amount,
        method_ref=payment.method_ref or "",
        key=f"pay:{payment.id}",
        metadata=_metadata(payment),
        customer_ref=customer,
        description=_description(payment),
        off_session=payment.off_session,
        saves_method=payment.saves_method,
    )


def _approval(payment: Payment) -> ApprovalRequest:
    """The payer's own list shows the invoice's number, with a few letters that make each attempt another."""
    name = str(payment.invoice) if payment.invoice else "Payment"
    return ApprovalRequest(
        amount=payment.amount,
        key=f"order:{payment.id}",
        metadata=_metadata(payment),
        reference=f"{name}-{payment.id.hex[:8]}",
        return_url=payment.return_url or "",
        cancel_url=payment.cancel_url or "",
        description=_description(payment),
    )


def _metadata(payment: Payment) -> dict[str, str]:
    """What leads back from the provider's object to our rows."""
    metadata = {"tenant_id": str(payment.tenant_id), "payment_id": str(payment.id)}
    return metadata | {"invoice_id": str(payment.invoice_id)} if payment.invoice_id else metadata


def _description(payment: Payment) -> str:
    return payment.description or (str(payment.invoice) if payment.invoice else "")


@transaction.atomic
def _end(payment: Payment, error: ProviderError, actor: Actor, now: datetime) -> bool:
    """Surely nothing moved. The key is free again: whoever sends the request once more starts a new payment. False when
    somebody else has sent it meanwhile: then nobody can say so."""
    row = Payment.objects.select_for_update(of=("self",)).get(id=payment.id)
    if row.status != Payment.Status.CREATED:
        return False
    nothing = PaymentResult(
        Outcome.CANCELED,
        failure_code="not_sent",
        failure_message="The payment could not be started. Nothing was charged.",
    )
    settling.settle_payment(
        payment_id=payment.id, result=nothing, actor=actor, now=now, reason=f"not sent: {type(error).__name__}"
    )
    Payment.objects.filter(id=payment.id, status=Payment.Status.CANCELED).update(client_key=None)
    return True
