"""Pause a subscription, and go on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from subscriptions import queries, quoting
from subscriptions.actions import directing
from subscriptions.models import Subscription
from subscriptions.pages import coming
from subscriptions.pages.ending import ReasonForm, goes_on, meant_one
from subscriptions.pages.start import to_subscription
from subscriptions.pages.words import terms_text

_NOT_TO_PAUSE = ("paused", "unpaid")


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page("subscription.manage")
def pause_page(request: Any) -> HttpResponse:
    """GET asks, with what follows from it; POST /subscription/pause does it."""
    subscription = queries.live_subscription(request.tenant)
    if subscription is None or subscription.status in _NOT_TO_PAUSE or subscription.cancel_at_period_end:
        return to_subscription()
    now = timezone.now()
    if request.method != "POST":
        return _ask(request, subscription, ReasonForm(), now)
    if (meant := meant_one(request)) is None:
        return to_subscription()
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _ask(request, meant, form, now)
    try:
        directing.pause(subscription_id=meant.id, reason=form.cleaned_data["reason"], actor=request.actor, now=now)
    except BillingError as error:
        form.add_error(None, error.detail)
        return _ask(request, meant, form, now)
    outbox.wake()
    messages.success(request, "Your subscription is paused. Nothing is billed until you resume it.")
    return to_subscription()


@require_POST
@tenant_page("subscription.manage")
def resume_page(request: Any) -> HttpResponse:
    """POST /subscription/resume."""
    return goes_on(request, directing.resume)


def _ask(request: Any, subscription: Subscription, form: ReasonForm, now: datetime) -> HttpResponse:
    current = coming.current(subscription, now)
    ahead = coming.billed_ahead(subscription)
    facts = {
        "nav": "subscription",
        "subscription": subscription,
        "what": terms_text(current.price, current.seats),
        "form": form,
        "end": subscription.period_end,
        "in_trial": subscription.status == Subscription.Status.TRIALING,
        "ahead": ahead,
        "credited": Money(quoting.billed_ahead(subscription, now), subscription.currency) if ahead else None,
    }
    return render(request, "subscriptions/pause.html", facts)
