"""Where PayPal's page leads a subscription's payer back to: one that has agreed, and one that has not."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from payments.providers.errors import ProviderError
from subscriptions import queries
from subscriptions.actions import agreeing, following, moving
from subscriptions.models import Subscription
from subscriptions.models.subscription import LIVE, Engine
from subscriptions.pages import coming
from subscriptions.pages.change import done_text
from subscriptions.pages.start import to_subscription

_NOT_ASKED = "PayPal could not be asked right now. What you decided there shows here as soon as it answers."
_NAME = re.compile(r"I-[A-Z0-9]{3,60}", re.ASCII)


@require_GET
@tenant_page("subscription.manage")
def paypal_agreed_page(request: Any) -> HttpResponse:
    """GET /subscription/paypal/return?subscription_id=I-…: ask PayPal what became of it, and show how it stands.

    Safe to repeat: nothing is done but to read. What PayPal does not tell now, its event or the sweep does.
    """
    subscription = _read(request)
    if subscription is None:
        return to_subscription()
    if subscription.status == Subscription.Status.APPROVAL_PENDING:
        messages.info(request, "PayPal has not told us yet that you agreed. This page shows it as soon as it does.")
    elif subscription.status in ("active", "trialing"):
        messages.success(request, "You have agreed at PayPal. Your subscription has begun.")
    return to_subscription()


@require_GET
@tenant_page("subscription.manage")
def paypal_left_page(request: Any) -> HttpResponse:
    """GET /subscription/paypal/cancel?subscription_id=I-…: it was not agreed to, and ends here. As safe to repeat: what
    has come alive meanwhile stays."""
    subscription = _read(request)
    if subscription is None:
        return to_subscription()
    if subscription.status == Subscription.Status.APPROVAL_PENDING:
        moving.end_unbegun(
            subscription_id=subscription.id, reason="left PayPal's page", actor=request.actor, now=timezone.now()
        )
        messages.info(request, "You came back from PayPal without agreeing. Nothing was started or charged.")
    return to_subscription()


@require_GET
@tenant_page("subscription.manage")
def change_agreed_page(request: Any) -> HttpResponse:
    """GET /subscription/paypal/change/return?subscription_id=I-…&price=…&seats=…: ask PayPal what is agreed, and show
    it. Safe to repeat: nothing is done but to read; the address says only what its reader waits for."""
    subscription = _read(request)
    if subscription is None:
        return to_subscription()
    if _is_agreed(request, subscription):
        messages.success(request, f"You have agreed at PayPal. {done_text(subscription, timezone.now())}")
    elif subscription.status in LIVE:
        messages.info(request, "PayPal has not told us yet that you agreed. This page shows it as soon as it does.")
    return to_subscription()


@require_GET
@tenant_page("subscription.manage")
def change_left_page(request: Any) -> HttpResponse:
    """GET /subscription/paypal/change/cancel?subscription_id=I-…: nothing was agreed to, and nothing changes."""
    subscription = _read(request)
    if subscription is not None and not _is_agreed(request, subscription):
        messages.info(request, "You came back from PayPal without agreeing. Nothing was changed.")
    return to_subscription()


def _is_agreed(request: Any, subscription: Subscription) -> bool:
    """Whether it is, or will be, what the address names."""
    current = coming.current(subscription, timezone.now())
    held = agreeing.pending_of(subscription) or current
    return (str(held.price.id), str(held.seats)) == (request.GET.get("price"), request.GET.get("seats"))


def _read(request: Any) -> Subscription | None:
    """The tenant's own that the address names, as PayPal says it is; None, and it is said, where PayPal could not be
    asked: then nobody knows what was agreed to, and all stays as it is. Raises Http404."""
    name = request.GET.get("subscription_id", "")
    rows = queries.subscriptions(request.tenant).filter(engine=Engine.PAYPAL, provider_ref=name)
    found = rows.first() if _NAME.fullmatch(name) else None
    if found is None:
        raise Http404
    try:
        return following.follow(subscription_id=found.id, actor=request.actor, now=timezone.now())
    except ProviderError:
        messages.info(request, _NOT_ASKED)
        return None
    finally:
        outbox.wake()
