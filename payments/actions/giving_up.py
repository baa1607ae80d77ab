"""Give up a payment that has not taken money: at the provider first, then in our books."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.moves import IllegalMove
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from payments import queries
from payments.actions import calling, settling, syncing
from payments.errors import PaymentNotOpen
from payments.models import Invoice, Payment
from payments.provider_answers import answer_for
from payments.providers import registry
from payments.providers.base import TakesPayments
from payments.providers.errors import NotInThatState, ProviderError, UnknownReference
from payments.providers.facts import Outcome, PaymentResult

Status = Payment.Status


def cancel_payment(*, payment_id: UUID, actor: Actor, now: datetime) -> Payment:
    """What its payer does not want to finish: a payment that waits for them, or offline money that the tenant declared
    and nobody has looked at. Of a provider's bill whoever keeps what is billed hears of it. Canceled before: as it is.
    Raises PaymentNotOpen, and what `provider_answers` says when nobody can tell."""
    payment = Payment.objects.select_related("tenant").get(id=payment_id)
    if payment.status == Status.CANCELED:
        return payment
    if payment.status == Status.REQUIRES_ACTION:
        give_up = _give_up_bill if payment.pays_bill else _cancel_at_provider
        payment = give_up(payment, "given up", actor, now)
    elif payment.status == Status.AWAITING_REVIEW and payment.declared_by_tenant:
        given_up = PaymentResult(Outcome.CANCELED)
        payment = settling.settle_payment(
            payment_id=payment.id, result=given_up, actor=actor, now=now, reason="taken back by who declared it"
        )
    if payment.status != Status.CANCELED:
        raise PaymentNotOpen
    return payment


def make_way(*, tenant: Tenant, invoice_id: UUID, actor: Actor, now: datetime) -> None:
    """Before a new attempt at an invoice: the one that waits for its payer is canceled, one that nobody heard of is
    asked about. Raises what `provider_answers` says when the one that waits can't be canceled: it could still take
    the money."""
    open_ones = queries.payments(tenant).filter(invoice_id=invoice_id).select_related("tenant")
    for payment in open_ones.filter(status=Status.REQUIRES_ACTION):
        _give_up(payment, "tried another way", actor, now)
    lost = open_ones.filter(status__in=queries.RESERVING, next_check_at__lte=now)
    for payment in lost:
        try:
            syncing.sync_payment(payment_id=payment.id, actor=actor, now=now)
        except ProviderError:
            continue  # it goes on holding its amount back


def _give_up(payment: Payment, why: str, actor: Actor, now: datetime) -> Payment:
    return (_leave_to_the_bill if payment.pays_bill else _cancel_at_provider)(payment, why, actor, now)


def _leave_to_the_bill(payment: Payment, why: str, actor: Actor, now: datetime) -> Payment:
    """Its provider ends it with its bill, or tries it again with another method: our row of it is over. Paid meanwhile:
    that is booked with the bill."""
    over = PaymentResult(Outcome.CANCELED)
    try:
        return settling.settle_payment(payment_id=payment.id, result=over, actor=actor, now=now, reason=why)
    except IllegalMove:
        return Payment.objects.select_related("tenant").get(id=payment.id)


@transaction.atomic
def _give_up_bill(payment: Payment, why: str, actor: Actor, now: datetime) -> Payment:
    """What the bill is for may not have begun: then it does not begin at all, and nothing can be confirmed any more."""
    payment = _leave_to_the_bill(payment, why, actor, now)
    invoice = payment.invoice
    if payment.status == Status.CANCELED and invoice and invoice.status == Invoice.Status.OPEN:
        outbox.write(
            topic="bill.given_up",
            payload={"subscriptionId": str(invoice.subscription_ref), "paymentId": str(payment.id)},
            tenant=payment.tenant,
            now=now,
            dedupe_key=f"bill.given_up:{payment.id}",
        )
    return payment


def abandon_payment(*, payment_id: UUID, actor: Actor, now: datetime) -> None:
    """A payment that failed: its browser must not be able to try another card on it. Had it taken money meanwhile, that
    is booked. Raises ProviderError: to be tried again."""
    payment = Payment.objects.select_related("tenant").get(id=payment_id)
    provider = registry.named(payment.provider, TakesPayments)
    if payment.status not in settling.ENDED or not payment.provider_ref or provider is None:
        return
    try:
        _ask_to_cancel(payment, provider, payment.provider_ref, now)
    except UnknownReference:
        return
    except NotInThatState:
        syncing.sync_payment(payment_id=payment.id, actor=actor, now=now)


def _cancel_at_provider(payment: Payment, why: str, actor: Actor, now: datetime) -> Payment:
    """The payment as it is then: canceled, or wherever it had gone meanwhile."""
    provider = registry.named(payment.provider, TakesPayments)
    if provider is None or payment.provider_ref is None:
        raise PaymentNotOpen
    try:
        result = _ask_to_cancel(payment, provider, payment.provider_ref, now)
    except NotInThatState:
        return syncing.sync_payment(payment_id=payment.id, actor=actor, now=now)
    except ProviderError as error:
        raise answer_for(error) from error
    try:
        return settling.settle_payment(payment_id=payment.id, result=result, actor=actor, now=now, reason=why)
    except IllegalMove:  # taken between the question and now: where it is given up by us alone, nobody else says so
        return Payment.objects.select_related("tenant").get(id=payment.id)


def _ask_to_cancel(payment: Payment, provider: TakesPayments, reference: str, now: datetime) -> PaymentResult:
    return calling.call(
        "cancel",
        lambda: provider.cancel(reference),
        provider=provider,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        now=now,
    )
