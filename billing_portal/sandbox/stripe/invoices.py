"""Invoices: see, pay, void, finalize. https://docs.stripe.com/api/invoices

They are made by subscriptions alone here: `POST /v1/invoices` is not rebuilt.
"""

from billing_portal.sandbox.stripe import billing, collecting, invoicing, listing, previews, standing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.problems import FailedAttempt, Problem
from billing_portal.sandbox.stripe.routing import route

_URL = "/v1/invoices"
_NEEDS_ACTION = (
    "This payment requires additional user action before it can be completed successfully. Payment can be completed "
    "using the PaymentIntent associated with the invoice. For more details see: "
    "https://stripe.com/docs/billing/subscriptions/overview#requires-action"
)


@route("GET", _URL, f"customer status subscription {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first."""
    given.choice(act.params, "status", ("draft", "open", "paid", "uncollectible", "void"))
    subscription = given.text(act.params, "subscription")
    fixed: Json = {"_subscription": subscription} if subscription else {}
    return listing.listed(act, "invoices", _URL, ("customer", "status"), **fixed)


@route("GET", f"{_URL}/search", "query limit page")
def search(act: Act) -> Json:
    """Those that meet a query."""
    return listing.searched(act, "invoices", f"{_URL}/search")


@route("GET", _URL + "/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(act.fetch("invoices", identifier))


@route("GET", _URL + "/{id}/lines", "limit")
def lines(act: Act, identifier: str) -> Json:
    """Its lines, in their order: the first `limit`, 10 when it is not said."""
    found: Json = act.fetch("invoices", identifier)["lines"]
    limit = given.integer(act.params, "limit") or 10
    return {**found, "data": found["data"][:limit], "has_more": len(found["data"]) > limit}


@route("POST", _URL + "/create_preview", "customer subscription subscription_details")
def create_preview(act: Act) -> Json:
    """What a change, a start or the next period would make."""
    return previews.create(act)


@route("POST", _URL + "/{id}", "auto_advance description metadata")
def update(act: Act, identifier: str) -> Json:
    """Change its words, or whether Stripe collects it: with auto_advance=false nothing is retried any more."""
    invoice = act.fetch("invoices", identifier)
    before = dict(invoice)
    if "auto_advance" in act.params:
        invoice["auto_advance"] = given.flag(act.params, "auto_advance") and invoice["status"] in ("draft", "open")
        if not invoice["auto_advance"]:
            invoice |= {"next_payment_attempt": None, "_waits": False}
        elif invoice["status"] == "open" and not before["auto_advance"]:
            collecting.take_up_again(act, invoice)
    if "description" in act.params:
        invoice["description"] = given.text(act.params, "description")
    invoice["metadata"] = given.metadata(act.params, invoice["metadata"])
    act.save("invoices", invoice)
    act.emit_changes("invoice.updated", invoice, shown(before))
    return shown(invoice)


@route("POST", _URL + "/{id}/finalize", "auto_advance")
def finalize(act: Act, identifier: str) -> Json:
    """A draft becomes open; nobody is charged yet."""
    invoice = act.fetch("invoices", identifier)
    if "auto_advance" in act.params:
        invoice["auto_advance"] = given.flag(act.params, "auto_advance")
    subscription = act.fetch("subscriptions", invoice["_subscription"])
    return shown(billing.issue(act, subscription, invoice))


@route("POST", _URL + "/{id}/pay", "off_session paid_out_of_band payment_method")
def pay(act: Act, identifier: str) -> Json:
    """Pay it now, with the method given or the subscription's, or say that it was paid elsewhere."""
    invoice = act.fetch("invoices", identifier)
    subscription = act.fetch("subscriptions", invoice["_subscription"])
    if invoice["status"] == "draft":
        invoice = billing.issue(act, subscription, invoice)
    elif invoice["status"] == "paid":
        raise Problem("Invoice is already paid")
    elif invoice["status"] == "void":
        raise Problem("This invoice can no longer be paid: it is void.")
    if given.flag(act.params, "paid_out_of_band"):
        invoicing.settle(act, invoice, out_of_band=True)
        collecting.paid(act, invoice)
    elif invoice["status"] != "paid":
        _charge(act, subscription, invoice)
    return shown(act.fetch("invoices", identifier))


@route("POST", _URL + "/{id}/void")
def void(act: Act, identifier: str) -> Json:
    """Nobody owes it any more."""
    invoice = act.fetch("invoices", identifier)
    if invoice["status"] not in ("open", "uncollectible"):
        raise Problem(f"You can only pass in open invoices. This invoice is {invoice['status']}.")
    invoicing.void(act, invoice)
    collecting.not_owed(act, invoice)
    return shown(act.fetch("invoices", identifier))


@route("POST", _URL + "/{id}/mark_uncollectible")
def mark_uncollectible(act: Act, identifier: str) -> Json:
    """Given up; it may still be paid."""
    invoice = act.fetch("invoices", identifier)
    if invoice["status"] != "open":
        raise Problem(f"You can only pass in open invoices. This invoice is {invoice['status']}.")
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None, "_waits": False}
    invoice["status_transitions"]["marked_uncollectible_at"] = act.now
    act.save("invoices", invoice)
    act.emit("invoice.marked_uncollectible", invoice)
    return shown(invoice)


@route("GET", "/v1/invoice_payments", f"invoice payment status {listing.PAGING}")
def payments(act: Act) -> Json:
    """The payments of invoices; `payment` finds those of an intent."""
    of = given.group(act.params, "payment", ("type", "payment_intent"))
    intent = given.text(of, "payment_intent")
    fixed: Json = {"_payment_intent": intent} if intent else {}
    return listing.listed(act, "invoice_payments", "/v1/invoice_payments", ("invoice", "status"), **fixed)


@route("GET", "/v1/invoice_payments/{id}")
def payment(act: Act, identifier: str) -> Json:
    """One payment of an invoice."""
    return shown(act.fetch("invoice_payments", identifier))


def _charge(act: Act, subscription: Json, invoice: Json) -> None:
    """Raises Problem when it was not paid; a decline and a request for the person are kept."""
    intent = invoicing.intent_of(act, invoice)
    if intent and intent["status"] == "processing":
        raise Problem("This invoice has a payment that is processing: it cannot be paid again.")
    off_session = given.flag(act.params, "off_session", default=True)
    method = given.text(act.params, "payment_method") or standing.method_of(act, subscription)
    if problem := collecting.collect(act, invoice, method, off_session=off_session, automatic=False):
        raise problem
    after = invoicing.intent_of(act, invoice)
    if after and after["status"] == "requires_action":
        raise FailedAttempt(_NEEDS_ACTION, code="invoice_payment_intent_requires_action", payment_intent=shown(after))
