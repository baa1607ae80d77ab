"""Stripe's objects read into the portal's dataclasses; plain dicts in, since the SDK's objects are no mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import stripe

from billing_portal.kit.money import Money
from payments.providers.errors import ProviderRejected, Unreadable
from payments.providers.facts import DisputeFacts, MethodFacts, Outcome, PaymentResult, RefundResult
from payments.providers.stripe.amounts import from_stripe
from payments.providers.stripe.errors import code_of

# So that one answer about a PaymentIntent tells brand, last four digits, what became of the charge and what it cost.
EXPAND = ["payment_method", "latest_charge.balance_transaction"]
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
# `warning_…` are inquiries: the bank asks before it takes anything. `prevented` never became a dispute.
DISPUTES = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "closed",
    "prevented": "closed",
    "needs_response": "open",
    "under_review": "open",
    "won": "won",
    "lost": "lost",
}


def payment_of(intent: Mapping[str, Any], *, request_id: str | None = None) -> PaymentResult:
    """A PaymentIntent. Raises Unreadable for one that says nothing we can read: a half answer is no answer."""
    outcome = OUTCOMES.get(intent.get("status", ""))
    if outcome is None or not isinstance(intent.get("id"), str) or not isinstance(intent.get("amount"), int):
        raise Unreadable(f"Stripe's answer can't be read: status {intent.get('status')!r}")
    error = intent.get("last_payment_error") or {}
    if outcome is Outcome.FAILED and "authentication_required" in (error.get("code"), error.get("decline_code")):
        # Charged while its payer was away, and the bank wants them: no decline, a step that is left.
        outcome = Outcome.REQUIRES_ACTION
    is_failed = outcome is Outcome.FAILED
    method = intent.get("payment_method") or error.get("payment_method")
    return PaymentResult(
        outcome=outcome,
        provider_ref=intent["id"],
        failure_code=_failure_code(error.get("code"), error.get("decline_code")) if is_failed else None,
        failure_message=_words(error.get("code"), error.get("message")) if is_failed else None,
        decline_code=error.get("decline_code") if is_failed else None,
        amount=from_stripe(intent["amount"], intent["currency"]),
        method=method_of(method) if isinstance(method, Mapping) else None,
        client_secret=intent.get("client_secret") if outcome is Outcome.REQUIRES_ACTION else None,
        payment_id=(intent.get("metadata") or {}).get("payment_id"),
        fee=_fee(intent),
        may_have_come_back=_may_have_come_back(intent.get("latest_charge")),
        created_at=_instant(intent.get("created")),
        request_id=request_id,
    )


def _fee(intent: Mapping[str, Any]) -> Money | None:
    """What Stripe keeps, once its balance has the charge. In another currency than the charge's (an account that
    settles elsewhere), or with parts of our smallest unit, it can't be booked beside the payment."""
    charge = intent.get("latest_charge")
    moved = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    if not isinstance(moved, Mapping) or moved.get("currency") != intent["currency"]:
        return None
    try:
        return from_stripe(moved["fee"], moved["currency"])
    except ProviderRejected:
        return None


def _may_have_come_back(charge: object) -> bool:
    """False only for a charge that says so itself. It forgets a refund that failed: whoever has its row asks anyway."""
    if not isinstance(charge, Mapping):
        return True
    return bool(charge.get("amount_refunded", 1) or charge.get("disputed", True))


def _instant(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


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
        failure_message=_words(code, error.user_message),
        decline_code=decline_code,
        amount=from_stripe(intent["amount"], intent["currency"]) if intent else None,
        method=method_of(method) if isinstance(method, Mapping) else None,
        client_secret=intent.get("client_secret") if wants_payer else None,
        payment_id=(intent.get("metadata") or {}).get("payment_id"),
        created_at=_instant(intent.get("created")),
        request_id=error.request_id,
    )


def _words(code: str | None, theirs: str | None) -> str | None:
    """Stripe's sentence for a payer; its one for a refused confirmation is for developers."""
    if code == "payment_intent_authentication_failure":
        return "Your bank did not confirm this payment. Try again, or pay with another method."
    return theirs


def _failure_code(code: str | None, decline_code: str | None) -> str:
    """The one a customer can act on: "not enough money" says more than "declined"."""
    if decline_code in ("insufficient_funds", "authentication_required"):
        return str(decline_code)
    return code or "payment_failed"


def refund_of(refund: Mapping[str, Any], *, request_id: str | None = None) -> RefundResult:
    """Raises Unreadable for an answer that can't be read."""
    status = REFUNDS.get(refund.get("status") or "")
    if status is None or not isinstance(refund.get("id"), str) or not isinstance(refund.get("amount"), int):
        raise Unreadable(f"Stripe's answer can't be read: refund status {refund.get('status')!r}")
    return RefundResult(
        status=status,
        provider_ref=refund["id"],
        amount=from_stripe(refund["amount"], refund["currency"]),
        failure_code=refund.get("failure_reason"),
        payment_ref=refund.get("payment_intent"),
        refund_id=(refund.get("metadata") or {}).get("refund_id"),
        created_at=_instant(refund.get("created")),
        request_id=request_id,
    )


def dispute_of(dispute: Mapping[str, Any]) -> DisputeFacts:
    """A Dispute; its balance transactions say what the bank holds and what Stripe asks for it.

    Raises Unreadable for a status that is not known.
    """
    status = DISPUTES.get(dispute.get("status") or "")
    if status is None:
        raise Unreadable(f"Stripe's answer can't be read: dispute status {dispute.get('status')!r}")
    currency = dispute["currency"]
    amount = from_stripe(dispute["amount"], currency)
    withdrawn, fee = _taken(dispute.get("balance_transactions") or [], amount)
    return DisputeFacts(
        status=status,
        provider_ref=dispute["id"],
        payment_ref=dispute.get("payment_intent") or dispute["charge"],
        amount=amount,
        withdrawn=withdrawn,
        fee=fee,
        reason=dispute.get("reason") or "",
        opened_at=datetime.fromtimestamp(dispute["created"], UTC),
    )


def _taken(moves: Sequence[Mapping[str, Any]], disputed: Money) -> tuple[Money, Money]:
    """What the bank holds of a dispute, and what Stripe asks for it.

    An account that settles in another currency sees other amounts than were disputed: then all of it is gone while more
    has left than come back, and the fee is no matter of this payment's books.
    """
    none = Money.zero(disputed.currency)
    net = -sum(each["amount"] for each in moves)
    if any(each["currency"] != disputed.currency for each in moves):
        return (disputed if net > 0 else none), none
    fee = sum(each["fee"] for each in moves)
    return from_stripe(max(0, net), disputed.currency), from_stripe(max(0, fee), disputed.currency)


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
        created_at=_instant(method.get("created")),
    )
