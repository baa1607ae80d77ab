"""The life of an invoice: drawn up, finalized with its number, paid, void. https://docs.stripe.com/invoicing/overview

draft → open → paid | void | uncollectible.
"""

from typing import Any

from billing_portal.sandbox.stripe import customer_balance, discounts, intent_shapes, invoice_lines, invoice_shapes
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id
from billing_portal.sandbox.stripe.problems import Problem


def make(act: Act, subscription: Json, lines: list[Json], reason: str, **own: Any) -> Json:
    """A saved draft. Discounts that are for once are used up by it. It becomes the subscription's `latest_invoice`."""
    customer = act.fetch("customers", subscription["customer"])
    identifier = random_id("in")
    numbered = [invoice_lines.numbered(line, identifier) for line in lines]
    invoice = invoice_shapes.draft(act, subscription, customer, numbered, reason, identifier) | own
    discounts.use(act, subscription, invoice["discounts"], act.now)
    subscription["latest_invoice"] = identifier
    act.save("invoices", invoice)
    act.emit("invoice.created", invoice)
    return invoice


def finalize(act: Act, invoice: Json, **of_intent: Any) -> None:
    """Give it its number, take up the customer's balance, and ask for what is left: an intent, or paid at once.

    `of_intent`: what its payment intent has beside the amount.
    """
    if invoice["status"] != "draft":
        raise Problem("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    customer = act.fetch("customers", invoice["customer"])
    invoice |= invoice_shapes.sums(invoice, customer["balance"])
    taken = invoice["_ending_balance"] - invoice["starting_balance"]
    small = invoice["_ending_balance"] > 0
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] += 1
    act.save("customers", customer)
    customer_balance.move(act, customer, taken, "invoice_too_small" if small else "applied_to_invoice", invoice)
    token = random_id("test", 40)
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{number:04d}",
        "effective_at": act.now,
        "ending_balance": invoice["_ending_balance"],
        "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_sandbox/{token}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/acct_sandbox/{token}/pdf",
        "webhooks_delivered_at": act.now,
        "_balance_taken": taken,
    }
    invoice["status_transitions"]["finalized_at"] = act.now
    if invoice["amount_due"]:
        _ask(act, invoice, of_intent)
    act.save("invoices", invoice)
    act.emit("invoice.finalized", invoice)
    if not invoice["amount_due"]:
        settle(act, invoice)


def settle(act: Act, invoice: Json, *, out_of_band: bool = False) -> None:
    """It is paid: by its intent, by the customer's balance, or outside of Stripe."""
    due = invoice["amount_due"]
    invoice |= {
        "status": "paid",
        "amount_paid": due,
        "amount_paid_off_stripe": due if out_of_band else 0,
        "amount_remaining": 0,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "_waits": False,
    }
    invoice["status_transitions"]["paid_at"] = act.now
    if out_of_band:
        _cancel_intent(act, invoice)
    elif payment := payment_of(act, invoice):
        payment |= {"status": "paid", "amount_paid": due}
        payment["status_transitions"]["paid_at"] = act.now
        act.save("invoice_payments", payment)
        act.emit("invoice_payment.paid", payment)
    act.save("invoices", invoice)
    act.emit("invoice.paid", invoice)
    act.emit("invoice.payment_succeeded", invoice)


def void(act: Act, invoice: Json) -> None:
    """Nobody owes it any more; what it took of the customer's balance goes back. Raises Problem while money moves."""
    _cancel_intent(act, invoice)
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None, "_waits": False}
    invoice["status_transitions"]["voided_at"] = act.now
    customer = act.fetch("customers", invoice["customer"])
    customer_balance.move(act, customer, -invoice.get("_balance_taken", 0), "unapplied_from_invoice", invoice)
    act.save("invoices", invoice)
    act.emit("invoice.voided", invoice)


def intent_of(act: Act, invoice: Json) -> Json | None:
    """Its payment intent, or None when nothing is due."""
    return act.fetch("payment_intents", invoice["_payment_intent"]) if invoice.get("_payment_intent") else None


def payment_of(act: Act, invoice: Json) -> Json | None:
    """Its invoice payment, or None when nothing is due."""
    found = act.books.find("invoice_payments", invoice=invoice["id"])
    return found[-1] if found else None


def _ask(act: Act, invoice: Json, of_intent: Json) -> None:
    types = ["card", "us_bank_account"] if invoice["currency"] == "usd" else ["card"]
    intent = intent_shapes.payment_intent(
        act,
        invoice["amount_due"],
        invoice["currency"],
        customer=invoice["customer"],
        description=invoice_shapes.DESCRIBED.get(invoice["billing_reason"], "Payment for Invoice"),
        payment_method_types=types,
        _invoice=invoice["id"],
        **of_intent,
    )
    act.save("payment_intents", intent)
    act.emit("payment_intent.created", intent)
    invoice["_payment_intent"] = intent["id"]
    act.save("invoice_payments", invoice_shapes.invoice_payment(invoice, intent, random_id("inpay"), act.now))


def _cancel_intent(act: Act, invoice: Json) -> None:
    intent, payment = intent_of(act, invoice), payment_of(act, invoice)
    if intent is None or payment is None:
        return
    if intent["status"] in ("processing", "succeeded"):
        raise Problem(f"This invoice has a payment that is {intent['status']}.")
    intent |= {
        "status": "canceled",
        "canceled_at": act.now,
        "cancellation_reason": "void_invoice",
        "next_action": None,
    }
    act.save("payment_intents", intent)
    act.emit("payment_intent.canceled", intent)
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = act.now
    act.save("invoice_payments", payment)
