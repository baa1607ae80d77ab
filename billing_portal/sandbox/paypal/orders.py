"""Orders: create, show, change. https://docs.paypal.ai/reference/api/rest/orders, state machine in `status`:

CREATED (or PAYER_ACTION_REQUIRED, when a payment source was given) → APPROVED by the payer → COMPLETED by a capture,
whatever became of that capture; VOIDED when the approval lapsed.
"""

from typing import Any

from billing_portal.sandbox.books import Json, shown
from billing_portal.sandbox.paypal import captures, ids, money, triggers
from billing_portal.sandbox.paypal.acts import DAY, HOUR, Act
from billing_portal.sandbox.paypal.order_shapes import ORDER, check_units, experience
from billing_portal.sandbox.paypal.routing import HOURS_6, route
from billing_portal.sandbox.paypal.shapes import body

URL = "/v2/checkout/orders"
APPROVED_FOR, KEPT_FOR = 3 * HOUR, 3 * DAY


@route("POST", URL, remembers=HOURS_6)
def create(act: Act) -> tuple[Json, int]:
    """Make one. With a payment source PayPal wants a request id."""
    asked = body(act, ORDER)
    source = asked.get("payment_source")
    if source and not act.headers.get("paypal-request-id"):
        raise act.refuse(400, "PAYPAL_REQUEST_ID_REQUIRED")
    if asked["intent"] != "CAPTURE":
        raise act.refuse(422, "AUTH_CAPTURE_NOT_ENABLED", field="/intent", value=asked["intent"])
    check_units(act, asked["purchase_units"])
    triggers.mock(act)
    for number, unit in enumerate(asked["purchase_units"]):
        captures.refuse_duplicate(act, unit.get("invoice_id"), f"/purchase_units/{number}/invoice_id")
    order: Json = {
        "id": ids.transaction(),
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED" if source else "CREATED",
        **({"payment_source": {"paypal": {}}} if source else {}),
        "purchase_units": [_unit(act, unit) for unit in asked["purchase_units"]],
        "create_time": act.time,
        "_context": dict(experience(asked)),
        "_waiting": "PAYER_ACTION_REQUIRED" if source else "CREATED",
        "_made_at": act.now,
    }
    return answered(act, act.save("orders", order)), 201


@route("GET", URL + "/{id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One, with its captures and refunds."""
    return view(act, act.fetch("orders", identifier)), 200


def answered(act: Act, order: Json) -> Json:
    """All of it, or the little that PayPal answers unless asked for the representation."""
    whole = view(act, order)
    little = ["id", "status", "payment_source", "links", "payer"]
    if order["status"] == "COMPLETED" and not act.full:
        # A capture's short answer has what was captured, by id and state.
        whole["purchase_units"] = [
            {"reference_id": unit["reference_id"], "payments": unit["payments"]} for unit in whole["purchase_units"]
        ]
        little.append("purchase_units")
    return whole if act.full else {name: whole[name] for name in little if name in whole}


def view(act: Act, order: Json) -> Json:
    """The order as PayPal shows it: payments put where they belong, links by what may be done next."""
    whole = shown(order)
    made = act.books.find("captures", _order=order["id"])
    back = [refund for capture in made for refund in act.books.find("refunds", _of=capture["id"])]
    whole["purchase_units"] = [_with_payments(act, unit, made, back) for unit in order["purchase_units"]]
    path = f"{URL}/{order['id']}"
    links = [act.link("self", path)]
    if order["status"] in ("CREATED", "PAYER_ACTION_REQUIRED"):
        links.append(approval(act, order))
    if order["status"] in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"):
        links += [act.link("update", path, "PATCH"), act.link("capture", f"{path}/capture", "POST")]
    return {**whole, "links": links}


def approval(act: Act, order: Json, rel: str | None = None) -> Json:
    """Where the payer approves it: `payer-action` when a payment source was given, else `approve`."""
    usual = "payer-action" if order["_waiting"] == "PAYER_ACTION_REQUIRED" else "approve"
    return act.link(rel or usual, f"/checkoutnow?token={order['id']}")


def approve(act: Act, order: Json) -> None:
    """The payer agrees. Only an order that waits for that can be approved."""
    payer = act.account.payer
    order |= {
        "status": "APPROVED",
        "update_time": act.time,
        "payer": {**payer, "address": {"country_code": "US"}},
        "payment_source": {
            "paypal": {
                "email_address": payer["email_address"],
                "account_id": payer["payer_id"],
                "account_status": "VERIFIED",
                "name": payer["name"],
                "address": {"country_code": "US"},
            }
        },
        "_approved_at": act.now,
        "_waits": True,
    }
    act.save("orders", order)
    act.emit("CHECKOUT.ORDER.APPROVED", "checkout-order", view(act, order), "An order has been approved by buyer")


def lapse(act: Act, order: Json) -> None:
    """The approval is taken back before the capture: the order is void."""
    order |= {"status": "VOIDED", "update_time": act.time, "_waits": False}
    act.save("orders", order)
    resource: Json = {
        "order_id": order["id"],
        "purchase_units": [shown(unit) for unit in order["purchase_units"]],
        "payment_source": order["payment_source"],
    }
    act.emit(
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
        "payment-approval",
        resource,
        "A payment has been reversed after approval.",
    )


def lapse_due(act: Act) -> int:
    """Approvals that are three hours old lapse; orders that nobody captured are forgotten after three days."""
    due = [order for order in act.books.find("orders", _waits=True) if order["_approved_at"] + APPROVED_FOR <= act.now]
    for order in due:
        lapse(act, order)
    for status in ("CREATED", "PAYER_ACTION_REQUIRED", "VOIDED"):
        for order in act.books.find("orders", status=status):
            if order["_made_at"] + KEPT_FOR <= act.now and not order.get("_gone"):
                act.save("orders", {**order, "_gone": True})
    return len(due)


def _unit(act: Act, asked: Json) -> Json:
    amount = asked["amount"]
    currency = amount["currency_code"]
    written = money.of(money.units(amount["value"], currency), currency)
    payee = {"email_address": act.account.merchant_email, "merchant_id": act.account.merchant_id}
    return {"reference_id": "default", **asked, "amount": {**amount, **written}, "payee": payee}


def _with_payments(act: Act, unit: Json, made: list[Json], back: list[Json]) -> Json:
    mine = [capture for capture in made if capture["_unit"] == unit["reference_id"]]
    if not mine:
        return unit
    own = {capture["id"] for capture in mine}
    payments: dict[str, Any] = {"captures": [captures.view(act, capture, inside=True) for capture in mine]}
    if given := [captures.view_refund(act, refund) for refund in back if refund["_of"] in own]:
        payments["refunds"] = given
    return {**unit, "payments": payments}
