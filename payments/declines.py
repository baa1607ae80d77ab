"""Why a payment did not go through, in words that its payer can act on."""

from __future__ import annotations

from payments.models import Payment
from payments.naming import payment_name

# Code or decline code → the words after the colon. What is not here, and all that hints at fraud or at a lost card, is
# not told: the bank's own words would help a thief. Sources: Stripe, "Decline codes"; PayPal Orders v2, the issues of a
# capture, as its adapter names them.
REASONS = {
    "insufficient_funds": "not enough money on the account",
    "expired_card": "the card has run out",
    "incorrect_cvc": "the security code is not right",
    "invalid_cvc": "the security code is not right",
    "incorrect_number": "the card number is not right",
    "invalid_number": "the card number is not right",
    "invalid_expiry_month": "the expiry date is not right",
    "invalid_expiry_year": "the expiry date is not right",
    "incorrect_zip": "the ZIP code is not right",
    "card_velocity_exceeded": "the limit of the card is reached",
    "withdrawal_count_limit_exceeded": "the limit of the card is reached",
    "limit_exceeded": "the limit of the account is reached",
    "card_not_supported": "the card is not made for this kind of payment",
    "currency_not_supported": "the card does not take this currency",
    "processing_error": "it could not be asked just then",
    "issuer_not_available": "it could not be asked just then",
    "try_again_later": "it could not be asked just then",
    "account_closed": "the account is closed",
    "no_account": "there is no such account",
    "debit_not_authorized": "it has no permission for this debit",
}
_NOT_CONFIRMED = ("payment_intent_authentication_failure", "setup_intent_authentication_failure")
_TOMORROW = ("insufficient_funds", "card_velocity_exceeded", "withdrawal_count_limit_exceeded")
_SOON = ("processing_error", "issuer_not_available", "try_again_later")
_MISTYPED = ("incorrect_cvc", "invalid_cvc", "incorrect_number", "invalid_number", "incorrect_zip")


def why(payment: Payment) -> str:
    """'not enough money on the account', or "" when the bank did not say, or we don't."""
    return REASONS.get(payment.decline_code or "") or REASONS.get(payment.failure_code or "", "")


def declined_sentence(payment: Payment) -> str:
    """'Your bank declined Visa •••• 4242: not enough money on the account.'"""
    if payment.failure_code in _NOT_CONFIRMED:
        return "You did not confirm this payment at your bank."
    reason = why(payment)
    if payment.method == Payment.Method.PAYPAL:
        return f"PayPal declined this payment{f': {reason}.' if reason else '. It did not say why.'}"
    return f"Your bank declined {_named(payment)}{f': {reason}.' if reason else '. It did not say why.'}"


def what_to_do(payment: Payment) -> str:
    """The one thing to do after it."""
    if payment.method == Payment.Method.PAYPAL:
        return "Choose another card or account at PayPal, or pay in another way."
    kind = "account" if payment.method == Payment.Method.US_BANK_ACCOUNT else "card"
    codes = {payment.failure_code, payment.decline_code}
    if codes & set(_NOT_CONFIRMED):
        return "Try it again, or pay in another way."
    if codes & set(_TOMORROW):
        return f"Try another {kind}, or this one again tomorrow."
    if codes & set(_SOON):
        return "Try it again in a few minutes."
    if codes & set(_MISTYPED):
        return f"Look at it once more, or try another {kind}."
    return f"Try another {kind}."


def failure_words(payment: Payment) -> str | None:
    """Why it came to no money and what to do, for whoever reads the payment. Other ends have a sentence of their
    own."""
    if payment.status == Payment.Status.FAILED:
        return f"{declined_sentence(payment)} {what_to_do(payment)}"
    return payment.failure_message


def _named(payment: Payment) -> str:
    if payment.method_last4:
        return payment_name(payment)
    return "the debit" if payment.method == Payment.Method.US_BANK_ACCOUNT else "the card"
