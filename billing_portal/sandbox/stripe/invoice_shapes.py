"""An invoice in Stripe's shape, and its sums. https://docs.stripe.com/api/invoices/object"""

from typing import Any

from billing_portal.sandbox.stripe import amounts, discounts
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json

_EMPTY = (
    "account_tax_ids application automatically_finalizes_at custom_fields customer_account customer_shipping "
    "default_payment_method default_source due_date effective_at ending_balance footer from_invoice hosted_invoice_url "
    "invoice_pdf last_finalization_error latest_revision next_payment_attempt number on_behalf_of receipt_number "
    "rendering shipping_cost shipping_details statement_descriptor test_clock threshold_reason webhooks_delivered_at"
)
DESCRIBED = {
    "subscription_create": "Subscription creation",
    "subscription_update": "Subscription update",
    "subscription_cycle": "Subscription update",
}


def draft(act: Act, subscription: Json, customer: Json, lines: list[Json], reason: str, identifier: str) -> Json:
    """A draft of what `subscription` owes, with its sums. Nothing is saved."""
    invoice: Json = {
        "id": identifier,
        "object": "invoice",
        **dict.fromkeys(_EMPTY.split()),
        "account_country": "US",
        "account_name": "Call Center",
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": act.now,
        "currency": subscription["currency"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "issuer": {"type": "self"},
        "lines": {"object": "list", "data": lines, "has_more": False, "total_count": len(lines)},
        "livemode": False,
        "metadata": {},
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": act.now,
        "period_start": act.now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": customer["balance"],
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "_subscription": subscription["id"],
    }
    invoice["lines"]["url"] = f"/v1/invoices/{identifier}/lines"
    _take_off(act, subscription, invoice)
    return invoice | sums(invoice, customer["balance"])


def sums(invoice: Json, balance: int) -> Json:
    """Its totals, and how the customer's balance (negative: credit) changes what is due.

    https://docs.stripe.com/billing/customer/balance: credit is used first, a total below zero becomes credit, and what
    is too small to be charged is carried to the next invoice.
    """
    lines = invoice["lines"]["data"]
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal - sum(each["amount"] for each in invoice["total_discount_amounts"])
    due = total + balance
    carried = due if due < amounts.MINIMUM.get(invoice["currency"], 1) else 0
    due -= carried
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total,
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": balance,
        "_ending_balance": carried,
    }


def _take_off(act: Act, subscription: Json, invoice: Json) -> None:
    """Discounts of the subscription, on each line that may have them, in the order in which they were given."""
    lines = [line for line in invoice["lines"]["data"] if line["discountable"] and line["amount"] > 0]
    totals: dict[str, int] = {}
    for identifier, coupon in discounts.living(act, subscription, act.now) if lines else []:
        left = [line["amount"] - sum(each["amount"] for each in line["discount_amounts"]) for line in lines]
        for line, off in zip(lines, discounts.shares(left, coupon), strict=True):
            line["discount_amounts"].append({"amount": off, "discount": identifier})
            line["discounts"].append(identifier)
            totals[identifier] = totals.get(identifier, 0) + off
    invoice["discounts"] = list(totals)
    invoice["total_discount_amounts"] = [{"amount": off, "discount": each} for each, off in totals.items()]


def invoice_payment(invoice: Json, intent: Json, identifier: str, now: int) -> Json:
    """The payment of an invoice by a payment intent. https://docs.stripe.com/api/invoice-payment/object"""
    payment: dict[str, Any] = {"payment_intent": intent["id"], "type": "payment_intent"}
    return {
        "id": identifier,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": payment,
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        "_payment_intent": intent["id"],
    }
