"""Customers and their default payment method. https://docs.stripe.com/api/customers"""

from billing_portal.sandbox.stripe import holding, listing, making, watching
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.problems import Problem, missing
from billing_portal.sandbox.stripe.routing import route

_TEXTS = ("description", "email", "name", "phone")
_KNOWN = "address description email invoice_settings metadata name phone preferred_locales"
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


@route("POST", "/v1/customers", f"{_KNOWN} payment_method")
def create(act: Act) -> Json:
    """Make one, with a payment method attached when one is given."""
    customer: Json = {
        "id": random_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": act.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": random_id("", 8).strip("_").upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    act.save("customers", customer)
    if method_id := given.text(act.params, "payment_method"):
        method = making.resolve(act, method_id, param="payment_method")
        holding.refuse_card(method)
        holding.attach_to(act, method, customer["id"])
    _change(act, customer)
    act.save("customers", customer)
    act.emit("customer.created", customer)
    return shown(customer)


@route("GET", "/v1/customers", f"email {listing.PAGING}")
def listed(act: Act) -> Json:
    """All that were not deleted."""
    return listing.listed(act, "customers", "/v1/customers", ("email",), _deleted=None)


@route("GET", "/v1/customers/search", "query limit page")
def search(act: Act) -> Json:
    """Those that meet a query."""
    return listing.searched(act, "customers", "/v1/customers/search")


@route("GET", "/v1/customers/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One; of a deleted one only that it was."""
    customer = act.fetch("customers", identifier)
    return _gone(identifier) if customer.get("_deleted") else shown(customer)


@route("POST", "/v1/customers/{id}", _KNOWN)
def update(act: Act, identifier: str) -> Json:
    """Change it; the default method must be attached to it."""
    customer = living(act, identifier)
    before = {**customer, "invoice_settings": dict(customer["invoice_settings"])}
    _change(act, customer)
    act.save("customers", customer)
    act.emit_changes("customer.updated", customer, before)
    return shown(customer)


@route("DELETE", "/v1/customers/{id}")
def delete(act: Act, identifier: str) -> Json:
    """Delete it for ever; its methods are detached."""
    customer = living(act, identifier)
    for method in act.books.find("payment_methods", customer=identifier):
        holding.detach_from(act, method)
    customer["_deleted"] = True
    act.save("customers", customer)
    watching.tell(act, "customer.deleted", customer)
    act.emit("customer.deleted", customer)
    return _gone(identifier)


@route("GET", "/v1/customers/{id}/payment_methods", f"type allow_redisplay {listing.PAGING}")
def methods(act: Act, identifier: str) -> Json:
    """What is attached to it."""
    living(act, identifier)
    url = f"/v1/customers/{identifier}/payment_methods"
    return listing.listed(act, "payment_methods", url, ("type", "allow_redisplay"), customer=identifier)


@route("GET", "/v1/customers/{id}/payment_methods/{id}")
def method(act: Act, identifier: str, method_id: str) -> Json:
    """One of its methods; another's is not there."""
    living(act, identifier)
    found = act.books.get("payment_methods", method_id)
    if found is None or found["customer"] != identifier:
        raise missing("PaymentMethod", method_id, param="payment_method")
    return shown(found)


def living(act: Act, identifier: str, *, param: str | None = None) -> Json:
    """The customer, unless it was deleted. Raises Problem (resource_missing)."""
    customer = act.fetch("customers", identifier, param=param)
    if customer.get("_deleted"):
        raise missing("customer", identifier, param=param or "id", status=400 if param else 404)
    return customer


def _gone(identifier: str) -> Json:
    return {"id": identifier, "object": "customer", "deleted": True}


def _change(act: Act, customer: Json) -> None:
    for name in _TEXTS:
        if name in act.params:
            customer[name] = given.text(act.params, name)
    if "address" in act.params:
        address = given.group(act.params, "address", _ADDRESS)
        customer["address"] = {key: address.get(key) or None for key in _ADDRESS} if address else None
    if "preferred_locales" in act.params:
        customer["preferred_locales"] = act.params["preferred_locales"] or []
    customer["metadata"] = given.metadata(act.params, customer["metadata"])
    settings = given.group(act.params, "invoice_settings", ("default_payment_method",))
    if "default_payment_method" in settings:
        default = given.text(settings, "default_payment_method")
        if default:
            found = act.fetch("payment_methods", default, param="invoice_settings[default_payment_method]")
            if found["customer"] != customer["id"]:
                raise Problem(
                    "The customer does not have a payment method with the ID "
                    f"{default}. The payment method must be attached to the customer.",
                    code="resource_missing",
                    param="invoice_settings[default_payment_method]",
                )
        customer["invoice_settings"]["default_payment_method"] = default
