"""The first row of a payment: written, with its history, before anybody is asked for money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.errors import NotFound
from billing_portal.kit.money import Money
from billing_portal.tenants.models import ApiKey, Tenant
from payments import policies, queries
from payments.actions.history import note_move
from payments.errors import AlreadyPaid, InvoiceNotOpen, ReceivedInTheFuture
from payments.models import Invoice, Payment
from payments.naming import provider_name
from payments.providers.base import ReceivesOffline, TakesPayments
from payments.providers.facts import OfflineReceipt

# Longer than a call to a provider can take: a row that is still `created` then has lost whoever was calling.
UNANSWERED_AFTER = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """How somebody pays. `reference` (a check's number, a wire's text) and `received_on` belong to offline money,
    `method_ref` (the provider's id of a card or bank account) and `saves` (keep it for later) to a provider's, and
    `return_url` and `cancel_url` to one that has a page of its own, which leads back to them."""

    method: str
    reference: str | None = None
    received_on: date | None = None
    method_ref: str | None = None
    saves: bool = False
    return_url: str | None = None
    cancel_url: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to pay, or has handed over. `key` finds the payment that it made the first time.

    `off_session`: the payer is not there to confirm anything; `spreads`: what the invoice leaves pays the tenant's
    other open ones.
    """

    amount: Money
    choice: MethodChoice
    description: str = ""
    key: str | None = None
    off_session: bool = False
    spreads: bool = False


def locked_open_invoice(tenant: Tenant, invoice_id: UUID) -> Invoice:
    """The tenant's invoice, locked, when it can be paid. Raises NotFound, AlreadyPaid, InvoiceNotOpen."""
    return _payable(queries.invoices(tenant).select_for_update().filter(id=invoice_id).first())


def payable_invoice(tenant: Tenant, invoice_id: UUID) -> Invoice:
    """The same without a lock: to tell a mistake before anything is done. Raises as `locked_open_invoice`."""
    return _payable(queries.invoices(tenant).filter(id=invoice_id).first())


def _payable(invoice: Invoice | None) -> Invoice:
    if invoice is None:
        raise NotFound
    if invoice.status == Invoice.Status.PAID:
        raise AlreadyPaid
    if invoice.status != Invoice.Status.OPEN:
        raise InvoiceNotOpen
    return invoice


def open_offline_payment(
    *,
    provider: ReceivesOffline,
    tenant: Tenant,
    invoice: Invoice | None,
    wish: Wish,
    declared_by_tenant: bool,
    actor: Actor,
    now: datetime,
) -> Payment:
    """Insert the row and its first state, in the caller's transaction, under the tenant's lock.

    Raises ReceivedInTheFuture.
    """
    amount, choice = wish.amount, wish.choice
    if choice.received_on and choice.received_on > policies.latest_day(tenant, now):
        raise ReceivedInTheFuture
    receipt = OfflineReceipt(amount, choice.method, choice.reference, choice.received_on)
    payment = Payment(
        tenant=tenant,
        invoice=invoice,
        amount_minor=amount.minor,
        currency=amount.currency,
        status=provider.received(receipt).outcome.value,
        provider=provider.name,
        method=choice.method,
        description=wish.description,
        reference=choice.reference,
        received_on=choice.received_on,
        client_key=wish.key,
        declared_by_tenant=declared_by_tenant,
        recorded_by_id=_recorder(actor),
        needs_second_person=policies.needs_second_person(amount),
    )
    return _opened(payment, actor=actor, now=now, reason="declared" if declared_by_tenant else "recorded")


def open_provider_payment(
    *,
    provider: TakesPayments,
    tenant: Tenant,
    invoice: Invoice | None,
    wish: Wish,
    pays_bill: bool,
    actor: Actor,
    now: datetime,
) -> Payment:
    """The row before the call: with it the same request can be made again, whatever happens in between."""
    payment = Payment(
        tenant=tenant,
        invoice=invoice,
        amount_minor=wish.amount.minor,
        currency=wish.amount.currency,
        status=Payment.Status.CREATED,
        provider=provider.name,
        livemode=provider.livemode,
        method=wish.choice.method,
        method_ref=wish.choice.method_ref,
        saves_method=wish.choice.saves,
        return_url=wish.choice.return_url,
        cancel_url=wish.choice.cancel_url,
        off_session=wish.off_session,
        pays_bill=pays_bill,
        spreads=wish.spreads,
        description=wish.description,
        client_key=wish.key,
        recorded_by_id=_recorder(actor),
        # Whoever makes the call may be killed: then the sweep asks what became of it.
        next_check_at=now + UNANSWERED_AFTER,
    )
    return _opened(payment, actor=actor, now=now, reason="started")


def open_billed_payment(
    *, invoice: Invoice, amount: Money, method: str, provider_ref: str | None, key: str, actor: Actor, now: datetime
) -> Payment:
    """The row of money that a provider collects by itself for a bill of its own; in the caller's transaction, under
    the invoice's lock. `key` names the try: the same key is the same row."""
    assert invoice.provider
    payment = Payment(
        tenant=invoice.tenant,
        invoice=invoice,
        amount_minor=amount.minor,
        currency=amount.currency,
        status=Payment.Status.CREATED,
        provider=invoice.provider,
        livemode=invoice.livemode,
        provider_ref=provider_ref,
        method=method,
        off_session=True,
        pays_bill=True,
        description=str(invoice),
        client_key=key,
    )
    return _opened(payment, actor=actor, now=now, reason=f"collected by {provider_name(invoice.provider)}")


def _opened(payment: Payment, *, actor: Actor, now: datetime, reason: str) -> Payment:
    payment.created_at = payment.updated_at = now
    payment.save(force_insert=True)
    note_move(payment, None, actor=actor, at=now, reason=reason)
    return payment


def _recorder(actor: Actor) -> UUID | None:
    """The person behind it. Behind an API key stands whoever made it: else one person could record with a key and
    verify."""
    if actor.kind is ActorKind.API_KEY and actor.id:
        return ApiKey.objects.values_list("created_by_id", flat=True).get(id=actor.id)
    return actor.user_id
