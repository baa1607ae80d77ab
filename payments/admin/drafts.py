"""A payment that is being typed: what of it can be read already, and what saving and verifying it would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from billing_portal.tenants.models import Tenant
from payments import policies, queries
from payments.actions.opening import MethodChoice
from payments.admin.booking import Booking
from payments.admin.shares import OpenInvoice, Spread, spread
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
class Draft:
    """What can be read of the form, leniently: None where it says nothing yet or nothing that makes sense."""

    tenant: Tenant | None
    choice: MethodChoice
    amount: Money | None
    invoice: Invoice | None
    spread: Spread

    @classmethod
    def read(
        cls, sent: Mapping[str, Any], now: datetime, *, refused: Mapping[str, Sequence[str]] | None = None
    ) -> Draft:
        """The oldest invoice is chosen where the form has not shown the tenant's invoices before. With `_spread` in it
        the amount is spread over the invoices, oldest first. `refused` are the errors of a form that was sent."""
        tenant = tenant_named(sent.get("tenant"))
        choice = MethodChoice(
            _text(sent.get("kind")) or "check", _text(sent.get("reference")) or None, _day(sent.get("received_on"))
        )
        if tenant is None or tenant.currency is None:
            return cls(tenant, choice, None, None, Spread([], None))
        invoices = list(open_invoices(tenant))
        named = _uuid(sent.get("invoice"))
        invoice = next((each for each in invoices if each.id == named), None)
        if invoice is None and invoices and sent.get("invoices_of") != str(tenant.id):
            invoice = invoices[0]
        amount = _amount(sent.get("amount"), tenant.currency)
        again = bool(sent.get("_spread"))
        split = spread(tenant, invoices, invoice, amount, sent, again=again, refused=refused or {}, now=now)
        return cls(tenant, choice, amount, invoice, split)

    @property
    def currency(self) -> str | None:
        return self.tenant.currency if self.tenant else None

    @property
    def rows(self) -> Sequence[OpenInvoice]:
        return self.spread.rows

    @property
    def chosen(self) -> OpenInvoice | None:
        """The row of the invoice that gets what is typed for none."""
        return next((row for row in self.rows if row.chosen), None)

    @property
    def booking(self) -> Booking | None:
        """None until there is an amount that is enough for what is typed beside the invoices."""
        return self.spread.booking

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
