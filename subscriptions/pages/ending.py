"""Cancel a subscription, with its period or at once, and take that back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from billing_portal.cards import holds_card_number
from billing_portal.kit.display.dates import long_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from subscriptions import queries, quoting
from subscriptions.actions import directing
from subscriptions.models import Subscription
from subscriptions.pages import coming
from subscriptions.pages.start import to_subscription
from subscriptions.pages.words import terms_text

AT_END, AT_ONCE = "period_end", "now"
LONGEST_REASON = 200


class ReasonForm(forms.Form):
    """Why it is canceled or paused: shown to the tenant and to our billing desk."""

    reason = forms.CharField(
        label="Why",
        required=False,
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text="Read by our billing desk, and kept in your history.",
        error_messages={"max_length": f"{LONGEST_REASON} letters at most."},
    )

    def clean_reason(self) -> str:
        """One line of text, and nothing that could pay anything."""
        text: str = self.cleaned_data["reason"]
        if not text.isprintable():
            raise ValidationError("Write one line of text.")
        if holds_card_number(text):
            raise ValidationError("This looks like a card number. Card data is never written down here.")
        return text


class CancelForm(ReasonForm):
    when = forms.ChoiceField(choices=[(AT_END, "At the period's end"), (AT_ONCE, "At once")], initial=AT_END)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page("subscription.manage")
def cancel_page(request: Any) -> HttpResponse:
    """GET asks, with what follows from it; POST /subscription/cancel does it."""
    subscription = queries.live_subscription(request.tenant)
    if subscription is None:
        return to_subscription()
    now = timezone.now()
    if request.method != "POST":
        return _ask(request, subscription, CancelForm(initial={"when": AT_END}), now)
    if (meant := meant_one(request)) is None:
        return to_subscription()
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _ask(request, meant, form, now)
    at_once = form.cleaned_data["when"] == AT_ONCE
    try:
        ended = directing.cancel(
            subscription_id=meant.id,
            at_period_end=not at_once,
            reason=form.cleaned_data["reason"],
            actor=request.actor,
            now=now,
        )
    except BillingError as error:
        form.add_error(None, error.detail)
        return _ask(request, meant, form, now)
    outbox.wake()
    if ended.cancel_at_period_end and ended.period_end:
        messages.success(request, f"It ends on {long_text(ended.period_end)}. You can take that back until then.")
    else:
        messages.success(request, "Your subscription has ended.")
    return to_subscription()


@require_POST
@tenant_page("subscription.manage")
def keep_page(request: Any) -> HttpResponse:
    """POST /subscription/keep: take back that it ends."""
    return goes_on(request, directing.keep)


def goes_on(request: Any, verb: Callable[..., Subscription]) -> HttpResponse:
    """What a button of the page does that takes something back."""
    subscription = meant_one(request)
    if subscription is None:
        return to_subscription()
    try:
        verb(subscription_id=subscription.id, actor=request.actor, now=timezone.now())
    except BillingError as error:
        messages.error(request, error.detail)
        return to_subscription()
    outbox.wake()
    messages.success(request, "Your subscription goes on.")
    return to_subscription()


def meant_one(request: Any) -> Subscription | None:
    """The one that runs, where it is the one that the form was about: an old page never acts on a new subscription."""
    subscription = queries.live_subscription(request.tenant)
    if subscription is None or request.POST.get("of") != str(subscription.id):
        messages.info(request, "That page was about another subscription. Nothing was changed.")
        return None
    return subscription


def _ask(request: Any, subscription: Subscription, form: CancelForm, now: datetime) -> HttpResponse:
    current = coming.current(subscription, now)
    ahead = coming.billed_ahead(subscription)
    end = subscription.period_end
    facts = {
        "nav": "subscription",
        "subscription": subscription,
        "what": terms_text(current.price, current.seats),
        "form": form,
        "when": form["when"].value() or AT_END,
        "end": end if end and end > now else None,
        "in_trial": subscription.status == Subscription.Status.TRIALING,
        "ahead": ahead,
        "credited": Money(quoting.billed_ahead(subscription, now), subscription.currency) if ahead else None,
        "is_ending": subscription.cancel_at_period_end,
    }
    return render(request, "subscriptions/cancel.html", facts)
