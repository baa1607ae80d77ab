"""Subscriptions: start, see, change, cancel, resume. https://docs.stripe.com/api/subscriptions"""

from billing_portal.sandbox.stripe import (
    canceling,
    listing,
    renewing,
    standing,
    subscribing,
    subscription_items,
    updating,
)
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.problems import Problem, missing
from billing_portal.sandbox.stripe.routing import route

_URL = "/v1/subscriptions"
STATUSES = (
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
    "all",
    "ended",
)


@route("POST", _URL, subscribing.KNOWN)
def create(act: Act) -> Json:
    """Start one."""
    return shown(subscribing.start(act))


@route("GET", _URL, f"customer status price {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first; without `status` those that have not ended."""
    status = given.choice(act.params, "status", STATUSES)
    price = given.text(act.params, "price")
    only = {
        each["id"]
        for each in act.books.find("subscriptions")
        if _has_status(each, status)
        and (not price or any(item["price"]["id"] == price for item in subscription_items.of(each)))
    }
    return listing.listed(act, "subscriptions", _URL, ("customer",), only=only)


@route("GET", f"{_URL}/search", "query limit page")
def search(act: Act) -> Json:
    """Those that meet a query, such as `metadata['subscription_id']:'…'`."""
    return listing.searched(act, "subscriptions", f"{_URL}/search")


@route("GET", _URL + "/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One, ended or not."""
    return shown(act.fetch("subscriptions", identifier))


@route("POST", _URL + "/{id}", updating.KNOWN)
def update(act: Act, identifier: str) -> Json:
    """Change it."""
    return shown(updating.update(act, act.fetch("subscriptions", identifier)))


@route("DELETE", _URL + "/{id}", "invoice_now prorate cancellation_details")
def cancel(act: Act, identifier: str) -> Json:
    """End it now. One that has ended is not there any more."""
    subscription = act.fetch("subscriptions", identifier)
    if subscription["status"] in standing.ENDED:
        raise missing("subscription", identifier, param="id")
    return shown(canceling.cancel(act, subscription, act.params))


@route("POST", _URL + "/{id}/resume", "billing_cycle_anchor proration_behavior")
def resume(act: Act, identifier: str) -> Json:
    """Go on after a trial without a card. https://docs.stripe.com/api/subscriptions/resume"""
    subscription = act.fetch("subscriptions", identifier)
    if subscription["status"] != "paused":
        raise Problem(
            f"Only paused subscriptions can be resumed. This subscription is {subscription['status']}.", param="id"
        )
    given.choice(act.params, "billing_cycle_anchor", ("now",))
    renewing.resume(act, subscription)
    return shown(act.fetch("subscriptions", identifier))


def _has_status(subscription: Json, status: str | None) -> bool:
    now = subscription["status"]
    if status is None:
        return now not in standing.ENDED
    return status in ("all", now) or (status == "ended" and now in standing.ENDED)
