"""The words that a tenant gets when its subscription has changed: which mail, and the facts in it."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import long_text
from billing_portal.kit.money import Money
from billing_portal.notices import mail
from billing_portal.notices.mail import Mail
from billing_portal.notices.outbox import Message
from subscriptions import costing, queries
from subscriptions.actions import renewing
from subscriptions.coupon_words import still_off
from subscriptions.models import Subscription
from subscriptions.models.subscription import BEGUN, Engine

# What is told of a move into a state, or of another change; what is not named needs no mail.
TEMPLATES = {
    "past_due": "subscription_past_due",
    "unpaid": "subscription_unpaid",
    "paused": "subscription_paused",
    "canceled": "subscription_canceled",
    "ending": "subscription_ending",
    "kept": "subscription_kept",
    "trial_ending": "trial_ending",
    "renewal_coming": "renewal_coming",
}
# These are about the period to come, and name what was agreed to for it.
TOLD_BEFORE = ("trial_ending", "renewal_coming")


def write_mail(subscription: Subscription, what: str, *, came_from: str | None = None, message: Message) -> None:
    """One mail for each message, however often that is handled."""
    template = TEMPLATES.get(what)
    if what == "active" and came_from in ("paused", "unpaid"):
        template = "subscription_resumed"
    never_began = what == "canceled" and came_from in BEGUN
    if template is None or never_began:
        return
    tenant = subscription.tenant
    terms = queries.current_terms(subscription, message.now)
    price, seats = terms.price, terms.seats
    ends = subscription.ended_at or subscription.period_end or message.now
    if what in TOLD_BEFORE:
        price, seats = renewing.next_terms(subscription, ends)
    amount = costing.cost_with(subscription, price, seats, None)
    if what == "renewal_coming":
        amount = costing.cost_from(subscription, price, seats, ends)
    with timezone.override(tenant.zone), transaction.atomic():
        mail.write(
            Mail(
                to=tenant.billing_email,
                template=template,
                facts={
                    "plan": price.version.plan.name,
                    "seats": count_text(seats, "seat"),
                    "cycle": "month" if price.billing_cycle == "monthly" else "year",
                    "runs": terms.price.version.plan.name,
                    "amount": money_text(Money(amount, subscription.currency)),
                    "coupon": still_off(subscription),
                    # What PayPal can't charge is no invoice of ours: nothing is open that could be paid.
                    "by_paypal": "PayPal" if subscription.engine == Engine.PAYPAL else "",
                    "by_stripe": "Stripe" if subscription.engine == Engine.STRIPE else "",
                    "until": long_text(ends),
                    "button_label": "Open your subscription",
                    "button_url": f"{settings.PUBLIC_URL}/subscription",
                },
            ),
            tenant=tenant,
            now=message.now,
            dedupe_key=f"mail:{message.id}",
        )
