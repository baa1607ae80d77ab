"""Checks and wires in the demo's past: recorded by the clerk or declared by the tenant, and decided by finance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from billing_portal.kit import periods
from billing_portal.kit.money import Money
from billing_portal.seeding.people import Accounts
from billing_portal.seeding.shapes import End, Part, Receipt
from billing_portal.seeding.timeline import Timeline
from billing_portal.tenants.models import Tenant
from payments import queries
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.actions.recording import record_manual_payment, reject_manual_payment, verify_manual_payment
from payments.models import Invoice, Payment

# When the desk decides, a day after.
DECIDES = time(15, 20)


@dataclass(slots=True)
class Receipts:
    """Money that comes by post or through a bank."""

    timeline: Timeline
    tenants: Mapping[str, Tenant]
    accounts: Accounts

    def receive(self, slug: str, invoice_of: Callable[[], Invoice | None], receipt: Receipt, at: datetime) -> None:
        """The clerk records it, or the tenant declares it; finance decides a day later. Nobody sends money for what is
        paid."""
        tenant, invoice = self.tenants[slug], invoice_of()
        assert invoice
        amount = _amount(invoice, receipt.part)
        if not amount.minor:
            return
        choice = MethodChoice(receipt.method, receipt.reference, periods.local_date(at, tenant.zone))
        if receipt.declared:
            actor = self.accounts.member(slug, "billing")
            payment = start_payment(
                tenant=tenant, amount=amount, choice=choice, actor=actor, now=at, invoice_id=invoice.id
            )
        else:
            clerk = self.accounts.desk("clerk")
            payment = record_manual_payment(
                tenant=tenant, amount=amount, choice=choice, actor=clerk, now=at, invoice=invoice
            )
        decided = datetime.combine(periods.local_date(at, tenant.zone) + timedelta(days=1), DECIDES, tenant.zone)
        self.timeline.plan(decided, partial(self._decide, payment, receipt))

    def _decide(self, payment: Payment, receipt: Receipt, at: datetime) -> None:
        finance = self.accounts.desk("finance")
        if receipt.end is End.VERIFIED:
            verifier = self.accounts.staff["finance"]
            verify_manual_payment(payment_id=payment.id, verifier=verifier, actor=finance, now=at)
        elif receipt.end is End.REJECTED:
            reject_manual_payment(payment_id=payment.id, reason=receipt.reason, actor=finance, now=at)


def _amount(invoice: Invoice, part: Part) -> Money:
    open_minor = queries.amounts(invoice).open
    minor = {
        Part.WHOLE: open_minor,
        Part.HALF: open_minor // 2,
        Part.OVER: open_minor - open_minor % -1000,
    }[part]
    return Money(minor, invoice.currency)
