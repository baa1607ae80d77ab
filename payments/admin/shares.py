"""One payment over several open invoices, as it is typed: an amount beside each, and what each gets of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from billing_portal.tenants.models import Tenant
from payments import queries, share_queries
from payments.admin.booking import Booking, booking_of
from payments.models import Invoice, Payment

_PREFIX = "share_"


def share_name(invoice: Invoice) -> str:
    """The field in which what is meant for an invoice stands."""
    return f"{_PREFIX}{invoice.id}"


@dataclass(frozen=True, slots=True)
class Shares:
    """By invoice id, in the order in which the invoices stand: the text beside each that has one, the amount where it
    can be read, and why it can't where not."""

    text: Mapping[UUID, str]
    money: Mapping[UUID, Money]
    wrong: Mapping[UUID, str]

    @property
    def together(self) -> int:
        """Minor units."""
        return sum(share.minor for share in self.money.values())

    def gets_rest(self, chosen: Invoice | None, amount: Money) -> Invoice | None:
        """The invoice that gets what the shares leave: the chosen one, unless it has a share of its own or nothing is
        left. None: what is left is credit."""
        has_none = chosen is not None and chosen.id not in self.text
        return chosen if has_none and amount.minor > self.together else None


def read_shares(sent: Mapping[str, Any], invoices: Iterable[Invoice]) -> Shares:
    """What stands beside these invoices. Nothing and nought are the same."""
    text, money, wrong = {}, {}, {}
    for invoice in invoices:
        typed = str(sent.get(share_name(invoice)) or "").replace("\0", "").strip()
        if not typed.strip("0.,"):
            continue
        text[invoice.id] = typed
        try:
            money[invoice.id] = amount_from_text(typed, invoice.currency)
        except BadAmount as error:
            wrong[invoice.id] = str(error)
    return Shares(text, money, wrong)


def shares_of_others(sent: Mapping[str, Any], invoices: Iterable[Invoice]) -> bool:
    """Whether an amount stands beside an invoice that is not one of these: it was paid meanwhile, or is of another
    tenant that was chosen before."""
    known = {share_name(each) for each in invoices}
    return any(name.startswith(_PREFIX) and name not in known and str(sent[name] or "").strip(" 0.,") for name in sent)


def oldest_first(amount: Money, due: Mapping[UUID, int]) -> Shares:
    """The amount spread over invoices in their order, each as much as is open of it in minor units; the rest is for
    none."""
    parts = share_queries.split(amount.minor, due.items(), due)
    money = {invoice_id: Money(minor, amount.currency) for invoice_id, minor in parts}
    return Shares({each: share.decimal_text() for each, share in money.items()}, money, {})


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """A row of the choice: what is due, what already waits for review, and what this payment would leave. `share` is
    what is typed beside it, `wrong` what is wrong with that; `rest` says that it gets what the shares leave."""

    invoice: Invoice
    due: Money
    waiting: Money
    part: Money
    state: str
    days_late: int
    chosen: bool
    rest: bool
    share: str
    wrong: str

    @property
    def left(self) -> Money:
        return self.due - self.part

    @property
    def field(self) -> str:
        return share_name(self.invoice)


@dataclass(frozen=True, slots=True)
class Spread:
    """A payment over the open invoices of a tenant: a row for each, and what it books once it has an amount."""

    rows: Sequence[OpenInvoice]
    booking: Booking | None
    problem: str = ""


def spread(
    tenant: Tenant, invoices: Sequence[Invoice], chosen: Invoice | None, amount: Money | None, sent: Mapping[str, Any],
    *, again: bool, refused: Mapping[str, Sequence[str]], now: datetime,
) -> Spread:  # fmt: skip
    """`again`: what is typed beside the invoices is replaced by the amount, oldest first. `refused` are the errors of
    a form that was sent, by field."""
    amounts = queries.amounts_of(invoices)
    due = {each.id: amounts[each.id].open for each in invoices}
    shares = oldest_first(amount, due) if again and amount else read_shares(sent, invoices)
    rest = shares.gets_rest(chosen, amount) if amount else chosen
    booking = None
    if amount:
        money = [(invoice_id, share.minor) for invoice_id, share in shares.money.items()]
        meant = share_queries.in_order(amount.minor, rest.id if rest else None, money)
        booking = booking_of(amount, meant, {each.id: (each, due[each.id]) for each in invoices})
    parts = {part.invoice.id: part.amount.minor for part in booking.parts} if booking else {}
    waiting = share_queries.meant_for_any_of(invoices, [Payment.Status.AWAITING_REVIEW])
    rows = []
    for invoice in invoices:
        days_late = _days_late(invoice, tenant, now)
        part, is_open = parts.get(invoice.id, 0), due[invoice.id]
        told = [*refused.get(share_name(invoice), ())] or [_wrong(invoice, shares, is_open)]
        rows.append(
            OpenInvoice(
                invoice=invoice,
                due=Money(is_open, invoice.currency),
                waiting=Money(sum(each.minor for each in waiting.get(invoice.id, ())), invoice.currency),
                part=Money(part, invoice.currency),
                state=_state(part, is_open, amounts[invoice.id].allocated, days_late),
                days_late=days_late,
                chosen=chosen is not None and invoice.id == chosen.id,
                rest=rest is not None and invoice.id == rest.id,
                share=shares.text.get(invoice.id, ""),
                wrong=told[0],
            )
        )
    if amount and shares.together > amount.minor:
        return Spread(rows, None, "The amounts beside the invoices are more than the payment.")
    return Spread(rows, booking, "Type the amount of the payment first." if again and not amount else "")


def _wrong(invoice: Invoice, shares: Shares, is_open: int) -> str:
    share = shares.money.get(invoice.id)
    if share and share.minor > is_open:
        return f"Only {money_text(Money(is_open, share.currency))} of {invoice} is open."
    return shares.wrong.get(invoice.id, "")


def _state(part: int, due: int, allocated: int, days_late: int) -> str:
    """What the invoice is afterwards."""
    if part == due:
        return "paid"
    if part or allocated > 0:
        return "partly_paid"
    return "overdue" if days_late > 0 else "open"


def _days_late(invoice: Invoice, tenant: Tenant, now: datetime) -> int:
    """By the tenant's calendar; negative while there is time."""
    if invoice.due_at is None:
        return 0
    return (now.astimezone(tenant.zone).date() - invoice.due_at.astimezone(tenant.zone).date()).days
