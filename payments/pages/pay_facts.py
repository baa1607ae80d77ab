"""What the page that pays an invoice shows: what is due, by which methods, and what stood in the way before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments import method_queries, queries
from payments.declines import REASONS, declined_sentence, what_to_do
from payments.models import Invoice, Payment, PaymentMethod
from payments.pages.at_paypal import is_at_paypal
from payments.pages.method_words import MethodWords, method_words
from payments.pages.pay_form import NEW_CARD, PAYPAL, PayForm
from payments.pages.paying import takes_cards
from payments.pages.payment_notice import waiting_notice
from payments.pages.standing import standings
from payments.pages.stripe_js import js_facts, takes_new_cards


def due_now(invoice: Invoice, now: datetime) -> Money:
    """What of it nobody has sent yet; zero for one that is not open. Nothing of it is held by another payment."""
    stands, amounts = standings([invoice], now)[invoice.id]
    return Money(max(0, min(stands.to_send + stands.to_hurry, amounts.payable)), invoice.currency)


def payable_methods(tenant: Tenant, invoice: Invoice) -> list[PaymentMethod]:
    """The saved ones that can pay it, the default first. Bank accounts are debited in US dollars alone."""
    if not takes_cards():
        return []
    saved = method_queries.saved_methods(tenant)
    if invoice.currency != "usd":
        saved = saved.exclude(type=PaymentMethod.Type.US_BANK_ACCOUNT)
    return sorted(saved, key=lambda each: not each.is_default)


def first_choice(
    saved: Sequence[PaymentMethod], wanted: str, declined: Payment | None, now: datetime, *, paypal: bool
) -> str:
    """The method to begin with: what was asked for, else the default, else any that works; none saved: a new card.

    What was just declined is not offered first again. `paypal`: whether it is offered.
    """
    if wanted == PAYPAL and paypal:
        return PAYPAL
    working = [each for each in saved if not method_words(each, None, now).is_over]
    if declined:
        working = [each for each in working if each.provider_ref != declined.method_ref]
    ordered = sorted(working, key=lambda each: (str(each.id) != wanted, not each.is_default))
    if ordered and (not declined or not takes_new_cards() or str(ordered[0].id) == wanted):
        return str(ordered[0].id)
    return NEW_CARD if takes_new_cards() else PAYPAL if paypal else ""


def pay_facts(
    request: Any,
    invoice: Invoice,
    form: PayForm,
    now: datetime,
    declined: Payment | None = None,
    given_up: Payment | None = None,
) -> dict[str, Any]:
    """For `payments/pay.html`."""
    lines = list(invoice.lines.all())
    taken_off = form.due.minor - invoice.total_minor
    return {
        "nav": "invoices",
        "invoice": invoice,
        "form": form,
        "key": uuid4(),
        "due": form.due,
        "digits": len(form.due.decimal_text().partition(".")[2]),
        "methods": _methods(request.tenant, list(form.saved.values()), now),
        "has_default": method_queries.default_method(request.tenant) is not None,
        "chosen": form["pay_with"].value() or "",
        "how_much": form["how_much"].value() or "all",
        "is_whole": queries.is_open_there(invoice),
        "takes_new_cards": takes_new_cards(),
        "takes_paypal": form.paypal,
        "takes_accounts": takes_new_cards() and invoice.currency == "usd",
        "js": js_facts(),
        "issuer": settings.ISSUER_NAME,
        "reasons": REASONS,
        "lines": lines,
        "taxes": list(invoice.tax_lines.all()),
        "taken_off": Money(taken_off, invoice.currency) if taken_off else None,
        "is_late": invoice.is_overdue(now),
        "declined": {"title": declined_sentence(declined), "text": what_to_do(declined)} if declined else None,
        "given_up": given_up,
        "waiting": _waiting(request.tenant, invoice),
    }


def _waiting(tenant: Tenant, invoice: Invoice) -> dict[str, Any] | None:
    """A payment of it that waits for its payer, and how it goes on."""
    found = queries.payments(tenant).filter(invoice=invoice, status=Payment.Status.REQUIRES_ACTION).first()
    if found is None:
        return None
    where = "finish it at PayPal" if is_at_paypal(found) else "confirm it at your bank"
    return {"id": found.id, "amount": found.amount, "where": where, "button": waiting_notice(found).button}


def _methods(tenant: Tenant, saved: Sequence[PaymentMethod], now: datetime) -> list[MethodWords]:
    last = method_queries.last_uses(tenant, saved)
    return [method_words(each, last.get(each.provider_ref), now) for each in saved]
