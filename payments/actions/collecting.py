"""Charge an invoice of ours to the tenant's default method, while nobody is there to confirm anything."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput, Conflict
from billing_portal.kit.money import Money
from payments import collect_queries, dunning, hold_queries, method_queries, queries
from payments.actions import driving
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.errors import AmountExceedsDue, MethodNotFound
from payments.models import Invoice, Payment, PaymentMethod
from payments.providers import registry
from payments.providers.base import Charges

log = logging.getLogger(__name__)

# How often it is reckoned anew when people pay meanwhile.
TRIES = 3


@dataclass(frozen=True, slots=True)
class _Bill:
    amount: Money
    spreads: bool


def collect_invoice(*, invoice_id: UUID, actor: Actor, now: datetime) -> Payment | None:
    """The payment that charges what is due; None when there is nothing to charge, or nothing to charge it to.

    What is below the provider's least amount waits, and is charged with the next invoice that brings the tenant's due
    above it. A second run finds the first one's payment, until that has failed: then there is another try when
    `dunning` says so, or at once by another default method. A decline leaves the invoice open. What is held back is not
    tried by the clock, the first time neither; another default method is its payer's wish, and tried. Each try has a
    key of its own by its number: two who try at once are one charge. Raises what `start_payment` raises when the
    provider did nothing: to be tried again.
    """
    invoice = Invoice.objects.select_related("tenant").get(id=invoice_id)
    tries = collect_queries.tries(invoice)
    if tries and tries[-1].status != Payment.Status.FAILED:
        return driving.drive(payment_id=tries[-1].id, actor=actor, now=now)
    if tries and not _is_time(invoice, tries, now):
        return tries[-1]
    if not tries and hold_queries.hold_of(invoice, now):
        return None
    for _ in range(TRIES):
        try:
            return _charge(invoice, collect_queries.key_of(invoice, len(tries)), actor, now)
        except AmountExceedsDue:
            continue  # something was paid while it was being reckoned
        except (BadInput, Conflict, MethodNotFound):
            break  # paid, being paid, or its method removed in the meantime
    return None


def collect_due(*, actor: Actor, now: datetime) -> int:
    """Try again what is due to be tried, and try what was held back at its issue, each on its own; returns how many
    were tried. What fell due several times while it was held back is tried once: the next pause counts from then."""
    tried = 0
    for invoice in collect_queries.failed_invoices():
        tries = collect_queries.tries(invoice)
        if tries and tries[-1].status == Payment.Status.FAILED and _is_time(invoice, tries, now):
            payment = _try(invoice, actor, now)
            tried += payment is not None and payment.id != tries[-1].id
    return tried + sum(_try(invoice, actor, now) is not None for invoice in collect_queries.withheld_invoices(now))


def _try(invoice: Invoice, actor: Actor, now: datetime) -> Payment | None:
    try:
        return collect_invoice(invoice_id=invoice.id, actor=actor, now=now)
    except Exception:
        log.exception("invoice %s could not be tried again; it is, in an hour", invoice.id)
        return None


def _is_time(invoice: Invoice, tries: Sequence[Payment], now: datetime) -> bool:
    method = method_queries.default_method(invoice.tenant)
    if method is None:
        return False
    if method.provider_ref != tries[-1].method_ref:
        return True
    again = dunning.next_try(tries)
    return again is not None and again <= now and hold_queries.hold_of(invoice, now) is None


def _charge(invoice: Invoice, key: str, actor: Actor, now: datetime) -> Payment | None:
    method = method_queries.default_method(invoice.tenant)
    bill = _bill(invoice, method, now) if method and invoice.kind == Invoice.Kind.OVERAGE else None
    if bill is None or method is None:
        return None
    return start_payment(
        tenant=invoice.tenant,
        amount=bill.amount,
        choice=MethodChoice(method.type, method_ref=method.provider_ref),
        actor=actor,
        now=now,
        description=str(invoice),
        invoice_id=invoice.id,
        key=key,
        off_session=True,
        spreads=bill.spreads,
    )


def _bill(invoice: Invoice, method: PaymentMethod, now: datetime) -> _Bill | None:
    """What is due of it, with what waits of earlier ones that nothing holds back; None while that is nothing or too
    little to be charged. It is looked at again under the tenant's lock."""
    provider = registry.named(method.provider, Charges)
    limits = provider.limits(invoice.currency) if provider else None
    if provider is None or limits is None or invoice.status != Invoice.Status.OPEN:
        return None
    due = Money(max(0, queries.amounts(invoice).payable), invoice.currency)
    waiting = collect_queries.waiting_beside(invoice, provider, unheld_at=now)
    total = due + waiting
    if not due or total < limits.least:
        return None
    return _Bill(total, spreads=bool(waiting))


def charged_to(invoice: Invoice, now: datetime) -> str:
    """What an invoice that was just issued is charged to, 'Visa ending 4242'; "" where its payer has to do something,
    it is held back, or it is too little to be charged now."""
    method = method_queries.default_method(invoice.tenant)
    if method is None or invoice.kind != Invoice.Kind.OVERAGE:
        return ""
    is_charged = bool(collect_queries.tries(invoice))
    if not is_charged and hold_queries.hold_of(invoice, now):
        return ""
    return str(method) if is_charged or _bill(invoice, method, now) else ""
