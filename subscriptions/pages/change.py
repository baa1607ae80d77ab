"""Change plan, cycle or seats: choose, look at what it costs and from when it holds, then do just that."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing_portal.kit.display.dates import day_text, long_text
from billing_portal.kit.errors import BillingError, PaymentFailed
from billing_portal.kit.idempotency import KeyInUse, alone
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from payments.models import Invoice
from payments.pages.at_paypal import allow_paypal
from payments.pages.onward import onward
from payments.pages.stripe_js import takes_new_cards
from payments.pages.words import money_of
from subscriptions import previews, queries
from subscriptions.actions import directing
from subscriptions.actions.changing import Wish
from subscriptions.errors import NothingChanges, PreviewDiffers, PreviewExpired, PreviewOutdated, SeatsFallAtRenewal
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine
from subscriptions.pages import coming, plans
from subscriptions.pages.change_facts import preview_facts
from subscriptions.pages.choosing import ChoosingForm
from subscriptions.pages.notices import notices
from subscriptions.pages.onward import to_paypal
from subscriptions.pages.start import to_subscription
from subscriptions.pages.ways import pays_how
from subscriptions.pages.words import terms_text
from subscriptions.quoting import NOW, PERIOD_END, Target

_SAID: dict[type[BillingError], str] = {
    PreviewExpired: "What was shown is more than 15 minutes old. Nothing was changed. This is what it costs now.",
    PreviewOutdated: "Something has changed since you looked. Nothing was changed now. This is what it costs.",
    PreviewDiffers: "What was shown was for another change. Nothing was changed. This is what this one costs.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page("subscription.manage")
def change_page(request: Any) -> HttpResponse:
    """GET and POST /subscription/change?plan=…&cycle=…&seats=…&when=…."""
    subscription = queries.live_subscription(request.tenant)
    if subscription is None:
        return to_subscription()
    now = timezone.now()
    current = coming.current(subscription, now)
    if subscription.status in _fixed(subscription) or subscription.cancel_at_period_end:
        return _show_fixed(request, subscription, current, now)
    if request.method == "POST":
        return _change(request, subscription, current, now)
    return _show(request, subscription, current, _form(request.GET, subscription, current), now)


def _change(request: Any, subscription: Subscription, current: Target, now: datetime) -> HttpResponse:
    """Sent again after it was done, it finds that the subscription is so already."""
    form = _form(request.POST, subscription, current)
    if not form.is_valid():
        return _show(request, subscription, current, form, now)
    wish, token = _wish(form, request.POST), request.POST.get("token", "")
    try:
        with alone(str(request.tenant.id), f"change:{hashlib.sha256(token.encode()).hexdigest()}"):
            instant, state = previews.read_token(token, subscription_id=subscription.id, wish=wish, now=now)
            before = queries.latest_invoice(subscription)
            changed = directing.change(
                subscription_id=subscription.id, wish=wish, actor=request.actor, now=now, instant=instant, state=state
            )
    except KeyInUse:
        messages.info(request, "This change is being made right now. It shows here in a moment.")
        return to_subscription()
    except (PreviewExpired, PreviewOutdated, PreviewDiffers) as error:
        if _is_so(subscription, current, wish):
            messages.info(request, "That is what it is already.")
            return to_subscription()
        return _show(request, subscription, current, form, now, said=_SAID[type(error)])
    except PaymentFailed as error:
        outbox.wake()
        return _declined(request, subscription, error)
    except BillingError as error:
        form.refuse(error)
        return _show(request, subscription, current, form, now)
    outbox.wake()
    return _done(request, changed, before)


def _done(request: Any, changed: Subscription, before: Invoice | None) -> HttpResponse:
    """On to PayPal or to the bank, where somebody has still to agree; else to the subscription. `before`: its newest
    invoice until then."""
    if changed.approval_url:
        return to_paypal(request, changed.approval_url)
    if changed.awaits_payment:
        return _to_pay(request, changed)
    latest = queries.latest_invoice(changed)
    invoice = latest if latest != before else None
    messages.success(
        request,
        done_text(changed, timezone.now())
        + (
            f" Invoice {invoice.number} is issued: {money_of(invoice.total_minor, invoice.currency)}."
            if invoice
            else ""
        ),
    )
    return to_subscription()


def _declined(request: Any, subscription: Subscription, error: PaymentFailed) -> HttpResponse:
    """To its invoice, with the reason: it can be paid otherwise, and the change is made then."""
    failed = queries.failed_payments(subscription).first()
    if failed is None:
        messages.error(request, error.detail)
        return to_subscription()
    messages.info(request, "Nothing has changed yet: it does once this is paid. Left alone, it is dropped in a day.")
    return onward(failed)


def _to_pay(request: Any, subscription: Subscription) -> HttpResponse:
    """It has not changed yet: to the bank's question, or to the subscription, which says what it waits for."""
    payment = queries.awaited_payment(subscription)
    if payment and takes_new_cards():
        return HttpResponseRedirect(reverse("payment-confirm-page", args=[payment.id]))
    if payment is None:
        messages.info(request, "It changes once the payment for it has arrived.")
    return to_subscription()


def _show(
    request: Any, subscription: Subscription, current: Target, form: ChoosingForm, now: datetime, *, said: str = ""
) -> HttpResponse:
    sent = request.POST if request.method == "POST" else request.GET
    price, by_paypal = current.price, subscription.engine == Engine.PAYPAL
    preview, token, later = None, "", False
    if form.is_valid():
        wish = _wish(form, sent)
        try:
            found = directing.preview(subscription_id=subscription.id, wish=wish, actor=request.actor, now=now)
            preview, token = preview_facts(found, now), previews.token_of(found, wish, now)
        except NothingChanges:
            pass
        except BillingError as error:
            form.refuse(error)
            later = isinstance(error, SeatsFallAtRenewal)
    versions = plans.versions_for(request.tenant, subscription.currency, price.version)
    facts = {
        "nav": "subscription",
        "form": form,
        "what": terms_text(price, current.seats),
        "columns": plans.columns(
            versions, subscription.currency, current=price.version.plan.code, chosen=str(form["plan"].value())
        ),
        "cycles": plans.cycle_words(versions, subscription.currency),
        "cycle": form["cycle"].value(),
        "currency": subscription.currency,
        "preview": preview,
        "token": token,
        "wanted_when": sent.get("when", ""),
        "later": day_text(subscription.period_end) if later and subscription.period_end else "",
        "pays_how": pays_how(subscription),
        "said": said,
        "by_paypal": by_paypal,
    }
    part = bool(request.htmx) and request.method != "POST"
    name = "subscriptions/change_preview.html" if part else "subscriptions/change.html"
    page = render(request, name, facts | {"part": part})
    return allow_paypal(page) if by_paypal else page


def _fixed(subscription: Subscription) -> tuple[str, ...]:
    """The states in which it can't be changed: where PayPal tries again to be paid, also while it does."""
    return ("paused", "unpaid", "past_due") if subscription.engine == Engine.PAYPAL else ("paused", "unpaid")


def _show_fixed(request: Any, subscription: Subscription, current: Target, now: datetime) -> HttpResponse:
    """What has to be done first."""
    facts = {
        "nav": "subscription",
        "what": terms_text(current.price, current.seats),
        "notices": notices(subscription, current, now),
        "subscription": subscription,
        "may_manage": True,
    }
    return render(request, "subscriptions/change_fixed.html", facts)


def _form(sent: Any, subscription: Subscription, current: Target) -> ChoosingForm:
    versions = plans.versions_for(subscription.tenant, subscription.currency, current.price.version)
    defaults = {
        "plan": current.price.version.plan.code,
        "cycle": current.price.billing_cycle,
        "seats": current.seats,
    }
    return ChoosingForm(sent, versions=versions, defaults=defaults)


def _wish(form: ChoosingForm, sent: Any) -> Wish:
    when = sent.get("when")
    return Wish(
        plan_code=form.cleaned_data["plan"],
        cycle=form.cleaned_data["cycle"],
        seats=form.cleaned_data["seats"],
        when=when if when in (NOW, PERIOD_END) else None,
    )


def _is_so(subscription: Subscription, current: Target, wish: Wish) -> bool:
    held = current
    if subscription.pending_price and subscription.pending_seats:
        held = Target(subscription.pending_price, subscription.pending_seats)
    facts = held.price.version.plan.code, held.price.billing_cycle, held.seats
    return facts == (wish.plan_code, wish.cycle, wish.seats)


def done_text(changed: Subscription, now: datetime) -> str:
    """What it is now, or will be."""
    if changed.pending_at and changed.pending_price and changed.pending_seats:
        return f"From {long_text(changed.pending_at)} it is {terms_text(changed.pending_price, changed.pending_seats)}."
    terms = queries.current_terms(changed, now)
    return f"It is {terms_text(terms.price, terms.seats)} now."
