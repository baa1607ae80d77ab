"""Payment methods: cards and US bank accounts, made from test numbers only, attached to at most one customer.

https://docs.stripe.com/api/payment_methods
"""

from billing_portal.sandbox.stripe import holding, listing, making
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.problems import Problem
from billing_portal.sandbox.stripe.routing import route


@route(
    "POST",
    "/v1/payment_methods",
    "type card us_bank_account billing_details metadata allow_redisplay",
    publishable=True,
)
def create(act: Act) -> Json:
    """Make one from a test number; nobody owns it yet."""
    return shown(making.from_data(act, act.params))


@route("GET", "/v1/payment_methods", f"customer type {listing.PAGING}")
def listed(act: Act) -> Json:
    """Those of a customer."""
    given.required(act.params, "customer")
    return listing.listed(act, "payment_methods", "/v1/payment_methods", ("customer", "type"))


@route("GET", "/v1/payment_methods/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One, whosever it is."""
    return shown(making.resolve(act, identifier))


@route("POST", "/v1/payment_methods/{id}", "billing_details metadata allow_redisplay")
def update(act: Act, identifier: str) -> Json:
    """Change what is not the number."""
    method = act.fetch("payment_methods", identifier)
    if method["customer"] is None:
        raise Problem("You must save this PaymentMethod to a customer before you can update it.")
    if "billing_details" in act.params:
        method["billing_details"] = making.billing_details(act.params, method["billing_details"])
    method["metadata"] = given.metadata(act.params, method["metadata"])
    act.save("payment_methods", method)
    act.emit("payment_method.updated", method)
    return shown(method)


@route("POST", "/v1/payment_methods/{id}/attach", "customer")
def attach(act: Act, identifier: str) -> Json:
    """Give it to a customer; a card that its bank refuses is refused here."""
    customer = act.fetch("customers", given.required(act.params, "customer"), param="customer")
    method = making.resolve(act, identifier)
    if method["type"] == "us_bank_account" and not method.get("_mandate"):
        raise Problem(
            "PaymentMethods of type 'us_bank_account' must be verified before they can be attached to a customer; "
            "use a SetupIntent.",
            param="payment_method",
        )
    holding.refuse_card(method)
    holding.attach_to(act, method, customer["id"])
    return shown(method)


@route("POST", "/v1/payment_methods/{id}/detach")
def detach(act: Act, identifier: str) -> Json:
    """Take it from its customer, for ever."""
    method = act.fetch("payment_methods", identifier)
    if method["customer"] is None:
        raise Problem(
            f"The payment method you provided is not attached to a customer so detachment is impossible: {identifier}",
            param="payment_method",
        )
    holding.detach_from(act, method)
    return shown(method)
