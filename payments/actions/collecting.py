"""Charge an invoice of ours to the tenant's default method, while nobody is there to confirm anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput, Conflict
from billing_portal.kit.money import Money
from payments import collect_queries, method_queries, queries
from payments.actions import driving
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.errors import AmountExceedsDue, MethodNotFound
from payments.models import Invoice, Payment, PaymentMethod
from payments.providers import registry
from payments.providers.base import Charges

# A client's own key is plain ASCII: no client can take the place of this one.
_KEY = "\N{SECTION SIGN}collect:"
# How often it is reckoned anew when people pay meanwhile.
TRIES = 3


@dataclass(frozen=True, slots=True)
class _Bill:
    amount: Money
    spreads: bool


def collect_invoice(*, invoice_id: UUID, actor: Actor, now: datetime) -> Payment | None:
    """The payment that charges what is due; None when there is nothing to charge, or nothing to charge it to.

    What is below the provider's least amount waits, and is charged with the next invoice that brings the tenant's due
    above it. One payment for each invoice, for ever: a second run finds the first one's. A decline leaves the invoice
    open. Raises what `start_payment` raises when the provider did nothing: to be tried again.
    """
    invoice = Invoice.objects.select_related("tenant").get(id=invoice_id)
    key = f"{_KEY}{invoice.id}"
    if earlier := queries.payments(invoice.tenant).filter(client_key=key).first():
        return driving.drive(payment_id=earlier.id, actor=actor, now=now)
    for _ in range(TRIES):
        try:
            return _charge(invoice, key, actor, now)
        except AmountExceedsDue:
            continue  # something was paid while it was being reckoned
        except (BadInput, Conflict, MethodNotFound):
            break  # paid, being paid, or its method removed in the meantime
    return None


def _charge(invoice: Invoice, key: str, actor: Actor, now: datetime) -> Payment | None:
    method = method_queries.default_method(invoice.tenant)
    bill = _bill(invoice, method) if method and invoice.kind == Invoice.Kind.OVERAGE else None
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


def _bill(invoice: Invoice, method: PaymentMethod) -> _Bill | None:
    """What is due of it, with what waits of earlier ones; None while that is nothing or too little to be charged. It is
    looked at again under the tenant's lock."""
    provider = registry.named(method.provider, Charges)
    limits = provider.limits(invoice.currency) if provider else None
    if provider is None or limits is None or invoice.status != Invoice.Status.OPEN:
        return None
    due = Money(max(0, queries.amounts(invoice).payable), invoice.currency)
    waiting = collect_queries.waiting_beside(invoice, provider)
    total = due + waiting
    if not due or total < limits.least:
        return None
    return _Bill(total, spreads=bool(waiting))


def charged_to(invoice: Invoice) -> str:
    """What an invoice that was just issued is charged to, 'Visa ending 4242'; "" where its payer has to do something,
    or it is too little to be charged now."""
    method = method_queries.default_method(invoice.tenant)
    if method is None or invoice.kind != Invoice.Kind.OVERAGE:
        return ""
    is_charged = queries.payments(invoice.tenant).filter(client_key=f"{_KEY}{invoice.id}").exists()
    return str(method) if is_charged or _bill(invoice, method) else ""
