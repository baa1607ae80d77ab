"""What is left to the payer of a subscription that has begun by card: confirm it at their bank, or give it up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from payments.pages.stripe_js import allow_stripe_js, js_facts, takes_new_cards
from payments.provider_answers import as_answers
from subscriptions import queries
from subscriptions.actions import following, giving_up
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine
from subscriptions.pages import coming
from subscriptions.pages.onward import again_url, confirm_url
from subscriptions.pages.start import to_subscription
from subscriptions.pages.words import terms_text

Status = Subscription.Status
_UNASKED = "Your bank could not be asked just now. We go on asking, and this page shows what it says."


@require_safe
@tenant_page("subscription.manage")
def confirm_page(request: Any, begun_id: UUID) -> HttpResponse:
    """GET /subscription/{id}/confirm: opens the bank's page, by itself unless its payer has just come from there
    (`?left`); the secret is fetched by the page."""
    subscription = _subscription(request, begun_id)
    if not takes_new_cards():
        raise Http404
    if subscription.status not in (Status.INCOMPLETE, Status.TRIALING):
        return to_subscription()
    now = timezone.now()
    current = coming.current(subscription, now)
    bill = coming.next_bill(subscription, now)
    payment = queries.awaited_payment(subscription)
    facts = {
        "nav": "subscription",
        "subscription": subscription,
        "what": terms_text(current.price, current.seats),
        "amount": payment.amount if payment else None,
        "again": again_url(subscription, now),
        "in_trial": subscription.status == Status.TRIALING,
        "bill": bill,
        "left": "left" in request.GET,
        "js": js_facts(),
    }
    return allow_stripe_js(render(request, "subscriptions/confirm.html", facts))


@require_POST
@tenant_page("subscription.manage")
def secret_page(request: Any, begun_id: UUID) -> HttpResponse:
    """POST /subscription/{id}/secret: how it stands at the provider, with what the browser needs to go on, for
    static/js/confirm.js."""
    subscription = _followed(request, begun_id)
    secret = subscription.client_secret
    stands = "requires_action" if secret else str(subscription.status)
    return JsonResponse({"status": stands, "clientSecret": secret}, headers={"Cache-Control": "no-store"})


@require_POST
@tenant_page("subscription.manage")
def confirmed_page(request: Any, begun_id: UUID) -> HttpResponse:
    """POST /subscription/{id}/confirmed: ask the provider what the bank said, then show how it stands. What it does
    not tell now, its event does."""
    subscription = _subscription(request, begun_id)
    try:
        subscription = _followed(request, subscription.id)
    except BillingError:
        messages.info(request, _UNASKED)
        return to_subscription()
    if subscription.client_secret:
        return HttpResponseRedirect(f"{confirm_url(subscription)}?left")
    if subscription.status == Status.ACTIVE:
        messages.success(request, "Your bank has confirmed it, and your subscription has begun.")
    elif subscription.status == Status.TRIALING:
        messages.success(request, "Your bank has confirmed the card. Your trial runs.")
    return to_subscription()


@require_POST
@tenant_page("subscription.manage")
def give_up_page(request: Any, begun_id: UUID) -> HttpResponse:
    """POST /subscription/{id}/give-up: one that has not begun ends, and nothing is charged. One that runs stays."""
    subscription = _subscription(request, begun_id)
    if subscription.status == Status.INCOMPLETE:
        try:
            subscription = giving_up.give_up(subscription_id=subscription.id, actor=request.actor, now=timezone.now())
        except BillingError as error:
            messages.error(request, error.detail)
            return to_subscription()
    outbox.wake()
    if subscription.status == Status.CANCELED:
        messages.info(request, "You gave it up. Nothing was started or charged.")
    return to_subscription()


def _subscription(request: Any, begun_id: UUID) -> Subscription:
    """The tenant's own, that a card pays. Raises Http404."""
    rows = queries.subscriptions(request.tenant).filter(engine=Engine.STRIPE)
    subscription = rows.filter(id=begun_id).first()
    if subscription is None:
        raise Http404
    return subscription


def _followed(request: Any, begun_id: UUID) -> Subscription:
    """After its provider was asked. Raises Http404, and what `provider_answers` says of one that does not answer."""
    subscription = _subscription(request, begun_id)
    with as_answers():
        subscription = following.follow(subscription_id=subscription.id, actor=request.actor, now=timezone.now())
    outbox.wake()
    return subscription
