"""What comes next of a subscription: the next invoice, by our own reckoning, and what is billed already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing_portal.kit.money import Money
from billing_portal.kit.periods import Span
from payments.models import Invoice
from subscriptions import costing, queries, quoting
from subscriptions.actions import renewing
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import Engine

Status = Subscription.Status
_BILLED = (Status.TRIALING, Status.ACTIVE, Status.PAST_DUE)


@dataclass(frozen=True, slots=True)
class NextBill:
    """`amount` with tax, for `period`; it comes on the day of `on`."""

    amount: Money
    period: Span
    on: datetime


def next_bill(subscription: Subscription, now: datetime) -> NextBill | None:
    """None where nothing is to come: it ends, waits, or costs nothing."""
    if subscription.status not in _BILLED or subscription.cancel_at_period_end or subscription.period_end is None:
        return None
    by_invoice = subscription.engine == Engine.INVOICE
    start = (subscription.billed_until if by_invoice else None) or subscription.period_end
    price, seats = renewing.next_terms(subscription, start)
    amount = cost_of(subscription, price, seats, start)
    if not amount:
        return None
    waits = by_invoice and subscription.status != Status.TRIALING
    on = start - renewing.lead() if waits else start
    return NextBill(amount, renewing.next_period(subscription, start), max(on, now))


def cost_of(subscription: Subscription, price: PlanPrice, seats: int, start: datetime) -> Money:
    """Of the whole period that begins at `start` on these terms: less what its coupon takes off, tax included."""
    return Money(costing.cost_from(subscription, price, seats, start), subscription.currency)


def usual_cost(subscription: Subscription, price: PlanPrice, seats: int) -> Money:
    """Of a whole period on these terms without a coupon, tax included."""
    return Money(costing.cost_with(subscription, price, seats, None), subscription.currency)


def billed_ahead(subscription: Subscription) -> Invoice | None:
    """The invoice of the next period, where it is there already."""
    if (
        not (subscription.billed_until and subscription.period_end)
        or subscription.billed_until <= subscription.period_end
    ):
        return None
    found = Invoice.objects.filter(subscription_ref=subscription.id, period_start=subscription.period_end)
    return found.exclude(status__in=(Invoice.Status.VOID, Invoice.Status.DRAFT)).order_by("-created_at").first()


def was_credited(subscription: Subscription) -> bool:
    """Whether the next period's invoice was credited because the subscription was to end or to pause: it is billed
    again when that is taken back."""
    rows = Invoice.objects.filter(
        subscription_ref=subscription.id,
        provider=None,
        period_start=subscription.period_end,
        billing_reason=Invoice.Reason.PERIOD,
    )
    return billed_ahead(subscription) is None and rows.exclude(status=Invoice.Status.VOID).exists()


def open_invoices(subscription: Subscription) -> list[Invoice]:
    """Its own, longest due first."""
    rows = Invoice.objects.filter(subscription_ref=subscription.id, status=Invoice.Status.OPEN)
    return list(rows.order_by("due_at", "number_sequence"))


def current(subscription: Subscription, now: datetime) -> quoting.Target:
    """The terms that are in force; of one that has ended, the last."""
    terms = queries.current_terms(subscription, now)
    return quoting.Target(terms.price, terms.seats)
