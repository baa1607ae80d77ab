"""Stripe's objects read into the portal's dataclasses; plain dicts in, since the SDK's objects are no mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from payments.providers.base import MethodFacts, Outcome, OutcomeUnknown, PaymentResult, RefundResult
from payments.providers.stripe.amounts import from_stripe
from payments.providers.stripe.errors import code_of

# What the payer has to do next, or we to wait for. `requires_payment_method` is what a PaymentIntent falls back to when
# its try has failed; `requires_confirmation` and `requires_capture` never come of what this adapter sends.
OUTCOMES = {
    "succeeded": Outcome.SUCCEEDED,
    "processing": Outcome.PROCESSING,
    "requires_action": Outcome.REQUIRES_ACTION,
    "requires_payment_method": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
}
REFUNDS = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "canceled",
}


def payment_of(intent: Mapping[str, Any]) -> PaymentResult:
    """A PaymentIntent. Raises OutcomeUnknown for one that says nothing we can read: a half answer is no answer."""
    outcome = OUTCOMES.get(intent.get("status", ""))
    if outcome is None or not isinstance(intent.get("id"), str) or not isinstance(intent.get("amount"), int):
        raise OutcomeUnknown(f"Stripe's answer can't be read: status {intent.get('status')!r}")
    error = intent.get("last_payment_error") or {}
    is_failed = outcome is Outcome.FAILED
    method = intent.get("payment_method") or error.get("payment_method")
    return PaymentResult(
        outcome=outcome,
        provider_ref=intent["id"],
        failure_code=_failure_code(error.get("code"), error.get("decline_code")) if is_failed else None,
        failure_message=error.get("message") if is_failed else None,
        decline_code=error.get("decline_code") if is_failed else None,
        amount=from_stripe(intent["amount"], intent["currency"]),
        method=method_of(method) if isinstance(method, Mapping) else None,
        client_secret=intent.get("client_secret") if outcome is Outcome.REQUIRES_ACTION else None,
    )


def declined(error: stripe.CardError) -> PaymentResult:
    """A decline is an answer. With a PaymentIntent in it, that one says what it is about; its message may be shown.

    `authentication_required` is a step that the payer's bank wants, not a decline: the payer has to come back for it.
    """
    body = error.error.to_dict() if error.error is not None else {}
    intent = body.get("payment_intent") or {}
    code, decline_code = code_of(error), body.get("decline_code")
    wants_payer = "authentication_required" in (code, decline_code)
    method = body.get("payment_method") or intent.get("payment_method")
    return PaymentResult(
        outcome=Outcome.REQUIRES_ACTION if wants_payer else Outcome.FAILED,
        provider_ref=intent.get("id"),
        failure_code=_failure_code(code, decline_code),
        failure_message=error.user_message,
        decline_code=decline_code,
        amount=from_stripe(intent["amount"], intent["currency"]) if intent else None,
        method=method_of(method) if isinstance(method, Mapping) else None,
        client_secret=intent.get("client_secret") if wants_payer else None,
    )


def _failure_code(code: str | None, decline_code: str | None) -> str:
    """The one a customer can act on: "not enough money" says more than "declined"."""
    if decline_code in ("insufficient_funds", "authentication_required"):
        return str(decline_code)
    return code or "payment_failed"


def refund_of(refund: Mapping[str, Any]) -> RefundResult:
    """Raises OutcomeUnknown for an answer that can't be read."""
    status = REFUNDS.get(refund.get("status") or "")
    if status is None or not isinstance(refund.get("id"), str) or not isinstance(refund.get("amount"), int):
        raise OutcomeUnknown(f"Stripe's answer can't be read: refund status {refund.get('status')!r}")
    return RefundResult(
        status=status,
        provider_ref=refund["id"],
        amount=from_stripe(refund["amount"], refund["currency"]),
        failure_code=refund.get("failure_reason"),
    )


def method_of(method: Mapping[str, Any]) -> MethodFacts:
    """A PaymentMethod, without anything that is not meant for eyes."""
    kind = method["type"]
    details = method.get(kind) or {}
    expires = (details["exp_month"], details["exp_year"]) if kind == "card" else None
    return MethodFacts(
        ref=method["id"],
        type=kind,
        brand=details.get("brand"),
        last4=details.get("last4"),
        expires=expires,
        bank_name=details.get("bank_name"),
    )
