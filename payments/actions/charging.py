"""Start a payment: our own row first, then the provider, then settling."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.errors import BadInput, IdempotencyMismatch
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments import queries
from payments.actions.opening import MethodChoice, locked_open_invoice, open_offline_payment
from payments.errors import AmountExceedsDue, CurrencyMismatch, PossibleDuplicate
from payments.models import Invoice, Payment
from payments.providers import registry
from payments.providers.base import ReceivesOffline

DUPLICATE_WINDOW = timedelta(seconds=60)


def start_payment(
    *,
    tenant: Tenant,
    amount: Money,
    choice: MethodChoice,
    actor: Actor,
    now: datetime,
    description: str = "",
    invoice_id: UUID | None = None,
    key: str | None = None,
) -> Payment:
    """What a tenant pays, or declares to have sent. The same `key` finds the payment it made the first time, for ever.

    1. Under the tenant's lock: look for the key, check what is due, refuse a likely second click, insert the row.
    Commit.
    2. Ask the provider, with no transaction open; its answer goes through `settling`. Offline money has nobody to ask:
       it waits for staff, whoever declared it.
    Raises NotFound (invoice), AmountExceedsDue, AlreadyPaid, InvoiceNotOpen, CurrencyMismatch, PossibleDuplicate,
    IdempotencyMismatch, BadInput (a method nobody here takes).
    """
    provider = registry.provider_for(choice.method)
    if not isinstance(provider, ReceivesOffline):
        raise BadInput("This way of paying is not offered here.", code="method_not_offered", field="paymentMethod.type")
    with transaction.atomic():
        # NO KEY UPDATE: rows that point at the tenant can still be written by others. What it says now is what counts.
        tenant = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
        if key and (earlier := queries.payments(tenant).filter(client_key=key).first()):
            return _same_request(earlier, amount, choice, invoice_id)
        invoice = _payable_invoice(tenant, invoice_id, amount) if invoice_id else None
        if tenant.currency not in (None, amount.currency):
            raise CurrencyMismatch(asked=amount.currency, billed=tenant.currency)
        if not key:
            _refuse_second_click(tenant, invoice, amount, choice, now)
        return open_offline_payment(
            provider=provider,
            tenant=tenant,
            invoice=invoice,
            amount=amount,
            choice=choice,
            description=description,
            key=key,
            declared_by_tenant=actor.kind is not ActorKind.STAFF,
            actor=actor,
            now=now,
        )


def _same_request(earlier: Payment, amount: Money, choice: MethodChoice, invoice_id: UUID | None) -> Payment:
    made = MethodChoice(earlier.method, earlier.reference, earlier.received_on)
    if (earlier.amount, made, earlier.invoice_id) != (amount, choice, invoice_id):
        raise IdempotencyMismatch
    return earlier


def _payable_invoice(tenant: Tenant, invoice_id: UUID, amount: Money) -> Invoice:
    """The invoice, locked, when it can take that amount."""
    invoice = locked_open_invoice(tenant, invoice_id)
    if amount.currency != invoice.currency:
        raise CurrencyMismatch(asked=amount.currency, billed=invoice.currency)
    due = Money(queries.amounts(invoice).payable, invoice.currency)
    if amount > due:
        raise AmountExceedsDue(asked=amount, due=due)
    return invoice


def _refuse_second_click(
    tenant: Tenant, invoice: Invoice | None, amount: Money, choice: MethodChoice, now: datetime
) -> None:
    """A request without a key that looks like one of a minute ago. Offline money reserves nothing, so this alone stops
    a second declaration for the same invoice."""
    alike = queries.payments(tenant).filter(
        amount_minor=amount.minor,
        currency=amount.currency,
        method=choice.method,
        created_at__gt=now - DUPLICATE_WINDOW,
    )
    if invoice:
        alike = alike.filter(invoice=invoice)
    if twin := alike.exclude(status__in=[Payment.Status.FAILED, Payment.Status.CANCELED]).first():
        raise PossibleDuplicate(paymentId=str(twin.id))
