"""Start a subscription: seats, a trial where there is one, the first invoice as a sum; then begin."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing_portal.kit.errors import BillingError
from billing_portal.kit.idempotency import KeyInUse, alone
from billing_portal.notices import outbox
from billing_portal.tenants.pages.access import tenant_page
from payments.pages.at_paypal import allow_paypal
from payments.pages.stripe_js import takes_new_cards
from payments.providers import registry
from payments.providers.recurring import RunsSubscriptions
from subscriptions import queries
from subscriptions.actions import couponing, subscribing
from subscriptions.actions.starting import Order, start
from subscriptions.errors import AlreadySubscribed, CouponNotByPayPal
from subscriptions.models import Coupon, PlanVersion
from subscriptions.models.subscription import Engine
from subscriptions.pages import plans
from subscriptions.pages.choosing import ChoosingForm
from subscriptions.pages.onward import confirm_url, to_paypal
from subscriptions.pages.start_facts import NOW, TRIAL, for_ways, of_way, sums
from subscriptions.pages.ways import BY_PAYPAL, chosen_way, ways_to_pay
from subscriptions.pages.words import EACH

_BEGUN = "Your subscription has begun already. Here it is."


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page("subscription.manage")
def start_page(request: Any) -> HttpResponse:
    """GET and POST /subscription/start?plan=professional&cycle=monthly, `&pay_with=` for who comes back with a card."""
    if queries.live_subscription(request.tenant):
        if request.method == "POST":
            messages.info(request, _BEGUN)
        return to_subscription()
    sent = request.POST if request.method == "POST" else request.GET
    currency = plans.currency_for(request.tenant)
    version = next(
        (each for each in plans.versions_for(request.tenant, currency) if each.plan.code == sent.get("plan")), None
    )
    if version is None:
        return to_subscription()
    return _start(request, version, currency) if request.method == "POST" else _show(request, version, currency)


def _start(request: Any, version: PlanVersion, currency: str) -> HttpResponse:
    """`after` names the subscription that this one follows: sent again, the form is after none that is there still."""
    now, tenant = timezone.now(), request.tenant
    after = _after(request)
    if request.POST.get("after", "") != after:
        messages.info(request, _BEGUN)
        return to_subscription()
    form = _form(request.POST, version, currency)
    shown, way = _sums(request, form, version, currency, now), request.POST.get("pay_with", "")
    if not shown or not _was_shown(request, of_way(shown, way)):
        said = (
            ""
            if not shown
            else "What it costs has changed since you opened this page. Nothing was started. Look again."
        )
        return _show(request, version, currency, form=form, said=said)
    order = Order(
        plan_code=version.plan.code,
        cycle=form.cleaned_data["cycle"],
        seats=form.cleaned_data["seats"],
        trial_days=_trial_days(request, version),
        currency=currency,
        coupon=form.cleaned_data["coupon"] or None,
        **chosen_way(request, way),
    )
    try:
        with alone(str(tenant.id), f"start:{after}"):
            begun = start(tenant=tenant, order=order, actor=request.actor, now=now)
    except (KeyInUse, AlreadySubscribed) as error:
        there = queries.latest_subscription(tenant)
        has_ended = there is not None and there.status == there.Status.CANCELED  # given up in another tab
        said = error.detail if isinstance(error, AlreadySubscribed) and has_ended else _BEGUN
        messages.info(request, said)
        return to_subscription()
    except BillingError as error:
        stays = isinstance(error, CouponNotByPayPal)  # another way to pay mends it: the sum stays, to be sent again
        if not stays:
            form.refuse(error)
        return _show(request, version, currency, form=form, said=error.detail if stays else "")
    outbox.wake()
    if begun.approval_url:
        return to_paypal(request, begun.approval_url)
    if begun.client_secret and takes_new_cards():
        return HttpResponseRedirect(confirm_url(begun))
    if begun.status == begun.Status.INCOMPLETE:
        return to_subscription()  # which says what is left to do
    messages.success(
        request,
        f"Your trial of {version.plan.name} has begun." if order.trial_days else f"You are on {version.plan.name} now.",
    )
    return to_subscription()


def _show(
    request: Any, version: PlanVersion, currency: str, *, form: ChoosingForm | None = None, said: str = ""
) -> HttpResponse:
    now = timezone.now()
    form = form or _form(request.GET, version, currency)
    trial_days = _trial_days(request, version)
    cycle = form["cycle"].value()
    ways = ways_to_pay(request.tenant, version)
    shown = for_ways(_sums(request, form, version, currency, now), ways)
    chosen = (request.POST if request.method == "POST" else request.GET).get("pay_with")
    facts = {
        "nav": "subscription",
        "version": version,
        "plan": version.plan.name,
        "currency": currency,
        "form": form,
        "cycles": plans.cycle_words([version], currency),
        "prices": plans.columns([version], currency)[0].prices,
        "cycle": cycle,
        "each": EACH.get(str(cycle), "month"),
        "has_trial": bool(_offered_trial(request, version)),
        "begin": TRIAL if trial_days else NOW,
        "ways": ways,
        "chosen": next((each for each in ways if each.value == chosen), (*ways, None)[0]),
        "may_charge": any(each.value for each in ways),
        "by_paypal": any(each.value == BY_PAYPAL for each in ways),
        "takes_cards": takes_new_cards() and registry.named(Engine.STRIPE, RunsSubscriptions) is not None,
        "included": plans.included_rows(version, 1, currency),
        "sums": shown,
        "lead": shown[0] if shown else None,
        "after": _after(request),
        "said": said,
    }
    part = bool(request.htmx) and request.method != "POST"
    template = "subscriptions/start_sum.html" if part else "subscriptions/start.html"
    return allow_paypal(render(request, template, facts | {"part": part}))


def _form(sent: Any, version: PlanVersion, currency: str) -> ChoosingForm:
    cycles = plans.cycle_words([version], currency)
    cycle = cycles[0]["value"] if cycles else "monthly"
    price = plans.price_in(version, sent.get("cycle", cycle), currency)
    least = price.minimum_seats if price else 1
    defaults = {"plan": version.plan.code, "cycle": cycle, "seats": least, "coupon": ""}
    return ChoosingForm(sent, versions=[version], defaults=defaults)


def _sums(request: Any, form: ChoosingForm, version: PlanVersion, currency: str, now: datetime) -> list[dict[str, Any]]:
    """Of each way to pay; no sums where the form says what is to be mended first."""
    if not form.is_valid():
        return []
    seats = form.cleaned_data["seats"]
    try:
        price = queries.price_of(version, form.cleaned_data["cycle"], currency)
        subscribing.check_terms(request.tenant, price, seats)
        coupon = _coupon(request, form.cleaned_data["coupon"], currency, now)
    except BillingError as error:
        form.refuse(error)
        return []
    return sums(request.tenant, price, seats, now, trial_days=_trial_days(request, version), coupon=coupon)


def _was_shown(request: Any, bill: dict[str, Any]) -> bool:
    """That whoever sends this has seen just that sum, of the way in which they pay."""
    return bool(request.POST.get(bill["field"]) == str(bill["total"].minor))


def _coupon(request: Any, code: str, currency: str, now: datetime) -> Coupon | None:
    """Raises what `couponing.check` raises."""
    return couponing.check(tenant=request.tenant, code=code, currency=currency, now=now) if code else None


def _offered_trial(request: Any, version: PlanVersion) -> int:
    return 0 if queries.had_trial(request.tenant) else version.trial_days


def _trial_days(request: Any, version: PlanVersion) -> int:
    """The trial is what one begins with, unless it is said otherwise."""
    sent = request.POST if request.method == "POST" else request.GET
    return 0 if sent.get("begin", TRIAL) == NOW else _offered_trial(request, version)


def _after(request: Any) -> str:
    latest = queries.latest_subscription(request.tenant)
    return str(latest.id) if latest else ""


def to_subscription() -> HttpResponse:
    return HttpResponseRedirect(reverse("subscription-page"))
