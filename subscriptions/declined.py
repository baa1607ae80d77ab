"""How a payer hears that a payment of a subscription was declined: in words that name the reason."""

from __future__ import annotations

from billing_portal.kit.errors import PaymentFailed
from payments import declines
from payments.models import Payment


def reason(*codes: str | None) -> str:
    """ ": the card has expired", of the first code that we have words for; else nothing."""
    known = next((declines.REASONS[each] for each in codes if each in declines.REASONS), "")
    return f": {known}" if known else ""


def payment_failed(words: str, failed: Payment | None) -> PaymentFailed:
    """`words` have a place for the reason. None: nobody knows which payment it was."""
    code, decline = (failed.failure_code, failed.decline_code) if failed else (None, None)
    facts = {"paymentId": str(failed.id)} if failed else {}
    return PaymentFailed(words.format(reason(code, decline)), code=code or "card_declined", **facts)
