"""Where the payer of a subscription goes on that has not begun, or not changed yet."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from payments.pages.at_paypal import theirs
from subscriptions import queries
from subscriptions.models import Subscription

log = logging.getLogger(__name__)


def confirm_url(subscription: Subscription) -> str:
    """Where its bank's question is opened."""
    return reverse("subscription-confirm-page", args=[subscription.id])


def to_paypal(request: Any, approval_url: str) -> HttpResponse:
    """Where its payer agrees; to no address that is not PayPal's."""
    page = theirs(approval_url)
    if not page:
        log.error("PayPal named an address for its payer that is none of its own")
        messages.error(request, "We can't lead you to PayPal's page right now. Nothing is charged. Try again later.")
    return HttpResponseRedirect(page or reverse("subscription-page"))


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
