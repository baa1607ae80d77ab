"""Payment methods: the list, add one in the provider's own form, choose the default, remove one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing_portal.kit.errors import BillingError
from billing_portal.tenants.pages.access import tenant_page
from billing_portal.tenants.pages.redirecting import safe_next
from payments import method_queries, queries
from payments.actions.saving_methods import remove_method, set_default
from payments.actions.syncing_methods import known_methods
from payments.declines import REASONS
from payments.models import Invoice, PaymentMethod
from payments.pages.method_words import MethodWords, method_name, method_words
from payments.pages.onward import pay_url
from payments.pages.paying import may_pay, takes_cards
from payments.pages.stripe_js import allow_stripe_js, js_facts, takes_new_cards
from payments.provider_answers import as_answers


@require_safe
@tenant_page("billing.read")
def methods_page(request: Any) -> HttpResponse:
    """GET /methods: as the provider has them, so that what was saved a moment ago is there."""
    if not takes_cards():
        raise Http404
    now = timezone.now()
    saved = known_methods(tenant=request.tenant, now=now)
    last = method_queries.last_uses(request.tenant, saved)
    rows = sorted(
        (method_words(each, last.get(each.provider_ref), now) for each in saved), key=lambda row: not row.is_default
    )
    facts = {
        "nav": "methods",
        "rows": rows,
        "may_pay": may_pay(request),
        "takes_new_cards": takes_new_cards(),
        "takes_accounts": request.tenant.currency in (None, "usd"),
        "trouble": _trouble(rows[0]) if rows and rows[0].is_default else None,
        "has_default": bool(rows and rows[0].is_default),
    }
    return render(request, "payments/methods.html", facts)


@require_safe
@tenant_page("payments.pay")
def add_method_page(request: Any, kind: str) -> HttpResponse:
    """GET /methods/add-card and /methods/add-bank-account, `?invoice=` for who pays with it at once, `?next=` for who
    needs it on another page, which gets back all that stands beside it."""
    if not takes_new_cards():
        raise Http404
    facts = {
        "nav": "methods",
        "kind": kind,
        "key": uuid4(),
        "invoice": _invoice(request, request.GET.get("invoice", "")),
        "next": _next(request),
        "has_default": method_queries.default_method(request.tenant) is not None,
        "issuer": settings.ISSUER_NAME,
        "js": js_facts(),
        "reasons": REASONS,
    }
    return allow_stripe_js(render(request, "payments/add_method.html", facts))


@require_POST
@tenant_page("payments.pay")
def method_saved_page(request: Any) -> HttpResponse:
    """POST /methods/saved: Stripe.js has saved it; take it in, and go back to where it was needed."""
    if not takes_cards():
        raise Http404
    now = timezone.now()
    reference = request.POST.get("method_ref", "")
    methods = known_methods(tenant=request.tenant, now=now)
    method = next((each for each in methods if each.provider_ref == reference), None)
    back = safe_next(request, "")
    if method is None:
        messages.info(request, "It is saved, and shows here in a moment.")
        return HttpResponseRedirect(back) if back else _to_methods()
    if request.POST.get("make_default") and not method.is_default:
        try:
            with as_answers():
                set_default(tenant=request.tenant, method_ref=reference, now=now)
        except BillingError as error:
            messages.error(request, error.detail)
    messages.success(request, f"{method_name(method)} is saved.")
    invoice = _invoice(request, request.POST.get("invoice", ""))
    if invoice:
        return HttpResponseRedirect(pay_url(invoice.id, method=method.id))
    return HttpResponseRedirect(_with(back, pay_with=reference)) if back else _to_methods()


@require_POST
@tenant_page("payments.pay")
def method_default_page(request: Any, method_id: UUID) -> HttpResponse:
    """POST /methods/{id}/default."""
    method = _method(request, method_id)
    try:
        with as_answers():
            method = set_default(tenant=request.tenant, method_ref=method.provider_ref, now=timezone.now())
        messages.success(request, f"{method_name(method)} is the default now.")
    except BillingError as error:
        messages.error(request, error.detail)
    return _to_methods()


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page("payments.pay")
def method_remove_page(request: Any, method_id: UUID) -> HttpResponse:
    """GET asks, with what follows from it; POST /methods/{id}/remove removes it, here and at the provider."""
    method = _method(request, method_id)
    now = timezone.now()
    if request.method != "POST":
        facts = {"nav": "methods", "row": method_words(method, None, now)}
        return render(request, "payments/remove_method.html", facts)
    try:
        with as_answers():
            remove_method(tenant=request.tenant, method_ref=method.provider_ref, now=now)
        messages.success(request, f"{method_name(method)} is removed.")
    except BillingError as error:
        messages.error(request, error.detail)
    return _to_methods()


def _trouble(default: MethodWords) -> dict[str, str] | None:
    """What keeps the default from paying, and what to do."""
    if default.is_over:
        return {
            "tone": "bad",
            "title": f"{default.name} has run out",
            "text": "It is your default and can't pay any more. Add another card, and make it the default.",
        }
    if default.trouble:
        return {
            "tone": "bad",
            "title": f"{default.name} did not pay last time",
            "text": f"{default.trouble}. It is your default: add another, or make another one the default.",
        }
    if default.ends_soon:
        return {
            "tone": "warn",
            "title": f"{default.name} runs out at the end of this month",
            "text": "It is your default. Add the new card before it does.",
        }
    return None


def _method(request: Any, method_id: UUID) -> PaymentMethod:
    method = method_queries.saved_methods(request.tenant).filter(id=method_id).first()
    if method is None:
        raise Http404
    return method


def _invoice(request: Any, named: str) -> Invoice | None:
    try:
        wanted = UUID(named)
    except ValueError:
        return None
    return queries.invoices(request.tenant).filter(id=wanted).first()


def _next(request: Any) -> str:
    """Where it leads back to, or ""."""
    back = safe_next(request, "")
    kept = {name: value for name, value in request.GET.items() if name != "next"}
    return _with(back, **kept) if back else ""


def _with(path: str, **facts: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{urlencode(facts)}" if facts else path


def _to_methods() -> HttpResponse:
    return HttpResponseRedirect(reverse("methods-page"))
