"""How a bill stands: the one word for its state, and the few words beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from billing_portal.kit.display.dates import day_text
from payments import hold_queries, queries, share_queries
from payments.actions.paying_bills import can_be_told
from payments.models import Allocation, CollectionHold, Invoice, Payment
from payments.pages.at_paypal import is_at_paypal
from payments.pages.hold_words import hold_note
from payments.pages.words import in_sentence, money_of
from payments.queries import InvoiceAmounts
from payments.share_queries import Coming


@dataclass(frozen=True, slots=True)
class Standing:
    """`state` is a key of the invoice's states, `days` how many are left until it is due (only for "due").

    `to_send` is what of it nobody has sent yet, in minor units: only that is asked for, whatever the state. Of what
    its provider charges by itself nothing is; `to_hurry` of it may be paid all the same, as a whole.
    """

    state: str
    note: str = ""
    days: int | None = None
    to_send: int = 0
    to_hurry: int = 0


def standings(invoices: Iterable[Invoice], now: datetime) -> dict[UUID, tuple[Standing, InvoiceAmounts]]:
    """By invoice id, by as many queries for many as for one."""
    rows = list(invoices)
    amounts, open_ones = queries.amounts_of(rows), share_queries.open_payments_for(rows)
    paying, holds = queries.allocations_of(rows), hold_queries.holds_of(rows, now)
    found = {}
    for each in rows:
        coming, waiting = apart(open_ones.get(each.id, []))
        paid_by, hold = paying.get(each.id, []), holds.get(each.id)
        stands = standing(each, amounts[each.id], coming, paid_by, now, waiting=waiting, hold=hold)
        found[each.id] = (stands, amounts[each.id])
    return found


def apart(payments: Iterable[Coming]) -> tuple[list[Coming], list[Payment]]:
    """Those whose money is on its way, each with what the invoice may have of it, and those that wait for their
    payer."""
    rows = list(payments)
    waiting = [each.payment for each in rows if each.payment.status == Payment.Status.REQUIRES_ACTION]
    return [each for each in rows if each.payment.status in queries.ON_THEIR_WAY], waiting


def standing(
    invoice: Invoice,
    amounts: InvoiceAmounts,
    coming: Sequence[Coming],
    paying: Sequence[Allocation],
    now: datetime,
    *,
    waiting: Sequence[Payment] = (),
    hold: CollectionHold | None = None,
) -> Standing:
    """Late comes first, whatever is on its way: until it is here, the invoice is late. `waiting`: those of its
    payments that wait for their payer; `hold`: what holds it back."""
    if invoice.status == Invoice.Status.PAID:
        return Standing("paid", _how_paid(invoice, paying))
    if invoice.status != Invoice.Status.OPEN or invoice.due_at is None:
        return Standing(invoice.status)
    due = f"Due {day_text(invoice.due_at)}"
    left = max(0, amounts.open - sum(each.minor for each in coming))
    is_charged = queries.is_collected_by_provider(invoice, paying)
    asked = replace(
        Standing(""), to_send=0 if is_charged else left, to_hurry=left if is_charged and can_be_told(invoice) else 0
    )
    first = coming[0].payment if coming else None
    on_its_way = f"{in_sentence(first)} is on its way" if first else ""
    if invoice.is_overdue(now):
        beside = on_its_way or (hold_note(hold) if hold else "")
        return replace(asked, state="overdue", note=f"{due}; {beside}" if beside else due)
    if first:
        reviewed = first.status == Payment.Status.AWAITING_REVIEW
        return replace(asked, state="awaiting_review" if reviewed else "processing", note=in_sentence(first))
    if waiting:
        todo = "finish it at PayPal" if is_at_paypal(waiting[0]) else "confirm it at your bank"
        return replace(asked, state="action_needed", note=todo)
    came_off = f"{_came_off(invoice, amounts)}{due[0].lower()}{due[1:]}"
    if amounts.allocated > 0:
        return replace(asked, state="partly_paid", note=came_off)
    days = days_between(now, invoice.due_at)
    return replace(asked, state="due", note=came_off if amounts.credited else due, days=days)


def _came_off(invoice: Invoice, amounts: InvoiceAmounts) -> str:
    """'$20.00 paid, $5.00 credited; ': what lessened it, by what it was."""
    parts = [(amounts.allocated, "paid"), (amounts.credited, "credited")]
    told = ", ".join(f"{money_of(minor, invoice.currency)} {how}" for minor, how in parts if minor)
    return f"{told}; " if told else ""


def _how_paid(invoice: Invoice, paying: Sequence[Allocation]) -> str:
    """'Oct 8, check 10482'."""
    day = day_text(invoice.paid_at) if invoice.paid_at else ""
    sources = {in_sentence(each.payment) for each in paying if each.payment}
    how = sources.pop() if len(sources) == 1 else ("several payments" if sources else "from your credit")
    return ", ".join(part for part in (day, how) if part)


def days_between(start: datetime, end: datetime) -> int:
    """Whole days on the calendar in force: from the evening of the 1st to the morning of the 3rd are 2."""
    return (timezone.localtime(end).date() - timezone.localtime(start).date()).days
