"""The first row of a payment: written, with its history, before anybody is asked for money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.errors import NotFound
from billing_portal.kit.money import Money
from billing_portal.tenants.models import ApiKey, Tenant
from payments import policies, queries
from payments.actions.history import note_move
from payments.errors import AlreadyPaid, InvoiceNotOpen, ReceivedInTheFuture
from payments.models import Invoice, Payment
from payments.providers.base import OfflineReceipt, ReceivesOffline


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """How somebody pays. `reference` (a check's number, a wire's text) and `received_on` belong to offline money."""

    method: str
    reference: str | None = None
    received_on: date | None = None


def locked_open_invoice(tenant: Tenant, invoice_id: UUID) -> Invoice:
    """The tenant's invoice, locked, when it can be paid. Raises NotFound, AlreadyPaid, InvoiceNotOpen."""
    invoice = queries.invoices(tenant).select_for_update().filter(id=invoice_id).first()
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
    amount: Money,
    choice: MethodChoice,
    description: str,
    key: str | None,
    declared_by_tenant: bool,
    actor: Actor,
    now: datetime,
) -> Payment:
    """Insert the row and its first state, in the caller's transaction, under the tenant's lock.

    Raises ReceivedInTheFuture.
    """
    if choice.received_on and choice.received_on > policies.latest_day(tenant, now):
        raise ReceivedInTheFuture
    receipt = OfflineReceipt(amount, choice.method, choice.reference, choice.received_on)
    payment = Payment.objects.create(
        tenant=tenant,
        invoice=invoice,
        amount_minor=amount.minor,
        currency=amount.currency,
        status=provider.received(receipt).outcome.value,
        provider=provider.name,
        method=choice.method,
        description=description,
        reference=choice.reference,
        received_on=choice.received_on,
        client_key=key,
        declared_by_tenant=declared_by_tenant,
        recorded_by_id=_recorder(actor),
        needs_second_person=policies.needs_second_person(amount),
        created_at=now,
        updated_at=now,
    )
    note_move(
        "payment",
        tenant_id=tenant.id,
        subject_id=payment.id,
        old=None,
        new=payment.status,
        actor=actor,
        at=now,
        reason="declared" if declared_by_tenant else "recorded",
    )
    return payment


def _recorder(actor: Actor) -> UUID | None:
    """The person behind it. Behind an API key stands whoever made it: else one person could record with a key and
    verify."""
    if actor.kind is ActorKind.API_KEY and actor.id:
        return ApiKey.objects.values_list("created_by_id", flat=True).get(id=actor.id)
    return actor.user_id
