"""Where the payer of a subscription that has not begun goes on."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from subscriptions import queries
from subscriptions.models import Subscription


def confirm_url(subscription: Subscription) -> str:
    """Where its bank's question is opened."""
    return reverse("subscription-confirm-page", args=[subscription.id])


def again_url(subscription: Subscription, now: datetime) -> str:
    """Start what it was to be once more, with this way to pay or another; that one takes its place."""
    terms = queries.current_terms(subscription, now)
    order: dict[str, object] = {
        "plan": terms.price.version.plan.code,
        "cycle": terms.price.billing_cycle,
        "seats": terms.seats,
        "begin": "trial" if subscription.trial_end else "now",
    }
    return f"{reverse('subscription-start-page')}?{urlencode(order)}"
