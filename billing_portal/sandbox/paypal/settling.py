"""End what takes days at PayPal: a review, an eCheck, a refund, a dispute; by the panel's word or by the clock."""

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.misuse import Misused
from billing_portal.sandbox.paypal import billing, captures, disputes, orders, refunds, sales
from billing_portal.sandbox.paypal.acts import Act

OUTCOMES = (
    "succeeded",
    "failed",
    "returned",
    "disputed",
    "dispute_won",
    "dispute_lost",
    "denied",
    "reversed",
)
_KINDS = ("orders", "captures", "refunds", "sales", "disputes")
_NO = ("failed", "denied", "returned", "reversed")
_BACK = ("returned", "reversed")


def settle(act: Act, identifier: str, outcome: str, code: str | None = None, amount: int | None = None) -> Json:
    """Give the order, capture, refund, sale or dispute its outcome. Returns it as it is now, with its notes.

    `code`: the reason of a dispute or a reversal; `amount`: how much is reversed, in PayPal's last decimal, else all
    that is left. Raises Misused when the outcome does not fit.
    """
    if outcome not in OUTCOMES:
        raise Misused(f"outcome must be one of {', '.join(OUTCOMES)}", param="outcome")
    kind = next((kind for kind in _KINDS if act.books.get(kind, identifier)), None)
    if kind is None:
        raise Misused(f"{identifier} is no order, capture, refund, sale or dispute", status=404, param="id")
    thing = act.fetch(kind, identifier)
    if kind == "orders":
        _settle_order(act, thing, outcome, code, amount)
    elif kind == "refunds":
        _settle_refund(act, thing, outcome)
    elif kind == "sales":
        _settle_sale(act, thing, outcome, amount)
    elif outcome.startswith("dispute_"):
        _decide(act, kind, thing, won=outcome == "dispute_won")
    else:
        _settle_capture(act, act.fetch("captures", thing.get("_of") or identifier), outcome, code, amount)
    return act.fetch(kind, identifier)


def settle_due(act: Act) -> int:
    """End what is due by the stand-in's clock: reviews and eChecks clear, refunds arrive, approvals lapse,
    subscriptions are billed. Returns how many."""
    pending = [capture for capture in act.books.find("captures", _waits=True) if capture["_due"] <= act.now]
    for capture in pending:
        captures.complete(act, capture)
    back = [refund for refund in act.books.find("refunds", _waits=True) if refund["_due"] <= act.now]
    for refund in back:
        refunds.succeed(act, refund)
    return len(pending) + len(back) + orders.lapse_due(act) + billing.bill_due(act)


def _settle_order(act: Act, order: Json, outcome: str, code: str | None, amount: int | None) -> None:
    made = act.books.find("captures", _order=order["id"])
    if made:
        settle(act, made[-1]["id"], outcome, code, amount)
    elif order["status"] == "APPROVED" and outcome in _NO:
        orders.lapse(act, order)
    else:
        raise Misused(f"An order that is {order['status']} cannot be {outcome}.", param="outcome")


def _settle_capture(act: Act, capture: Json, outcome: str, code: str | None, amount: int | None) -> None:
    left = capture["_amount"] - capture["_refunded"]
    if capture["status"] == "PENDING" and outcome == "succeeded":
        captures.complete(act, capture)
    elif capture["status"] == "PENDING" and outcome in _NO:
        captures.deny(act, capture)
    elif capture["status"] in ("COMPLETED", "PARTIALLY_REFUNDED") and outcome == "disputed":
        disputes.open_dispute(act, capture, code)
    elif capture["status"] in ("COMPLETED", "PARTIALLY_REFUNDED") and outcome in _BACK:
        refunds.reverse(act, capture, _part(left, amount), "ECHECK" if outcome == "returned" else "CHARGEBACK")
    else:
        raise Misused(f"A capture that is {capture['status']} cannot be {outcome}.", param="outcome")


def _settle_refund(act: Act, refund: Json, outcome: str) -> None:
    if refund["status"] != "PENDING" or outcome not in ("succeeded", "failed", "returned", "denied"):
        raise Misused(f"A refund that is {refund['status']} cannot be {outcome}.", param="outcome")
    (refunds.succeed if outcome == "succeeded" else refunds.fail)(act, refund)


def _settle_sale(act: Act, sale: Json, outcome: str, amount: int | None) -> None:
    left = sale["_amount"] - sale["_refunded"]
    if outcome not in _BACK or left == 0:
        raise Misused(f"A sale that is {sale['state']} cannot be {outcome}.", param="outcome")
    sales.give_back(act, sale, _part(left, amount), reversal=True)


def _decide(act: Act, kind: str, thing: Json, *, won: bool) -> None:
    found = [thing] if kind == "disputes" else act.books.find("disputes", _of=thing["id"])
    if not found or found[-1]["status"] != "OPEN":
        raise Misused("There is no open dispute.", param="id")
    disputes.decide(act, found[-1], won=won)


def _part(left: int, amount: int | None) -> int:
    if amount is not None and not 1 <= amount <= left:
        raise Misused("amount is more than is left", param="amount")
    return amount or left
