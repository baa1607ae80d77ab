"""The finance desk's frame: the places of its sidebar, and its first page, which shows what waits for somebody."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from billing_portal.kit.desk import Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import date_text, month_text
from billing_portal.kit.money import Money
from billing_portal.notices.models import OutboxMessage
from payments import hold_queries, queries
from payments.admin import waiting
from payments.models import Discrepancy, Invoice, Payment, ProviderEvent, Refund
from usage.models import UsageMonth

# Title, then its places: title, icon, admin URL name (behind a slash: its argument), permission, query.
_GROUPS: list[tuple[str, list[tuple[str, str, str, str, str]]]] = [
    ("", [("Desk", "space_dashboard", "index", "", "")]),
    (
        "Waiting for us",
        [
            (
                "Awaiting review",
                "hourglass_top",
                "payments_payment_changelist",
                "payments.view_payment",
                "status__exact=awaiting_review",
            ),
            (
                "Checks to clear",
                "account_balance",
                "payments_payment_changelist",
                "payments.view_payment",
                "status__exact=clearing",
            ),
            (
                "Refunds to approve",
                "approval_delegation",
                "payments_refund_changelist",
                "payments.view_refund",
                "status__exact=awaiting_approval",
            ),
            (
                "Discrepancies",
                "rule",
                "payments_discrepancy_changelist",
                "payments.view_discrepancy",
                "closed_at__isempty=1",
            ),
            (
                "Parked messages",
                "running_with_errors",
                "notices_outboxmessage_changelist",
                "notices.view_outboxmessage",
                "parked_at__isempty=0",
            ),
            (
                "Parked events",
                "sync_problem",
                "payments_providerevent_changelist",
                "payments.view_providerevent",
                "status__exact=parked",
            ),
        ],
    ),
    (
        "Money",
        [
            ("Record a payment", "receipt_long", "payments_payment_add", "payments.record_payment", ""),
            ("Payments", "swap_horiz", "payments_payment_changelist", "payments.view_payment", ""),
            ("Refunds", "undo", "payments_refund_changelist", "payments.view_refund", ""),
            ("Disputes", "gavel", "payments_dispute_changelist", "payments.view_dispute", ""),
            ("Invoices", "description", "payments_invoice_changelist", "payments.view_invoice", ""),
            ("Held back", "front_hand", "payments_collectionhold_changelist", "payments.view_collectionhold", ""),
            ("Credit notes", "contract", "payments_creditnote_changelist", "payments.view_creditnote", ""),
            ("Credit balances", "savings", "payments_creditbalance_changelist", "payments.view_creditbalance", ""),
            ("Ledger", "balance", "payments_ledgerleg_changelist", "payments.view_ledgerleg", ""),
        ],
    ),
    (
        "Customers",
        [
            ("Tenants", "apartment", "tenants_tenant_changelist", "tenants.view_tenant", ""),
            ("Saved methods", "credit_card", "payments_paymentmethod_changelist", "payments.view_paymentmethod", ""),
            ("Subscriptions", "layers", "subscriptions_subscription_changelist", "subscriptions.view_subscription", ""),
            ("Plans", "sell", "subscriptions_plan_changelist", "subscriptions.view_plan", ""),
            ("Coupons", "percent", "subscriptions_coupon_changelist", "subscriptions.view_coupon", ""),
        ],
    ),
    (
        "Usage",
        [
            ("Close of month", "calendar_month", "usage_usagemonth_changelist", "usage.view_usagemonth", ""),
            ("Totals", "bar_chart", "usage_usagerollup_changelist", "usage.view_usagerollup", ""),
        ],
    ),
    (
        "System",
        [
            ("Changes of state", "history", "payments_statuschange_changelist", "payments.view_statuschange", ""),
            ("Number series", "tag", "payments_numberseries_changelist", "payments.view_numberseries", ""),
            ("Outbox", "outbox", "notices_outboxmessage_changelist", "notices.view_outboxmessage", ""),
            (
                "Provider events",
                "move_to_inbox",
                "payments_providerevent_changelist",
                "payments.view_providerevent",
                "",
            ),
            ("PayPal messages", "mark_email_unread", "ipn_paypalipn_changelist", "ipn.view_paypalipn", ""),
            ("Attempts", "call_made", "payments_attempt_changelist", "payments.view_attempt", ""),
            (
                "Provider customers",
                "contact_page",
                "payments_providercustomer_changelist",
                "payments.view_providercustomer",
                "",
            ),
            ("Stripe mirror", "flip", "app_list/djstripe", "djstripe.view_event", ""),
            ("API keys", "key", "tenants_apikey_changelist", "tenants.view_apikey", ""),
            ("Members", "badge", "tenants_membership_changelist", "tenants.view_membership", ""),
            ("People", "group", "tenants_user_changelist", "tenants.view_user", ""),
            ("Roles", "shield_person", "auth_group_changelist", "auth.view_group", ""),
        ],
    ),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar of this person: only places they may look at, with a count where something waits."""
    counts = {
        "Awaiting review": Payment.objects.filter(status=Payment.Status.AWAITING_REVIEW).count(),
        "Checks to clear": Payment.objects.filter(status=Payment.Status.CLEARING).count(),
        "Refunds to approve": Refund.objects.filter(status=Refund.Status.AWAITING_APPROVAL).count(),
        "Discrepancies": Discrepancy.objects.filter(closed_at=None).count(),
        "Parked messages": OutboxMessage.objects.filter(parked_at__isnull=False).count(),
        "Parked events": ProviderEvent.objects.filter(status=ProviderEvent.Status.PARKED).count(),
    }
    groups = []
    for title, places in _GROUPS:
        items = [
            _item(request, place, counts.get(place[0], 0))
            for place in places
            if not place[3] or request.user.has_perm(place[3])
        ]
        groups.append({"title": title, "items": items})
    return [group for group in groups if group["items"]]


def _item(request: HttpRequest, place: tuple[str, str, str, str, str], waiting: int) -> dict[str, Any]:
    title, icon, name, _, query = place
    name, *arguments = name.split("/")
    path = reverse(f"admin:{name}", args=arguments)
    item: dict[str, Any] = {
        "title": title,
        "icon": icon,
        "link": f"{path}?{query}" if query else path,
        "active": _is_here(request, path, query),
    }
    if waiting:
        item |= {"badge": str(waiting), "badge_variant": "warning"}
    return item


def _is_here(request: HttpRequest, path: str, query: str) -> bool:
    """A list is the place of its records' pages too; a filtered list is a place of its own."""
    if path in (reverse("admin:index"), reverse("admin:payments_payment_add")):
        return request.path == path
    if not request.path.startswith(path) or request.path == reverse("admin:payments_payment_add"):
        return False
    if query:
        name, _, value = query.partition("=")
        return request.path == path and request.GET.get(name) == value
    queries_of_others = (place[4].partition("=") for _, places in _GROUPS for place in places if place[4])
    return not any(request.GET.get(name) == value for name, _, value in queries_of_others)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The first page: what waits, the longest waiting first, as far as this person may look."""
    tables = [
        table()
        for permission, table in (
            ("payments.view_payment", waiting.awaiting_review),
            ("payments.view_payment", waiting.checks_to_clear),
            ("payments.view_refund", waiting.refunds_to_approve),
            ("payments.view_refund", waiting.refunds_to_send),
            ("payments.view_discrepancy", waiting.open_discrepancies),
            ("payments.view_invoice", _overdue),
            ("usage.view_usagemonth", _months_to_close),
        )
        if request.user.has_perm(permission)
    ]
    return {**context, "title": "Desk", "tables": tables}


def _overdue() -> Table:
    now = timezone.now()
    past = Invoice.objects.filter(status=Invoice.Status.OPEN, due_at__lt=now)
    is_held = Q(hold_queries.held(now), provider=None)
    late, held = past.exclude(is_held), past.filter(is_held).count()
    first = list(late.select_related("tenant").order_by("due_at")[: waiting.FIRST])
    amounts = queries.amounts_of(first)
    rows = [
        (
            link_to(each),
            each.tenant,
            date_text(each.due_at) if each.due_at else "—",
            money_text(each.total),
            money_text(Money(amounts[each.id].open, each.currency)),
        )
        for each in first
    ]
    heads = ("Invoice", "Tenant", "Due", Num("Total"), Num("Still due"))
    title = f"Overdue invoices: {late.count()}" + (f", and {held} held back" if held else "")
    return Table(title, heads, rows, empty="Nothing else is overdue." if held else "Nothing is overdue.")


def _months_to_close() -> Table:
    ended = UsageMonth.objects.filter(closed_at=None, ends_at__lte=timezone.now()).order_by("label")
    months = reverse("admin:usage_usagemonth_changelist")
    rows = [
        (
            format_html(
                '<a class="desk-link" href="{}?{}">{}</a>',
                months,
                urlencode({"label": each["label"], "closed_at__isempty": 1}),
                month_text(each["label"]),
            ),
            each["tenants"],
        )
        for each in ended.values("label").annotate(tenants=Count("id"))[: waiting.FIRST]
    ]
    return Table(
        "Months that ended and are open", ("Month", Num("Tenants")), rows, empty="Every month that ended is closed."
    )
