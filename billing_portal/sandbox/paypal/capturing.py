"""Capture an approved order: the money moves, is promised, or is refused.

https://developer.paypal.com/docs/api/orders/v2/#orders_capture. One capture for each order: who
comes second is told so.
"""

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.paypal import captures, triggers
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.orders import URL, answered, approval
from billing_portal.sandbox.paypal.problems import Problem
from billing_portal.sandbox.paypal.routing import HOURS_6, route
from billing_portal.sandbox.paypal.shapes import Group, body

_PENDING = {triggers.IN_REVIEW: "PENDING_REVIEW", triggers.ECHECK: "ECHECK"}


@route("POST", URL + "/{id}/capture", remembers=HOURS_6)
def capture(act: Act, identifier: str) -> tuple[Json, int]:
    """Capture it. What the payer can mend (another card, another log-in) sends them back to the same order."""
    body(act, Group({}))
    order = act.fetch("orders", identifier)
    asked = triggers.issue(act)
    if asked and asked not in triggers.SEND_BACK:
        triggers.mock(act)
    if order["status"] == "COMPLETED":
        raise act.refuse(422, "ORDER_ALREADY_CAPTURED")
    if order["status"] != "APPROVED":
        raise act.refuse(422, "ORDER_NOT_APPROVED")
    for number, unit in enumerate(order["purchase_units"]):
        captures.refuse_duplicate(act, unit.get("invoice_id"), f"/purchase_units/{number}/invoice_id")
    cents = triggers.ending(order["purchase_units"][0]["amount"]["value"])
    if asked or (cents == triggers.DECLINED_ONCE and not order.get("_declined")):
        raise _send_back(act, order, asked or "INSTRUMENT_DECLINED")
    order |= {"status": "COMPLETED", "update_time": act.time, "_waits": False}
    act.save("orders", order)
    for unit in order["purchase_units"]:
        captures.make(act, order, unit, pending=_PENDING.get(cents), declined=cents == triggers.DECLINED)
    return answered(act, order), 201


def _send_back(act: Act, order: Json, issue: str) -> Problem:
    order |= {"status": order["_waiting"], "_declined": issue, "_waits": False, "update_time": act.time}
    act.save("orders", order)
    link = approval(act, order, triggers.SEND_BACK[issue])
    return act.refuse(422, issue, links=(link,), kept=True)
