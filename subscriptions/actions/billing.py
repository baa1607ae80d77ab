"""Bill a subscription by our own invoice: a period in advance, or what a change in the middle of one costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.kit.periods import Span
from payments import queries, refund_queries
from payments.actions import crediting, invoicing
from payments.actions.invoicing import LineDraft, OfSubscription
from payments.errors import PaymentInProgress
from payments.models import Invoice
from subscriptions.discounts import discount_from
from subscriptions.drafting import period_lines
from subscriptions.models import PlanPrice, Subscription


def bill_period(
    subscription: Subscription, price: PlanPrice, seats: int, period: Span, *, actor: Actor, now: datetime
) -> Invoice | None:
    """The invoice of one period, less what its coupon takes off; None where nothing is left to pay. `billed_until`
    moves to the period's end.

    In the caller's transaction, under the locks of the tenant and of the subscription. That a period is billed once is
    held by the database, too. Raises IntegrityError for one that was billed before.
    """
    lines = period_lines(price, seats, period, discount_from(subscription, period[0]))
    invoice = None
    if sum(line.amount_minor for line in lines):
        invoice = _issue(subscription, lines, period, Invoice.Reason.PERIOD, actor, now)
    subscription.billed_until = period[1]
    return invoice


def bill_change(
    subscription: Subscription,
    lines: Sequence[LineDraft],
    period: Span,
    *,
    actor: Actor,
    now: datetime,
) -> Invoice | None:
    """The invoice of a change, or of a period that is billed again; None where there is nothing to pay. In the caller's
    transaction, as `bill_period`."""
    if sum(line.amount_minor for line in lines) <= 0:
        return None
    return _issue(subscription, lines, period, Invoice.Reason.CHANGE, actor, now)


def credit_back(
    subscription: Subscription, gross_minor: int, *, since: datetime, reason: str, actor: Actor, now: datetime
) -> int:
    """Credit so much, tax included, of what was billed for time after `since`, and say how much there was to credit:
    an open invoice asks for less, of a paid one it becomes credit.

    Newest first, each as far as it goes. In the caller's transaction, as `bill_period`. Raises PaymentInProgress: what
    is on its way to such an invoice may come or not.
    """
    billed = Invoice.objects.filter(
        subscription_ref=subscription.id,
        provider=None,
        period_end__gt=since,
        status__in=(Invoice.Status.OPEN, Invoice.Status.PAID),
    )
    list(billed.order_by("id").select_for_update(no_key=True).values_list("id"))  # in everybody's order
    left = gross_minor
    for invoice in billed.order_by("-period_end", "-created_at"):
        left -= _credit(invoice, min(left, refund_queries.creditable(invoice)), reason, actor, now)
    return gross_minor - left


def _credit(invoice: Invoice, minor: int, reason: str, actor: Actor, now: datetime) -> int:
    """What is due of it first; what was paid of it after that. Returns `minor`, or nothing where that is nothing."""
    left = max(0, minor)
    while left:
        invoice.refresh_from_db()
        is_open = invoice.status == Invoice.Status.OPEN
        part = min(left, queries.amounts(invoice).payable) if is_open else left
        if part <= 0:
            raise PaymentInProgress
        amount = Money(part, invoice.currency)
        crediting.issue_credit_note(invoice_id=invoice.id, amount=amount, reason=reason, actor=actor, now=now)
        left -= part
    return max(0, minor)


def _issue(
    subscription: Subscription, lines: Sequence[LineDraft], period: Span, reason: str, actor: Actor, now: datetime
) -> Invoice:
    return invoicing.issue_invoice(
        tenant=subscription.tenant,
        kind=Invoice.Kind.SUBSCRIPTION,
        currency=subscription.currency,
        lines=lines,
        period_start=period[0],
        period_end=period[1],
        subscription=OfSubscription(subscription.id, reason),
        actor=actor,
        now=now,
    )
