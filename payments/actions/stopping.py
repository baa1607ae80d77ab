"""Pay a bill that a provider made in another way than by that provider: it stops to collect it, then our books take the
money, then it hears that the bill was paid."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.notices import outbox
from payments import queries, share_queries
from payments.actions import booking_bills, calling
from payments.errors import StillCollected
from payments.models import Invoice, Payment
from payments.providers import registry
from payments.providers.errors import NotInThatState, ProviderUnavailable
from payments.providers.recurring import BillFacts, ChangesSubscriptions

log = logging.getLogger(__name__)

# Whoever made it stop has had the time to bring the money, or to leave a payment that waits for it.
HELD_FOR = timedelta(hours=1)


def stop(*, invoice_id: UUID, actor: Actor, now: datetime) -> Invoice:
    """Its provider tries no more by itself; what it has taken until then is booked. Not collected any more: as it is.

    That it is asked is written before it is: lost with its answer, what was stopped would be collected by nobody. What
    others had stopped before is not ours to be taken up again.
    To be called with no transaction open, before money is taken or booked otherwise. Raises ProviderError.
    """
    invoice = Invoice.objects.get(id=invoice_id)
    if not queries.is_collected_by_provider(invoice):
        return invoice
    if _look_up(invoice, actor, now).is_collected:
        Invoice.objects.filter(id=invoice.id).update(stop_asked_at=now)
        try:
            _ask(invoice, "stop_collecting", lambda provider, bill: provider.stop_collecting(bill), actor, now)
        except NotInThatState:  # paid or void by now
            _look_up(invoice, actor, now)
    Invoice.objects.filter(id=invoice.id, status=Invoice.Status.OPEN).update(collection_stopped_at=now)
    invoice.refresh_from_db()
    return invoice


def ask_to_stop(payment: Payment, now: datetime) -> None:
    """Leave in the outbox that what this payment is for must not be collected any more. In the caller's transaction."""
    for invoice in _collected(payment):
        outbox.write(
            topic="bill.stop",
            payload={"invoiceId": str(invoice.id)},
            tenant=invoice.tenant,
            now=now,
            dedupe_key=f"bill.stop:{invoice.id}:{payment.id}:{now.isoformat()}",
        )


def check_stopped(payment: Payment) -> None:
    """That nobody else can take the money for what this payment is for. In the caller's transaction, under the
    payment's lock. Raises StillCollected."""
    if collected := _collected(payment):
        raise StillCollected(str(collected[0]))


def say_paid(*, invoice_id: UUID, actor: Actor, now: datetime) -> None:
    """Tell the provider that its bill was paid to us. It was paid there, too: that money is booked as well, and staff
    hear of it. Raises ProviderError: to be tried again."""
    invoice = Invoice.objects.get(id=invoice_id)
    if not invoice.provider:
        return
    try:
        _ask(invoice, "paid_elsewhere", lambda provider, bill: provider.paid_elsewhere(bill), actor, now)
    except NotInThatState:
        _look_up(invoice, actor, now)
    else:
        Invoice.objects.filter(id=invoice.id, collection_stopped_at=None).update(collection_stopped_at=now)


def take_up_again(*, actor: Actor, now: datetime) -> int:
    """Let providers collect again what nobody pays in another way any more: a check was rejected, a page was left.
    Returns how many; each on its own, and again an hour later."""
    stopped = Invoice.objects.filter(
        status=Invoice.Status.OPEN, stop_asked_at__lt=now - HELD_FOR, provider__isnull=False
    )
    done = 0
    for invoice in stopped:
        try:
            done += _take_up(invoice, actor, now)
        except Exception:
            log.exception("%s is collected by nobody; its provider is asked again in an hour", invoice)
    return done


def _take_up(invoice: Invoice, actor: Actor, now: datetime) -> bool:
    """Said to be collected before it is: who pays in between stops it again. Whoever has asked to stop while the
    provider was asked to go on may have been heard first, and asks once more."""
    with transaction.atomic():
        row = Invoice.objects.select_for_update(no_key=True).get(id=invoice.id)
        if not queries.is_open_there(row) or _coming(row):
            return False
        Invoice.objects.filter(id=row.id).update(collection_stopped_at=None)
    try:
        bill = _ask(invoice, "collect_again", lambda provider, bill: provider.collect_again(bill), actor, now)
    except NotInThatState:
        bill = _look_up(invoice, actor, now)
    with transaction.atomic():
        row = Invoice.objects.select_for_update(no_key=True).get(id=invoice.id)
        Invoice.objects.filter(id=row.id, stop_asked_at=invoice.stop_asked_at).update(stop_asked_at=None)
        Invoice.objects.filter(id=row.id).update(collection_stopped_at=None if bill.is_collected else now)
        for payment in _coming(row):
            ask_to_stop(payment, now)
    return bill.is_collected


def _coming(invoice: Invoice) -> list[Payment]:
    """What may still pay it in another way than by its provider."""
    found = share_queries.open_payments_for([invoice])[invoice.id]
    return [each.payment for each in found if not each.payment.pays_bill]


def _collected(payment: Payment) -> list[Invoice]:
    """Locked, by id as everybody locks them."""
    named = [invoice_id for invoice_id, _ in share_queries.meant_for(payment)]
    rows = Invoice.objects.select_for_update(of=("self",), no_key=True).select_related("tenant")
    return [each for each in rows.filter(id__in=named).order_by("id") if queries.is_collected_by_provider(each)]


def _ask(
    invoice: Invoice,
    operation: str,
    request: Callable[[ChangesSubscriptions, str], BillFacts],
    actor: Actor,
    now: datetime,
) -> BillFacts:
    """Ask its provider, and book what it says."""
    provider, reference = registry.named(invoice.provider or "", ChangesSubscriptions), invoice.provider_ref
    if provider is None or reference is None or invoice.subscription_ref is None:
        raise ProviderUnavailable(f"{invoice.provider} is off")
    bill = calling.call(
        operation, lambda: request(provider, reference), provider=provider, tenant_id=invoice.tenant_id, now=now
    )
    with transaction.atomic():
        booking_bills.book_bill(
            tenant_id=invoice.tenant_id,
            subscription_id=invoice.subscription_ref,
            bill=bill,
            provider=provider,
            actor=actor,
            now=now,
        )
    return bill


def _look_up(invoice: Invoice, actor: Actor, now: datetime) -> BillFacts:
    return _ask(invoice, "look_up_bill", lambda provider, bill: provider.look_up_bill(bill), actor, now)
