"""Refunds: money goes back, wholly or in part, never more than is left. https://docs.stripe.com/api/refunds"""

from typing import Any

from billing_portal.sandbox.stripe import accounts, amounts, balance, holding, listing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.problems import Invalid, Problem
from billing_portal.sandbox.stripe.routing import route

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
DAY = 86_400
# Seconds after which a card's refund that is pending, or will fail, ends by itself.
SOON = 5
_FILTERS = ("charge", "payment_intent")


@route("POST", "/v1/refunds", "charge payment_intent amount reason metadata")
def create(act: Act) -> Json:
    """Give back `amount`, or all that is left."""
    charge = _charge(act)
    reason = given.choice(act.params, "reason", _REASONS)
    metadata = given.metadata(act.params)
    return shown(give_back(act, charge, given.integer(act.params, "amount"), reason=reason, metadata=metadata))


@route("GET", "/v1/refunds", f"charge payment_intent {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first."""
    return listing.listed(act, "refunds", "/v1/refunds", _FILTERS)


@route("GET", "/v1/refunds/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(act.fetch("refunds", identifier))


@route("POST", "/v1/refunds/{id}", "metadata")
def update(act: Act, identifier: str) -> Json:
    """Change its metadata."""
    refund = act.fetch("refunds", identifier)
    refund["metadata"] = given.metadata(act.params, refund["metadata"])
    act.save("refunds", refund)
    act.emit("refund.updated", refund)
    return shown(refund)


def give_back(
    act: Act, charge: Json, amount: int | None, *, reason: str | None = None, metadata: dict[str, str] | None = None
) -> Json:
    """Refund a charge. A bank debit's refund is under way for days; a card's is done at once, as far as Stripe says."""
    left = charge["amount"] - charge["amount_refunded"]
    _check(act, charge, amount, left)
    amount = left if amount is None else amount
    card = charge["payment_method_details"]["type"] == "card"
    method = act.fetch("payment_methods", charge["payment_method"])
    behaviour = holding.behaviour(method).refund if card else ""
    refund: Json = {
        "id": random_id("re" if card else "pyr"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": act.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": _destination(card=card),
        "metadata": metadata or {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded" if card and behaviour != "pending" else "pending",
        "transfer_reversal": None,
    }
    if behaviour or not card:
        days = 0 if card else accounts.DAYS_TO_SETTLE
        refund |= {"_waits": True, "_due": act.now + days * DAY + SOON, "_fails": behaviour == "fails"}
    transaction = balance.record(
        act, "refund" if card else "payment_refund", refund, -amount, description="REFUND FOR CHARGE"
    )
    refund["balance_transaction"] = transaction["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    act.save("charges", charge)
    act.save("refunds", refund)
    act.emit("refund.created", refund)
    act.emit("charge.refunded", charge)
    act.effect("refund", refund, refund["status"])
    return refund


def succeed(act: Act, refund: Json) -> None:
    """It has arrived."""
    refund |= {"status": "succeeded", "_waits": False}
    act.save("refunds", refund)
    act.emit("refund.updated", refund)
    act.emit("charge.refund.updated", refund)
    act.effect("refund", refund, "succeeded")


def fail(act: Act, refund: Json, reason: str) -> None:
    """The bank sent it back: the money is on the balance again, and the charge can be refunded again.

    https://docs.stripe.com/refunds#failed-refunds: this may come long after the refund had succeeded.
    """
    transaction = balance.record(act, "refund_failure", refund, refund["amount"], description="REFUND FAILURE")
    refund |= {
        "_waits": False,
        "status": "failed",
        "failure_reason": reason,
        "failure_balance_transaction": transaction["id"],
    }
    act.save("refunds", refund)
    charge = act.fetch("charges", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    act.save("charges", charge)
    act.emit("refund.failed", refund)
    act.emit("refund.updated", refund)
    act.emit("charge.refund.updated", refund)
    act.effect("refund", refund, "failed")


def _charge(act: Act) -> Json:
    by_charge, by_intent = given.text(act.params, "charge"), given.text(act.params, "payment_intent")
    if by_charge:
        return act.fetch("charges", by_charge, param="charge")
    if not by_intent:
        raise Invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = act.fetch("payment_intents", by_intent, param="payment_intent")
    if intent["status"] != "succeeded":
        raise Problem(f"This PaymentIntent ({by_intent}) does not have a successful charge to refund.")
    return act.fetch("charges", intent["latest_charge"])


def _check(act: Act, charge: Json, amount: int | None, left: int) -> None:
    """Raise Problem when the charge can't be refunded, or not that much of it."""
    if charge["status"] != "succeeded":
        raise Problem(
            f"This charge ({charge['id']}) was not successful and cannot be refunded.", code="charge_not_refundable"
        )
    if any(dispute["status"] != "won" for dispute in act.books.find("disputes", charge=charge["id"])):
        raise Problem(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if left == 0:
        raise Problem(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount < 1:
        raise Invalid(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if amount is not None and amount > left:
        asked, rest = (amounts.shown(value, charge["currency"]).removesuffix(" usd") for value in (amount, left))
        raise Problem(f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})", param="amount")


def _destination(*, card: bool) -> dict[str, Any]:
    if not card:
        return {"type": "us_bank_transfer", "us_bank_transfer": {"reference": None, "reference_status": None}}
    details = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    return {"card": details, "type": "card"}
