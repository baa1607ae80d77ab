"""What the payer decides on PayPal's pages: pay or cancel an order, agree to a subscription or to its change."""

from billing_portal.sandbox.books import Books, Json
from billing_portal.sandbox.misuse import Misused
from billing_portal.sandbox.paypal import billing, orders, revising, subscriptions
from billing_portal.sandbox.paypal.acts import Act

OUTCOMES = ("succeeded", "failed")
_WAITING = ("CREATED", "PAYER_ACTION_REQUIRED")


def order_of(books: Books, token: str) -> Json | None:
    """The order that a page is about, or None."""
    order = books.get("orders", token)
    return None if order is None or order.get("_gone") else order


def subscription_of(books: Books, token: str) -> Json | None:
    """The subscription that a page is about, or None."""
    found = books.find("subscriptions", _token=token) if token else []
    return found[0] if found else None


def order_waits(order: Json) -> bool:
    """Whether the payer may still decide."""
    return order["status"] in _WAITING


def subscription_waits(subscription: Json) -> bool:
    """Whether the payer may still decide: about the beginning, or about a revision."""
    return subscription["status"] == "APPROVAL_PENDING" or "_revision" in subscription


def pay_order(act: Act, order: Json) -> None:
    """The payer pays."""
    orders.approve(act, order)


def agree(act: Act, subscription: Json) -> None:
    """The payer agrees; what is due is paid at once."""
    if "_revision" in subscription:
        revising.agree(act, subscription)
        return
    subscriptions.approve(act, subscription)
    billing.bill_up_to_now(act, subscription)


def finish(act: Act, identifier: str, outcome: str) -> Json:
    """By the panel's word: `succeeded` is Pay, `failed` is Cancel, which changes nothing. Raises Misused when nobody is
    waited for."""
    if outcome not in OUTCOMES:
        raise Misused(f"outcome must be one of {', '.join(OUTCOMES)}", param="outcome")
    order = order_of(act.books, identifier)
    subscription = act.books.get("subscriptions", identifier)
    thing = order or subscription
    if thing is None:
        raise Misused(f"{identifier} is no order and no subscription", status=404, param="id")
    if not (order_waits(order) if order else subscription_waits(thing)):
        raise Misused(f"{identifier} waits for nobody: it is {thing['status']}.")
    if outcome == "succeeded":
        (pay_order if order else agree)(act, thing)
    return thing
