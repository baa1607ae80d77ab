"""Payments: the list, and one with its story, where its money went and what is left of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing_portal.kit.money import Money
from billing_portal.tenants.pages.access import tenant_page
from payments import history_queries, queries, refund_queries
from payments.models import Invoice, Payment, Refund
from payments.pages.at_paypal import is_at_paypal, page_of
from payments.pages.onward import pay_url
from payments.pages.pay_facts import due_now
from payments.pages.paying import may_pay, takes_payments
from payments.pages.payment_notice import payment_notice
from payments.pages.payment_story import payment_story
from payments.pages.stripe_js import takes_new_cards
from payments.pages.words import METHODS, Reader, payment_name

ON_A_PAGE = 20


def payment_row(payment: Payment) -> dict[str, Any]:
    """How a list shows a payment; it comes from `queries.payments`."""
    return {
        "id": payment.id,
        "name": payment_name(payment),
        "invoice": payment.invoice,
        "at": payment.received_on or payment.created_at,
        "status": queries.shown_status(payment, payment.refunded_minor),  # type: ignore[attr-defined]
        "amount": payment.amount,
    }


@require_safe
@tenant_page("billing.read")
def payments_page(request: Any) -> HttpResponse:
    """GET /payments?page=2."""
    rows = queries.payments(request.tenant).select_related("invoice")
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    facts = {"nav": "payments", "page": page, "rows": [payment_row(payment) for payment in page]}
    return render(request, "payments/payments.html", facts)


@require_safe
@tenant_page("billing.read")
def payment_page(request: Any, payment_id: UUID) -> HttpResponse:
    """GET /payments/{id}."""
    found = queries.payments(request.tenant).select_related("invoice", "recorded_by", "verified_by")
    payment = found.filter(id=payment_id).first()
    if payment is None:
        raise Http404
    parts = list(payment.allocations.select_related("invoice"))
    refunds = list(payment.refunds.order_by("created_at"))
    disputes = list(payment.disputes.order_by("opened_at"))
    arrived = payment.status in queries.ARRIVED
    used = sum(part.amount_minor for part in parts)
    given_back = sum(each.amount_minor for each in refunds if each.status == Refund.Status.SUCCEEDED)
    left = queries.unallocated(payment) if arrived else 0
    changes = list(queries.history("payment", payment.id))
    reader, row = Reader(request.actor.label, history_queries.people(changes)), payment_row(payment)
    facts = {
        "nav": "payments",
        "payment": payment,
        "row": row,
        "method": METHODS[payment.method],
        "arrived": arrived,
        "may_print": payment.status == Payment.Status.SUCCEEDED,
        "used": Money(used, payment.currency),
        "given_back": Money(-given_back, payment.currency) if given_back else None,
        "taken_back": Money(-payment.returned_minor, payment.currency) if payment.returned_minor else None,
        "left": Money(left, payment.currency),
        "parts": [
            {"invoice": part.invoice, "at": part.created_at, "amount": Money(part.amount_minor, payment.currency)}
            for part in parts
            if part.amount_minor > 0  # what was taken back of them stands below, in one
        ],
        "refunds": [
            {"amount": Money(-each.amount_minor, payment.currency), "reason": each.reason}
            for each in refunds
            if each.status == Refund.Status.SUCCEEDED
        ],
        "notice": payment_notice(payment, is_disputed=row["status"] == "disputed"),
        "try_again": _try_again(request, payment),
        "may_confirm": may_pay(request) and (bool(page_of(payment)) if is_at_paypal(payment) else takes_new_cards()),
        "taken_by": "by PayPal" if is_at_paypal(payment) else "by your bank",
        "may_pay": may_pay(request),
        "story": payment_story(payment, changes, parts, refunds, disputes, left, reader, _fee(payment)),
    }
    return render(request, "payments/payment.html", facts)


def _fee(payment: Payment) -> Invoice | None:
    """What is billed for a check that came back."""
    return refund_queries.return_fee(payment) if payment.status == Payment.Status.RETURNED else None


def _try_again(request: Any, payment: Payment) -> str:
    """Where to pay the invoice of one that came to nothing; "" when nothing of it is to be sent, or not by them."""
    if payment.status not in (Payment.Status.FAILED, Payment.Status.CANCELED) or payment.invoice is None:
        return ""
    asked = may_pay(request) and takes_payments(payment.currency) and due_now(payment.invoice, timezone.now())
    return pay_url(payment.invoice.id) if asked else ""
