"""Offline money at the desk: record a check, wire or cash, then verify or reject it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from payments.actions import settling
from payments.actions.opening import MethodChoice, locked_open_invoice, open_offline_payment
from payments.errors import CurrencyMismatch, PaymentNotManual, SecondPersonNeeded
from payments.models import Invoice, Payment
from payments.providers import registry
from payments.providers.base import OfflineReceipt, ReceivesOffline


@transaction.atomic
def record_manual_payment(
    *,
    tenant: Tenant,
    amount: Money,
    choice: MethodChoice,
    actor: Actor,
    now: datetime,
    invoice: Invoice | None = None,
    description: str = "",
    key: str | None = None,
) -> Payment:
    """Take down what arrived; nothing is booked until somebody verifies it.

    The amount may be more than is due: what no invoice needs becomes credit. The same `key` (a form's) finds the
    payment made the first time. Raises AlreadyPaid, InvoiceNotOpen, NotFound (another tenant's invoice),
    CurrencyMismatch, ReceivedInTheFuture.
    """
    tenant = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
    if key and (earlier := Payment.objects.filter(tenant=tenant, client_key=key).first()):
        return earlier
    for billed in (tenant.currency, invoice.currency if invoice else None):
        if billed not in (None, amount.currency):
            raise CurrencyMismatch(asked=amount.currency, billed=billed)
    if invoice:
        locked_open_invoice(tenant, invoice.id)
    return open_offline_payment(
        provider=_offline(registry.provider_for(choice.method)),
        tenant=tenant,
        invoice=invoice,
        amount=amount,
        choice=choice,
        description=description,
        key=key,
        declared_by_tenant=False,
        actor=actor,
        now=now,
    )


@transaction.atomic
def verify_manual_payment(*, payment_id: UUID, verifier: User, actor: Actor, now: datetime) -> Payment:
    """The money is there: settle it. A second verification of the same payment changes nothing.

    Raises SecondPersonNeeded (also held by the database), CurrencyMismatch (the tenant came to be billed in another),
    PaymentNotManual, IllegalMove.
    """
    payment, provider = _locked(payment_id)
    if payment.needs_second_person and payment.recorded_by_id == verifier.id:
        raise SecondPersonNeeded
    if payment.tenant.currency not in (None, payment.currency):
        raise CurrencyMismatch(asked=payment.currency, billed=payment.tenant.currency)
    return settling.settle_payment(
        payment_id=payment.id,
        result=provider.verified(_receipt(payment)),
        actor=actor,
        now=now,
        reason="verified",
        verified_by=verifier,
    )


@transaction.atomic
def reject_manual_payment(*, payment_id: UUID, reason: str, actor: Actor, now: datetime) -> Payment:
    """Nobody found the money: the payment ends, the invoice stays as it is. Raises PaymentNotManual, IllegalMove."""
    payment, provider = _locked(payment_id)
    return settling.settle_payment(
        payment_id=payment.id, result=provider.rejected(_receipt(payment), reason), actor=actor, now=now, reason=reason
    )


def _locked(payment_id: UUID) -> tuple[Payment, ReceivesOffline]:
    payment = Payment.objects.select_for_update().get(id=payment_id)
    return payment, _offline(registry.providers().get(payment.provider))


def _offline(provider: object) -> ReceivesOffline:
    if not isinstance(provider, ReceivesOffline):
        raise PaymentNotManual
    return provider


def _receipt(payment: Payment) -> OfflineReceipt:
    return OfflineReceipt(payment.amount, payment.method, payment.reference, payment.received_on)
