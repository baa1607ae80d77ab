"""Change a subscription's plan or seats: the payer agrees first, then the next period is billed as revised.

https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions_revise
"""

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.paypal import billing, ids, plans, subscriptions
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.routing import route
from billing_portal.sandbox.paypal.shapes import Group, Text, body

_REVISION = Group(
    {"plan_id": Text(50, 3), "quantity": subscriptions.QUANTITY, "application_context": subscriptions.CONTEXT}
)


@route("POST", subscriptions.URL + "/{id}/revise")
def revise(act: Act, identifier: str) -> tuple[Json, int]:
    """Ask for it. Nothing changes until the payer has followed `approve`."""
    asked = body(act, _REVISION)
    subscription = act.fetch("subscriptions", identifier)
    before = act.fetch("plans", subscription["plan_id"])
    after = act.books.get("plans", asked.get("plan_id", before["id"]))
    if after is None:
        raise act.refuse(404, "INVALID_RESOURCE_ID", field="/plan_id", value=asked["plan_id"])
    if subscription["status"] not in ("ACTIVE", "SUSPENDED"):
        raise act.refuse(422, "SUBSCRIPTION_STATUS_INVALID")
    if after["product_id"] != before["product_id"]:
        raise act.refuse(422, "PLAN_PRODUCT_NOT_COMPATIBLE", field="/plan_id", value=after["id"])
    if plans.price(after)[1] != plans.price(before)[1]:
        raise act.refuse(422, "CURRENCY_MISMATCH", field="/plan_id", value=after["id"])
    subscriptions.refuse_quantity(act, after, asked)
    revision = {"plan_id": after["id"], "quantity": asked.get("quantity", subscription["quantity"])}
    subscription |= {"_revision": revision, "_token": ids.agreement()}
    if "application_context" in asked:
        subscription["_context"] = asked["application_context"]
    act.save("subscriptions", subscription)
    page = act.link("approve", f"{subscriptions.PAGE}?ba_token={subscription['_token']}")
    path = f"{subscriptions.URL}/{identifier}"
    return {**revision, "plan_overridden": False, "links": [page, act.link("self", path)]}, 200


def agree(act: Act, subscription: Json) -> None:
    """The payer agrees to the revision."""
    revision = subscription.pop("_revision")
    plan = act.fetch("plans", revision["plan_id"])
    billing.keep_due(act, subscription, plan)
    subscription |= {**revision, "_plan_name": plan["name"], "update_time": act.time}
    act.save("subscriptions", subscription)
    subscriptions.tell(act, subscription, "UPDATED", "Subscription updated")
