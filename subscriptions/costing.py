"""What a period costs, with what its coupon takes off and with tax: for whoever shows it before it is billed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from payments import tax
from payments.actions.invoicing import LineDraft
from payments.models import Invoice
from payments.tax import Tax
from subscriptions import discounts
from subscriptions.discounts import Discount
from subscriptions.drafting import period_lines
from subscriptions.models import PlanPrice, Subscription
from subscriptions.models.subscription import Engine


def cost_from(subscription: Subscription, price: PlanPrice, seats: int, start: datetime) -> int:
    """Minor units, tax included, of the period that begins at `start`, on these terms."""
    return cost_with(subscription, price, seats, discounts.discount_from(subscription, start))


def cost_with(subscription: Subscription, price: PlanPrice, seats: int, discount: Discount | None) -> int:
    """Minor units, tax included, of a whole period; None: nothing comes off."""
    anywhen = subscription.started_at, subscription.started_at
    return with_tax(subscription, period_lines(price, seats, anywhen, discount))[1]


def with_tax(subscription: Subscription, lines: Sequence[LineDraft]) -> tuple[list[Tax], int]:
    """(taxes, total with tax) as an invoice of these lines has them; of a negative sum, what is credited of tax. What a
    provider charges is its price: no tax of ours is added to it."""
    subtotal = sum(line.amount_minor for line in lines)
    taxes = _taxes(subscription, [line.amount_minor for line in lines]) if subtotal > 0 else []
    if subtotal < 0:
        credited = _taxes(subscription, [-subtotal])
        return [], subtotal - sum(each.amount_minor for each in credited)
    return taxes, subtotal + sum(each.amount_minor for each in taxes)


def _taxes(subscription: Subscription, line_amounts: Sequence[int]) -> list[Tax]:
    """Ours on our own invoices. A provider's bills have its own, or none: those of the newest one."""
    if subscription.engine == Engine.INVOICE:
        return tax.tax_lines(subscription.tenant, line_amounts)
    bills = Invoice.objects.filter(subscription_ref=subscription.id, provider=subscription.engine)
    newest = bills.order_by("-issued_at", "-id").first()
    return [tax.tax_of(each.name, each.rate, line_amounts) for each in newest.tax_lines.all()] if newest else []
