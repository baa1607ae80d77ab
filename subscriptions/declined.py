"""How a payment of a subscription that its bank declined is told."""

from __future__ import annotations

from billing_portal.kit.errors import PaymentFailed
from payments import declines
from payments.models import Payment


def payment_failed(words: str, payment: Payment | None) -> PaymentFailed:
    """`words` has a place for the reason; `payment` is the one that failed, where it is known."""
    code, decline = (payment.failure_code, payment.decline_code) if payment else (None, None)
    facts = {"paymentId": str(payment.id)} if payment else {}
    return PaymentFailed(words.format(why(code, decline)), code=code or "card_declined", **facts)


def why(*codes: str | None) -> str:
    """': not enough money on the account', or nothing."""
    known = next((declines.REASONS[each] for each in codes if each in declines.REASONS), "")
    return f": {known}" if known else ""
