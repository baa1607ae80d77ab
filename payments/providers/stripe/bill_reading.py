"""Stripe's invoices of subscriptions read into the portal's dataclasses; plain dicts in.

https://docs.stripe.com/api/invoices/object, https://docs.stripe.com/api/invoice-line-item/object
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing_portal.kit.money import Money
from payments.providers.errors import ProviderRejected
from payments.providers.facts import PaymentResult
from payments.providers.recurring import BillFacts, BillLine, BillTax
from payments.providers.stripe.amounts import from_stripe
from payments.providers.stripe.reading import payment_of
from payments.providers.stripe.subscription_reading import instant, intent_ref, reference

STATUSES = frozenset({"draft", "open", "paid", "void", "uncollectible"})
Rates = Mapping[str, Mapping[str, Any]]
Line = Mapping[str, Any]


def bill_of(invoice: Mapping[str, Any], intent: Mapping[str, Any] | None, rates: Rates) -> BillFacts:
    """`intent`: the PaymentIntent that `intent_of` names, whole; `rates`: the tax rates that it names.

    Raises ProviderRejected where its lines and taxes are not its total: better nobody books it than wrongly.
    """
    if invoice["status"] not in STATUSES:
        raise KeyError(invoice["status"])
    total = from_stripe(invoice["total"], invoice["currency"])
    lines, taxes = lines_of(invoice), taxes_of(invoice, rates)
    amounts = [*(line.amount for line in lines), *(tax.amount for tax in taxes)]
    if sum(amounts, Money.zero(total.currency)) != total:
        raise ProviderRejected(f"{invoice['id']} has lines that don't come to its total")
    whole = [line for line in invoice["lines"]["data"] if is_of_period(line)]
    is_open = invoice["status"] == "open"
    moves = invoice["status_transitions"]
    return BillFacts(
        provider_ref=invoice["id"],
        subscription_ref=subscription_ref(invoice) or "",
        status=invoice["status"],
        total=total,
        lines=lines,
        period=_period(whole or invoice["lines"]["data"]),
        issued_at=instant(moves.get("finalized_at") or invoice["created"]),
        taxes=taxes,
        number=invoice.get("number"),
        payment=_payment(intent),
        tries=int(invoice.get("attempt_count") or 0),
        next_try_at=instant(at) if is_open and (at := invoice.get("next_payment_attempt")) else None,
        is_collected=is_open and bool(invoice.get("auto_advance")),
        is_change=invoice["billing_reason"] == "subscription_update" and not whole,
        credited=_credited(invoice),
    )


def subscription_ref(invoice: Mapping[str, Any]) -> str | None:
    """Of an invoice in an API answer or an event, whose version may be older than ours.

    Source: Stripe's changelog, 2025-03-31.basil, "Adds new parent field to invoicing objects".
    """
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    return reference(details.get("subscription")) or reference(invoice.get("subscription"))


def intent_of(invoice: Mapping[str, Any]) -> str | None:
    """The PaymentIntent by which it was paid, is being paid or was tried; None: paid otherwise, or nothing is to be."""
    payments = sorted((invoice.get("payments") or {}).get("data") or [], key=lambda each: -each["created"])
    if invoice["status"] == "paid":
        payments = [each for each in payments if each["status"] == "paid"]
    payments.sort(key=lambda each: each["status"] == "canceled")
    return next((found for each in payments if (found := intent_ref(each))), None)


def rates_of(invoice: Mapping[str, Any]) -> set[str]:
    """The ids of the tax rates that it names."""
    details = [each.get("tax_rate_details") or {} for each in invoice.get("total_taxes") or []]
    return {found for each in details if (found := reference(each.get("tax_rate")))}


def lines_of(invoice: Mapping[str, Any]) -> tuple[BillLine, ...]:
    """Each after its discounts, and before tax also where the price includes it."""
    return tuple(_line(line) for line in invoice["lines"]["data"])


def taxes_of(invoice: Mapping[str, Any], rates: Rates) -> tuple[BillTax, ...]:
    """Source: Stripe API, invoice object, `total_taxes`."""
    return tuple(_tax(each, invoice, rates) for each in invoice.get("total_taxes") or [])


def is_of_period(line: Line) -> bool:
    """Whether it bills a whole period or a trial, and no part of one that a change has cut."""
    details = (line.get("parent") or {}).get("subscription_item_details")
    return details is not None and not details["proration"]


def with_tax(line: Line) -> int:
    """What a line adds to the bill in the end, in Stripe's unit."""
    return int(line["amount"]) - _off(line) + _taxes(line, "exclusive")


def _off(line: Line) -> int:
    return sum(each["amount"] for each in line.get("discount_amounts") or [])


def _taxes(line: Line, behavior: str) -> int:
    return sum(each["amount"] for each in line.get("taxes") or [] if each["tax_behavior"] == behavior)


def _line(line: Line) -> BillLine:
    parent = line.get("parent") or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    return BillLine(
        title=line.get("description") or "",
        seats=int(line.get("quantity") or 0),
        amount=from_stripe(line["amount"] - _off(line) - _taxes(line, "inclusive"), line["currency"]),
        period=_period([line]),
        is_proration=bool(details.get("proration")),
    )


def _tax(tax: Mapping[str, Any], invoice: Mapping[str, Any], rates: Rates) -> BillTax:
    amount = from_stripe(tax["amount"], invoice["currency"])
    taxable = from_stripe(tax.get("taxable_amount") or 0, invoice["currency"])
    rate = rates.get(reference((tax.get("tax_rate_details") or {}).get("tax_rate")) or "") or {}
    percent = rate.get("effective_percentage")
    if percent is None:
        percent = rate.get("percentage")
    if percent is None:
        percent = round(Decimal(100 * amount.minor) / taxable.minor, 4) if taxable else 0
    return BillTax(
        name=rate.get("display_name") or "Tax",
        rate=f"{Decimal(str(percent)).normalize():f}",
        taxable=taxable,
        amount=amount,
    )


def _period(lines: list[Line]) -> tuple[datetime, datetime] | None:
    """That of the last: of a change's lines it is the rest of the period at the new terms."""
    return (instant(lines[-1]["period"]["start"]), instant(lines[-1]["period"]["end"])) if lines else None


def _payment(intent: Mapping[str, Any] | None) -> PaymentResult | None:
    """None where nobody has tried. One that was never confirmed waits for its payer."""
    if intent is None or (intent.get("status") == "requires_payment_method" and not intent.get("last_payment_error")):
        return None
    if intent.get("status") == "requires_confirmation":
        intent = {**intent, "status": "requires_action"}
    return payment_of(intent)


def _credited(invoice: Mapping[str, Any]) -> Money | None:
    """How the customer's balance moved at Stripe, where credit is below zero. A void bill has given it back.

    Source: https://docs.stripe.com/billing/customer/balance.
    """
    before, after = invoice.get("starting_balance") or 0, invoice.get("ending_balance")
    if after is None or after == before or invoice["status"] == "void":
        return None
    return from_stripe(after - before, invoice["currency"])
