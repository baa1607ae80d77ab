"""Disputes: the payer's bank takes the money back, with a fee, until the dispute is decided.

https://docs.stripe.com/api/disputes. A bank debit that is returned after it had succeeded is a dispute too, lost from
its first moment (https://docs.stripe.com/payments/ach-direct-debit#disputes).
"""

from billing_portal.sandbox.stripe import amounts, balance, listing
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.problems import Problem
from billing_portal.sandbox.stripe.routing import route

DAYS_TO_ANSWER = 14
DAY = 86_400
_OPEN = ("needs_response", "under_review")


@route("GET", "/v1/disputes", f"charge payment_intent {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first."""
    return listing.listed(act, "disputes", "/v1/disputes", ("charge", "payment_intent"))


@route("GET", "/v1/disputes/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(act.fetch("disputes", identifier))


@route("POST", "/v1/disputes/{id}/close")
def close(act: Act, identifier: str) -> Json:
    """Give in: it is lost."""
    dispute = act.fetch("disputes", identifier)
    decide(act, dispute, won=False)
    return shown(dispute)


def open_dispute(act: Act, charge: Json, reason: str) -> Json:
    """Dispute what is left of a charge. Raises Problem when it is disputed already or holds no money."""
    amount = charge["amount"] - charge["amount_refunded"]
    if charge["disputed"] or charge["status"] != "succeeded" or amount == 0:
        raise Problem(f"Charge {charge['id']} cannot be disputed.")
    debit = charge["payment_method_details"]["type"] != "card"
    brand = charge["payment_method_details"].get("card", {}).get("brand")
    details = {"brand": brand, "network": brand, "case_type": "chargeback"}
    dispute: Json = {
        "id": random_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": act.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": act.now + DAYS_TO_ANSWER * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None if debit else {"card": {**details, "network_reason_code": "83"}, "type": "card"},
        "reason": reason,
        "status": "lost" if debit else "needs_response",
    }
    act.save("disputes", dispute)
    charge["disputed"] = True
    act.save("charges", charge)
    act.emit("charge.dispute.created", dispute)
    _move(act, dispute, -amount, fee=amounts.DISPUTE_FEE)
    act.emit("charge.dispute.funds_withdrawn", dispute)
    act.effect("dispute", dispute, dispute["status"])
    if debit:
        act.emit("charge.dispute.closed", dispute)
    return dispute


def decide(act: Act, dispute: Json, *, won: bool) -> None:
    """The bank has decided: won, the money comes back (the fee does not)."""
    if dispute["status"] not in _OPEN:
        raise Problem(f"This dispute is already closed: {dispute['status']}.")
    dispute["status"] = "won" if won else "lost"
    act.save("disputes", dispute)
    if won:
        _move(act, dispute, dispute["amount"])
    act.emit("charge.dispute.closed", dispute)
    if won:
        act.emit("charge.dispute.funds_reinstated", dispute)
    act.effect("dispute", dispute, dispute["status"])


def _move(act: Act, dispute: Json, amount: int, *, fee: int = 0) -> None:
    dispute["balance_transactions"].append(
        balance.record(act, "adjustment", dispute, amount, fee=fee, description=f"Chargeback for {dispute['charge']}")
    )
    act.save("disputes", dispute)
