"""What closing a month would do, or did: tried dry or in earnest, and said in words and tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from billing_portal.kit.desk import Num, Table
from billing_portal.kit.display.amounts import money_text, number_text, unit_price_text
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import month_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.tenants.staff import staff_actor
from usage.actions.closing import Closed, Closing, close_month, preview_close
from usage.models import UsageMonth

CLOSES = (Closing.INVOICED, Closing.NOTHING_TO_BILL)
_WORDS = {
    Closing.INVOICED: "invoiced",
    Closing.NOTHING_TO_BILL: "closed, there was nothing to bill",
    Closing.CLOSED_BEFORE: "was closed before; nothing was changed",
    Closing.NOT_DUE: "can't be closed yet: it, or the hours of grace after it, are not over",
    Closing.NO_SUBSCRIPTION: "has no subscription, so there is nothing to close",
}


def attempt(request: HttpRequest, month: UsageMonth, *, dry_run: bool) -> Closed | BillingError:
    """Close the month for whoever asks, or only see what that would do. What can't be is returned, not raised."""
    try:
        if dry_run:
            return preview_close(tenant=month.tenant, label=month.label, now=timezone.now())
        return close_month(tenant=month.tenant, label=month.label, actor=staff_actor(request), now=timezone.now())
    except BillingError as error:
        return error


def mark_of(month: UsageMonth, closed: Closed | BillingError) -> str:
    """What was shown of a month, to be compared with what is true when the button is pressed."""
    if isinstance(closed, BillingError):
        return f"{month.pk}:{closed.code}"
    lines = [(line.title, str(line.quantity), str(line.unit_amount), line.amount_minor) for line in closed.lines]
    digest = hashlib.sha256(json.dumps([closed.currency, lines]).encode()).hexdigest()
    return f"{month.pk}:{closed.closing}:{digest}"


def close_as_shown(request: HttpRequest, month: UsageMonth, shown: Collection[str]) -> Closed | BillingError | None:
    """Close the month if that bills what `shown` has marks of; None, with nothing written, if it bills anything else.

    Compared with what was billed in truth, before it is committed: a call that comes between two looks changes nothing.
    """
    with transaction.atomic():
        closed = attempt(request, month, dry_run=False)
        if isinstance(closed, Closed) and closed.closing in CLOSES and mark_of(month, closed) not in shown:
            transaction.set_rollback(True)
            return None
        return closed


def words_of(closed: Closed | BillingError) -> str:
    """What became of the month, as the rest of a sentence."""
    if isinstance(closed, BillingError):
        return closed.detail
    if closed.invoice and closed.closing is Closing.INVOICED:
        return f"{_WORDS[closed.closing]}, {closed.invoice} over {money_text(closed.invoice.total)}."
    return f"{_WORDS[closed.closing]}."


def outcomes_table(tried: Sequence[tuple[UsageMonth, Closed | BillingError]]) -> Table:
    """One row for each month that was tried dry."""
    rows = [
        (
            month.tenant,
            month_text(month.label),
            _future(closed),
            _before_tax(closed) if isinstance(closed, Closed) else "—",
        )
        for month, closed in tried
    ]
    return Table("What closing does", ("Tenant", "Month", "Outcome", Num("Before tax")), rows)


def _future(closed: Closed | BillingError) -> str:
    if isinstance(closed, Closed) and closed.closing is Closing.INVOICED:
        return "An invoice is issued"
    if isinstance(closed, Closed) and closed.closing is Closing.NOTHING_TO_BILL:
        return "Closed; nothing to bill"
    words = words_of(closed)
    return words[:1].upper() + words[1:]


def _before_tax(closed: Closed) -> str:
    if not closed.lines or not closed.tenant.currency:
        return "—"
    return money_text(Money(sum(line.amount_minor for line in closed.lines), closed.tenant.currency))


def lines_table(closed: Closed) -> Table:
    """What would be billed, before tax."""
    currency = closed.tenant.currency or ""
    rows = [
        (
            line.title,
            count_text(line.quantity, line.unit) if line.unit else number_text(line.quantity),
            unit_price_text(line.unit_amount, currency),
            money_text(Money(line.amount_minor, currency)),
        )
        for line in closed.lines
    ]
    return Table(f"Lines for {closed.tenant}", ("Line", Num("Quantity"), Num("Price"), Num("Amount")), rows)
