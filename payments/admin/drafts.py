"""A payment that is being typed: what of it can be read already, and what saving and verifying it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet, Sum

from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from billing_portal.tenants.models import Tenant
from payments import policies, queries
from payments.actions.opening import MethodChoice
from payments.admin.booking import Booking, booking_of
from payments.models import Invoice, Payment

KINDS = [("check", "Check"), ("wire", "Wire"), ("cash", "Cash"), ("other", "Other")]
# Money that is here, or may still come: another like it is worth a question.
_LIVING = (Payment.Status.AWAITING_REVIEW, Payment.Status.CLEARING, Payment.Status.SUCCEEDED)


def tenant_named(text: Any) -> Tenant | None:
    """The tenant of an id as a form sends it; None for anything else."""
    found = _uuid(text)
    return Tenant.objects.filter(id=found).first() if found else None


def open_invoices(tenant: Tenant | None) -> QuerySet[Invoice]:
    """Those that a payment may name, oldest debt first."""
    rows = Invoice.objects.filter(tenant=tenant, status=Invoice.Status.OPEN) if tenant else Invoice.objects.none()
    return rows.order_by("due_at", "number_year", "number_sequence")


def duplicates_of(tenant: Tenant, amount: Money, choice: MethodChoice) -> list[Payment]:
    """Payments of the tenant with this kind, reference and amount, newest first. Without a reference the day counts."""
    like = Payment.objects.filter(
        tenant=tenant,
        method=choice.method,
        reference=choice.reference or None,
        amount_minor=amount.minor,
        currency=amount.currency,
        status__in=_LIVING,
    )
    if not choice.reference:
        like = like.filter(received_on=choice.received_on)
    return list(like[:5])


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """A row of the choice: what is due, what already waits for review, and what this payment would leave."""

    invoice: Invoice
    due: Money
    waiting: Money
    part: Money
    state: str
    days_late: int
    chosen: bool

    @property
    def left(self) -> Money:
        return self.due - self.part


@dataclass(frozen=True, slots=True)
class Draft:
    """What can be read of the form, leniently: None where it says nothing yet or nothing that makes sense."""

    tenant: Tenant | None
    choice: MethodChoice
    amount: Money | None
    invoice: Invoice | None
    rows: list[OpenInvoice]

    @classmethod
    def read(cls, sent: Mapping[str, Any], now: datetime) -> Draft:
        """The oldest invoice is chosen where the form has not shown the tenant's invoices before."""
        tenant = tenant_named(sent.get("tenant"))
        choice = MethodChoice(
            _text(sent.get("kind")) or "check", _text(sent.get("reference")) or None, _day(sent.get("received_on"))
        )
        if tenant is None or tenant.currency is None:
            return cls(tenant, choice, None, None, [])
        invoices = list(open_invoices(tenant))
        named = _uuid(sent.get("invoice"))
        invoice = next((each for each in invoices if each.id == named), None)
        if invoice is None and invoices and sent.get("invoices_of") != str(tenant.id):
            invoice = invoices[0]
        amount = _amount(sent.get("amount"), tenant.currency)
        return cls(tenant, choice, amount, invoice, _rows(tenant, invoices, invoice, amount, now))

    @property
    def currency(self) -> str | None:
        return self.tenant.currency if self.tenant else None

    @property
    def chosen(self) -> OpenInvoice | None:
        """The row of the invoice this payment is for."""
        return next((row for row in self.rows if row.chosen), None)

    @property
    def booking(self) -> Booking | None:
        """None until there is an amount."""
        return booking_of(self.amount, self.invoice) if self.amount else None

    @property
    def duplicates(self) -> list[Payment]:
        return duplicates_of(self.tenant, self.amount, self.choice) if self.tenant and self.amount else []

    @property
    def threshold(self) -> Money | None:
        """Above it a second person verifies; 0 where the currency has none of its own."""
        return Money(settings.SECOND_PERSON_ABOVE.get(self.currency, 0), self.currency) if self.currency else None

    @property
    def needs_second_person(self) -> bool:
        return self.amount is not None and policies.needs_second_person(self.amount)

    @property
    def due(self) -> Money | None:
        return self._sum("due")

    @property
    def left(self) -> Money | None:
        return self._sum("left")

    @property
    def late(self) -> Money | None:
        """Of what is due, the overdue part."""
        return self._sum("due", only_late=True)

    @property
    def credit(self) -> Money | None:
        return queries.credit_balance(self.tenant, self.currency) if self.tenant and self.currency else None

    @property
    def last_payment(self) -> Payment | None:
        """The newest that arrived: one that awaits review is only said to have."""
        arrived = (Payment.Status.CLEARING, Payment.Status.SUCCEEDED)
        return Payment.objects.filter(tenant=self.tenant, status__in=arrived).first() if self.tenant else None

    def _sum(self, name: str, *, only_late: bool = False) -> Money | None:
        if not self.currency:
            return None
        rows = [row for row in self.rows if row.days_late > 0 or not only_late]
        return Money(sum(getattr(row, name).minor for row in rows), self.currency)


def _rows(
    tenant: Tenant, invoices: list[Invoice], chosen: Invoice | None, amount: Money | None, now: datetime
) -> list[OpenInvoice]:
    amounts = queries.amounts_of(invoices)
    waiting = dict(
        Payment.objects.filter(tenant=tenant, invoice__in=invoices, status=Payment.Status.AWAITING_REVIEW)
        .order_by()
        .values_list("invoice_id")
        .annotate(total=Sum("amount_minor"))
    )
    rows = []
    for invoice in invoices:
        due = amounts[invoice.id].open
        is_chosen = chosen is not None and invoice.id == chosen.id
        part = min(amount.minor, due) if amount and is_chosen else 0
        days_late = _days_late(invoice, tenant, now)
        if part == due:
            state = "paid"
        elif part or amounts[invoice.id].allocated > 0:
            state = "partly_paid"
        else:
            state = "overdue" if days_late > 0 else "open"
        rows.append(
            OpenInvoice(
                invoice=invoice,
                due=Money(due, invoice.currency),
                waiting=Money(waiting.get(invoice.id, 0), invoice.currency),
                part=Money(part, invoice.currency),
                state=state,
                days_late=days_late,
                chosen=is_chosen,
            )
        )
    return rows


def _days_late(invoice: Invoice, tenant: Tenant, now: datetime) -> int:
    """By the tenant's calendar; negative while there is time."""
    if invoice.due_at is None:
        return 0
    return (now.astimezone(tenant.zone).date() - invoice.due_at.astimezone(tenant.zone).date()).days


def _amount(text: Any, currency: str) -> Money | None:
    try:
        return amount_from_text(str(text or ""), currency)
    except BadAmount:
        return None


def _text(value: Any) -> str:
    """Without what the database can't hold: the form itself refuses that."""
    return str(value or "").replace("\0", "").strip()


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
