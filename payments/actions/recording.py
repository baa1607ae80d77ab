"""Offline money at the desk: record a check, wire or cash, then verify or reject it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from payments.actions import settling, sharing, stopping
from payments.actions.opening import MethodChoice, Wish, open_offline_payment
from payments.errors import CurrencyMismatch, PaymentNotManual, SecondPersonNeeded
from payments.models import Invoice, Payment
from payments.providers import registry
from payments.providers.base import ReceivesOffline
from payments.providers.facts import OfflineReceipt

# Somebody has found the money of these; the bank may still have to collect it.
VERIFIED = (Payment.Status.CLEARING, Payment.Status.SUCCEEDED)


@transaction.atomic
def record_manual_payment(
    *,
    tenant: Tenant,
    amount: Money,
    choice: MethodChoice,
    actor: Actor,
    now: datetime,
    invoice: Invoice | None = None,
    shares: Sequence[tuple[Invoice, Money]] = (),
    description: str = "",
    key: str | None = None,
) -> Payment:
    """Take down what arrived; nothing is booked until somebody verifies it.

    The amount may be more than is due: what no invoice needs becomes credit. `shares` says what of it is for which
    invoice, in the order they are to be paid; the `invoice` it names gets what they leave, before them. Who collects
    one of them by itself is asked to stop. The same `key` (a form's) finds the payment made the first time.

    Raises AlreadyPaid, InvoiceNotOpen, CollectedByProvider, PartOfBill, NotFound (another tenant's invoice),
    CurrencyMismatch, ReceivedInTheFuture, and BadInput for shares that can't be (`shares[1].amount`).
    """
    tenant = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
    if key and (earlier := Payment.objects.filter(tenant=tenant, client_key=key).first()):
        return earlier
    for billed in (tenant.currency, invoice.currency if invoice else None):
        if billed not in (None, amount.currency):
            raise CurrencyMismatch(asked=amount.currency, billed=billed)
    sharing.check_shares(tenant, amount, invoice, shares)
    payment = open_offline_payment(
        provider=offline(registry.provider_for(choice.method)),
        tenant=tenant,
        invoice=invoice,
        wish=Wish(amount, choice, description, key),
        declared_by_tenant=False,
        actor=actor,
        now=now,
    )
    sharing.write_shares(payment, shares)
    stopping.ask_to_stop(payment, now)
    return payment


@transaction.atomic
def verify_manual_payment(
    *, payment_id: UUID, verifier: User, actor: Actor, now: datetime, clears_later: bool = False
) -> Payment:
    """The money is there: settle it. A second verification of the same payment changes nothing.

    `clears_later`: a check that was found, and that the bank has still to collect. It pays its invoices at once, what
    they leave is credit that invoices may use, and it is `clearing` until `clearing.clear_manual_payment` says that it
    cleared, or `clearing.return_manual_payment` that it bounced.

    Raises SecondPersonNeeded (also held by the database), CurrencyMismatch (the tenant came to be billed in another),
    StillCollected (a provider collects what it is for: `stopping.ask_to_stop`), BadInput (only checks clear later),
    PaymentNotManual, IllegalMove.
    """
    payment, provider = locked(payment_id)
    if payment.needs_second_person and payment.recorded_by_id == verifier.id:
        raise SecondPersonNeeded
    if payment.tenant.currency not in (None, payment.currency):
        raise CurrencyMismatch(asked=payment.currency, billed=payment.tenant.currency)
    if payment.status in VERIFIED:
        return payment
    stopping.check_stopped(payment)
    if clears_later and payment.method != Payment.Method.CHECK:
        raise BadInput("Only a check is collected by a bank later.", code="not_a_check", field="clearsLater")
    return settling.settle_payment(
        payment_id=payment.id,
        result=provider.verified(_receipt(payment), clears_later=clears_later),
        actor=actor,
        now=now,
        reason="verified; the bank has to collect it" if clears_later else "verified",
        verified_by=verifier,
    )


@transaction.atomic
def reject_manual_payment(*, payment_id: UUID, reason: str, actor: Actor, now: datetime) -> Payment:
    """Nobody found the money: the payment ends, the invoice stays as it is. Raises PaymentNotManual, IllegalMove."""
    payment, provider = locked(payment_id)
    return settling.settle_payment(
        payment_id=payment.id, result=provider.rejected(_receipt(payment), reason), actor=actor, now=now, reason=reason
    )


def locked(payment_id: UUID) -> tuple[Payment, ReceivesOffline]:
    """The payment under its lock, with the provider that stands for people. Raises PaymentNotManual."""
    payment = Payment.objects.select_for_update().get(id=payment_id)
    return payment, offline(registry.providers().get(payment.provider))


def offline(provider: object) -> ReceivesOffline:
    """Raises PaymentNotManual."""
    if not isinstance(provider, ReceivesOffline):
        raise PaymentNotManual
    return provider


def _receipt(payment: Payment) -> OfflineReceipt:
    return OfflineReceipt(payment.amount, payment.method, payment.reference, payment.received_on)
