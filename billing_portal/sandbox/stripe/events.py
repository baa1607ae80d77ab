"""Events: what happened, in order, kept to be asked for. https://docs.stripe.com/api/events"""

from billing_portal.sandbox.stripe import listing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.problems import Invalid
from billing_portal.sandbox.stripe.routing import route


@route("GET", "/v1/events", f"type types delivery_success {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first; `types` may hold several, `delivery_success=false` those not delivered yet."""
    types = act.params.get("types") or []
    if types and act.params.get("type"):
        raise Invalid("You may only specify one of these parameters: type, types.", param="types")
    if not types and "delivery_success" not in act.params:
        return listing.listed(act, "events", "/v1/events", ("type",))
    # Narrowed here, since both look at more than one field's equality.
    delivered = given.flag(act.params, "delivery_success")
    everything = act.books.find("events")
    fitting = {
        event["id"]
        for event in everything
        if (not types or event["type"] in types)
        and ("delivery_success" not in act.params or (event["pending_webhooks"] == 0) == delivered)
    }
    return listing.listed(act, "events", "/v1/events", ("type",), only=fitting)


@route("GET", "/v1/events/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(act.fetch("events", identifier))
