"""Reads of what is collected: what waits beside an invoice because it was too small to be charged alone."""

from __future__ import annotations

from billing_portal.kit.money import Money
from payments import queries
from payments.models import Invoice
from payments.providers.base import TakesPayments


def waiting_beside(invoice: Invoice, provider: TakesPayments) -> Money:
    """What is due of the tenant's other overage invoices of which less is open than the provider takes; nothing while
    an earlier payment is bringing it."""
    none = Money.zero(invoice.currency)
    limits = provider.limits(invoice.currency)
    underway = queries.payments(invoice.tenant).filter(spreads=True, status__in=queries.UNDER_WAY)
    if limits is None or underway.exists():
        return none
    others = queries.invoices(invoice.tenant).filter(
        status=Invoice.Status.OPEN, kind=Invoice.Kind.OVERAGE, currency=invoice.currency
    )
    amounts = queries.amounts_of(others.exclude(id=invoice.id))
    small = (each.payable for each in amounts.values() if 0 < each.open < limits.least.minor)
    return sum((Money(max(0, minor), invoice.currency) for minor in small), none)
