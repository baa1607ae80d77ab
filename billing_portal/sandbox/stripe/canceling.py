"""Cancel a subscription now, with or without giving back what was not used.

https://docs.stripe.com/api/subscriptions/cancel
"""

from billing_portal.sandbox.stripe import billing, changing, standing, subscription_items
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.params import Params


def cancel(act: Act, subscription: Json, params: Params) -> Json:
    """End it. `prorate` credits unused time, `invoice_now` makes the last invoice of that and of what waited.

    What is credited and not invoiced is lost with the subscription (at Stripe it waits at the customer).
    """
    details = given.group(params, "cancellation_details", ("comment", "feedback"))
    subscription["cancellation_details"] = {**subscription["cancellation_details"], **details}
    if subscription["status"] == "incomplete":
        standing.end(act, subscription, "cancellation_requested", "incomplete_expired")
        return subscription
    lines: list[Json] = []
    if given.flag(params, "prorate"):
        for item in subscription_items.of(subscription):
            lines += changing.unused(act, subscription, item, act.now)
    if given.flag(params, "invoice_now") and (lines or subscription["_pending_lines"]):
        invoice = billing.invoiced(act, subscription, lines, "subscription_update")
        act.save("subscriptions", subscription)
        billing.ask(act, subscription, invoice, "allow_incomplete", off_session=True)
        subscription = act.fetch("subscriptions", subscription["id"])
    standing.end(act, subscription, "cancellation_requested")
    return act.fetch("subscriptions", subscription["id"])
