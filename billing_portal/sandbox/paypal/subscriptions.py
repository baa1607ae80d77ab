"""Subscriptions: made, approved by the payer, paid each period, suspended, cancelled.

https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions.
APPROVAL_PENDING → ACTIVE ⇄ SUSPENDED → CANCELLED.
"""

from billing_portal.sandbox.books import Json, shown
from billing_portal.sandbox.paypal import ids, ipn, listing, money, plans, sales
from billing_portal.sandbox.paypal.acts import Act, instant, stamp
from billing_portal.sandbox.paypal.routing import HOURS_72, route
from billing_portal.sandbox.paypal.shapes import URL as WEB_ADDRESS
from billing_portal.sandbox.paypal.shapes import Anything, Group, Text, body

URL = "/v1/billing/subscriptions"
PAGE = "/webapps/billing/subscriptions"
CONTEXT = Group(
    {
        "brand_name": Text(127),
        "locale": Text(10, 2),
        "shipping_preference": Text(24, choices=("GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS")),
        "user_action": Text(24, choices=("CONTINUE", "SUBSCRIBE_NOW")),
        "payment_method": Anything(),
        "return_url": WEB_ADDRESS,
        "cancel_url": WEB_ADDRESS,
    },
    ("return_url", "cancel_url"),
)
QUANTITY = Text(32, pattern="[1-9][0-9]*")
_SUBSCRIPTION = Group(
    {
        "plan_id": Text(50, 3),
        "start_time": Text(64, 20),
        "quantity": QUANTITY,
        "custom_id": Text(127, pattern=r"[\x20-\x7E]+"),
        "subscriber": Group({"name": Anything(), "email_address": Text(254, 3, pattern=r".+@.+")}),
        "auto_renewal": Anything(),
        "application_context": CONTEXT,
    },
    ("plan_id",),
)
_NOTHING_YET = {
    "tenure_type": "REGULAR",
    "sequence": 1,
    "cycles_completed": 0,
    "cycles_remaining": 0,
    "total_cycles": 0,
}
_REASON = Group({"reason": Text(128)}, ("reason",))


@route("POST", URL, remembers=HOURS_72)
def create(act: Act) -> tuple[Json, int]:
    """Make one, which waits for its payer."""
    asked = body(act, _SUBSCRIPTION)
    plan = act.books.get("plans", asked["plan_id"])
    if plan is None:
        raise act.refuse(404, "INVALID_RESOURCE_ID", field="/plan_id", value=asked["plan_id"])
    if plan["status"] != "ACTIVE":
        raise act.refuse(422, "PLAN_STATUS_INVALID", field="/plan_id", value=asked["plan_id"])
    refuse_quantity(act, plan, asked)
    start = asked.get("start_time") or act.time
    if _instant(act, start, "/start_time") < act.now:
        raise act.refuse(400, "INVALID_PARAMETER_VALUE", field="/start_time", value=start)
    subscription: Json = {
        "id": ids.subscription(),
        "plan_id": plan["id"],
        "status": "APPROVAL_PENDING",
        "status_update_time": act.time,
        "start_time": start,
        "quantity": asked.get("quantity", "1"),
        **{name: asked[name] for name in ("custom_id", "subscriber") if name in asked},
        "plan_overridden": False,
        "create_time": act.time,
        "update_time": act.time,
        "_context": asked.get("application_context", {}),
        "_token": ids.agreement(),
        "_plan_name": plan["name"],
    }
    act.save("subscriptions", subscription)
    tell(act, subscription, "CREATED", "Subscription created")
    whole = view(act, subscription)
    return (whole if act.full else {name: whole[name] for name in ("id", "status", "create_time", "links")}), 201


@route("GET", URL + "/{id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One; with `fields=plan` its plan too."""
    subscription = act.fetch("subscriptions", identifier)
    whole = view(act, subscription)
    if "plan" in act.query.get("fields", "").split(","):
        whole["plan"] = plans.view(act, act.fetch("plans", subscription["plan_id"]))
    return whole, 200


@route("POST", URL + "/{id}/cancel")
def cancel(act: Act, identifier: str) -> tuple[None, int]:
    """End it. Only one that is active or suspended can be cancelled."""
    return _change(act, identifier, "CANCELLED", ("ACTIVE", "SUSPENDED"), "CANCELLED", "Subscription cancelled")


@route("POST", URL + "/{id}/suspend")
def suspend(act: Act, identifier: str) -> tuple[None, int]:
    """Stop billing for now."""
    return _change(act, identifier, "SUSPENDED", ("ACTIVE",), "SUSPENDED", "Subscription suspended")


@route("POST", URL + "/{id}/activate")
def activate(act: Act, identifier: str) -> tuple[None, int]:
    """Go on after a suspension."""
    return _change(act, identifier, "ACTIVE", ("SUSPENDED",), "RE-ACTIVATED", "Subscription reactivated")


@route("GET", URL + "/{id}/transactions")
def transactions(act: Act, identifier: str) -> tuple[Json, int]:
    """Its sales between `start_time` and `end_time`, oldest first."""
    act.fetch("subscriptions", identifier)
    for name in ("start_time", "end_time"):
        if name not in act.query:
            raise act.refuse(400, "MISSING_REQUIRED_PARAMETER", value=name)
    first, last = (_instant(act, act.query[name], name) for name in ("start_time", "end_time"))
    found = [
        sales.as_transaction(act, sale)
        for sale in act.books.find("sales", _subscription=identifier)
        if first <= instant(sale["create_time"]) <= last
    ]
    return listing.paged(act, "transactions", found, f"{URL}/{identifier}/transactions"), 200


def refuse_quantity(act: Act, plan: Json, asked: Json) -> None:
    """Raise Problem (422) when the plan is not for several seats."""
    if "quantity" in asked and not plan["quantity_supported"]:
        raise act.refuse(422, "SUBSCRIPTION_CANNOT_HAVE_QUANTITY", field="/quantity", value=asked["quantity"])


def amount(act: Act, subscription: Json) -> tuple[int, str]:
    """What one period costs."""
    each, currency = plans.price(act.fetch("plans", subscription["plan_id"]))
    return each * int(subscription["quantity"]), currency


def approve(act: Act, subscription: Json) -> None:
    """The payer agrees: it is active from now on, and the first period is due at its start."""
    _, currency = amount(act, subscription)
    payer = act.account.payer
    start = max(act.now, instant(subscription["start_time"]))
    subscription |= {
        "status": "ACTIVE",
        "status_update_time": act.time,
        "update_time": act.time,
        "subscriber": {**payer, **subscription.get("subscriber", {}), "payer_id": payer["payer_id"]},
        "billing_info": {
            "outstanding_balance": money.of(0, currency),
            "cycle_executions": [dict(_NOTHING_YET)],
            # Not the end of the first period yet: it moves on when that is paid.
            "next_billing_time": stamp(start),
            "failed_payments_count": 0,
        },
        "_waits": True,
        "_began": start,
        "_due": start,
    }
    act.save("subscriptions", subscription)
    each, currency = amount(act, subscription)
    act.effect("subscription", subscription, each, currency, "ACTIVE")
    tell(act, subscription, "ACTIVATED", "Subscription activated")
    ipn.subscription(act, "recurring_payment_profile_created", subscription)


def change(act: Act, subscription: Json, status: str, event: str, summary: str, note: str) -> None:
    """Bring it to another state and tell."""
    subscription |= {
        "status": status,
        "status_change_note": note,
        "status_update_time": act.time,
        "update_time": act.time,
        "_waits": status == "ACTIVE",
    }
    if status == "CANCELLED":
        subscription["billing_info"].pop("next_billing_time", None)
    act.save("subscriptions", subscription)
    tell(act, subscription, event, summary)
    told = {"CANCELLED": "recurring_payment_profile_cancel", "SUSPENDED": "recurring_payment_suspended"}
    if status in told:
        ipn.subscription(act, told[status], subscription)


def tell(act: Act, subscription: Json, event: str, summary: str) -> None:
    """Emit one of BILLING.SUBSCRIPTION.*."""
    act.emit(f"BILLING.SUBSCRIPTION.{event}", "subscription", view(act, subscription), summary)


def view(act: Act, subscription: Json) -> Json:
    """The subscription as PayPal shows it; links by what may be done next."""
    path = f"{URL}/{subscription['id']}"
    links = [act.link("self", path)]
    status = subscription["status"]
    if status == "APPROVAL_PENDING":
        links.insert(0, act.link("approve", f"{PAGE}?ba_token={subscription['_token']}"))
    if status in ("ACTIVE", "SUSPENDED"):
        links.append(act.link("cancel", f"{path}/cancel", "POST"))
        other = "suspend" if status == "ACTIVE" else "activate"
        links.append(act.link(other, f"{path}/{other}", "POST"))
    seen = {**shown(subscription), "links": links}
    if status == "SUSPENDED" and act.books.noted("next_billing_of_suspended") == "hidden":
        seen["billing_info"] = {k: v for k, v in seen["billing_info"].items() if k != "next_billing_time"}
    return seen


def _change(
    act: Act, identifier: str, status: str, allowed: tuple[str, ...], event: str, summary: str
) -> tuple[None, int]:
    reason = body(act, _REASON)["reason"]
    subscription = act.fetch("subscriptions", identifier)
    if subscription["status"] not in allowed:
        raise act.refuse(422, "SUBSCRIPTION_STATUS_INVALID")
    change(act, subscription, status, event, summary, reason)
    return None, 204


def _instant(act: Act, text: str, where: str) -> int:
    try:
        return instant(text)
    except ValueError:
        raise act.refuse(400, "INVALID_PARAMETER_SYNTAX", field=where, value=text) from None
