"""What waits for somebody of the desk, as tables of its first page."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Sum
from django.utils import timezone

from billing_portal.kit.desk import Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import date_text
from billing_portal.kit.money import Money
from payments.admin.cells import payment_title
from payments.admin.discrepancies import discrepancies_table
from payments.models import Discrepancy, Payment, Refund
from payments.providers import registry
from payments.providers.base import ReceivesOffline

# As many rows as a table of the first page shows; its title counts all.
FIRST = 8


def awaiting_review() -> Table:
    """Offline money that somebody has to verify or reject, the longest waiting first."""
    waiting = Payment.objects.filter(status=Payment.Status.AWAITING_REVIEW)
    rows = [
        (
            link_to(each, payment_title(each)),
            each.tenant,
            date_text(each.created_at),
            "the tenant" if each.declared_by_tenant else each.recorded_by or "—",
            "a second person" if each.needs_second_person else "anybody who may",
            money_text(each.amount),
        )
        for each in waiting.select_related("tenant", "recorded_by").order_by("created_at")[:FIRST]
    ]
    heads = ("Payment", "Tenant", "Since", "Recorded by", "Verified by", Num("Amount"))
    return Table(f"Awaiting review: {waiting.count()}", heads, rows, empty="Every payment is reviewed.")


def checks_to_clear() -> Table:
    """Verified checks whose bank has still to pay them, the longest waiting first; and what they come to."""
    waiting = Payment.objects.filter(status=Payment.Status.CLEARING)
    rows = [
        (
            link_to(each, payment_title(each)),
            each.tenant,
            date_text(each.updated_at),
            each.verified_by or "—",
            money_text(each.amount),
        )
        for each in waiting.select_related("tenant", "verified_by").order_by("updated_at", "id")[:FIRST]
    ]
    sums = waiting.order_by("currency").values_list("currency").annotate(total=Sum("amount_minor"))
    heads = ("Payment", "Tenant", "Verified", "By", Num("Amount"))
    return Table(
        f"Checks to clear: {waiting.count()}",
        heads,
        rows,
        foot=[("Together", "", "", "", money_text(Money(total, currency))) for currency, total in sums],
        empty="No check waits for its bank.",
    )


def refunds_to_approve() -> Table:
    """Those that wait for a second person, the longest waiting first."""
    waiting = Refund.objects.filter(status=Refund.Status.AWAITING_APPROVAL)
    rows = [
        (
            link_to(each, payment_title(each.payment)),
            each.tenant,
            date_text(each.created_at),
            each.requested_by or "—",
            each.reason or "—",
            money_text(each.amount),
        )
        for each in waiting.select_related("tenant", "payment", "requested_by").order_by("created_at")[:FIRST]
    ]
    heads = ("Refund of", "Tenant", "Since", "Asked for by", "Why", Num("Amount"))
    return Table(f"Refunds to approve: {waiting.count()}", heads, rows, empty="No refund waits for a second person.")


def refunds_to_send() -> Table:
    """Those that wait for a check or a wire of ours, the longest waiting first."""
    by_hand = [provider.name for provider in registry.able(ReceivesOffline)]
    waiting = Refund.objects.filter(status=Refund.Status.PENDING, destination="source", payment__provider__in=by_hand)
    rows = [
        (
            link_to(each, payment_title(each.payment)),
            each.tenant,
            date_text(each.created_at),
            each.reason or "—",
            money_text(each.amount),
        )
        for each in waiting.select_related("tenant", "payment").order_by("created_at")[:FIRST]
    ]
    heads = ("Refund of", "Tenant", "Since", "Why", Num("Amount"))
    return Table(
        f"Refunds to send: {waiting.count()}", heads, rows, empty="No refund waits for a check or wire of ours."
    )


def open_discrepancies() -> Table:
    """The longest open first, and what is at stake in all of them, by currency."""
    found = Discrepancy.objects.filter(closed_at=None)
    first = found.select_related("tenant").order_by("opened_at", "id")[:FIRST]
    at_stake = found.order_by("currency").values_list("currency").annotate(total=Sum("amount_minor"))
    table = discrepancies_table(first, timezone.now(), title=f"Discrepancies: {found.count()}")
    return replace(
        table,
        foot=[("At stake together", money_text(Money(total, currency)), "", "", "") for currency, total in at_stake],
    )
