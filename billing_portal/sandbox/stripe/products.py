"""Products: what is sold, under an id of its own when one is given. https://docs.stripe.com/api/products"""

from billing_portal.sandbox.stripe import listing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act, changes
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.problems import Problem
from billing_portal.sandbox.stripe.routing import route

_URL = "/v1/products"
_WORDS = "active description metadata name"


@route("POST", _URL, f"id {_WORDS}")
def create(act: Act) -> Json:
    """Make one. An id that is taken is refused, so that a catalogue may be sent twice."""
    given.required(act.params, "name")
    identifier = given.text(act.params, "id") or random_id("prod", 14)
    if act.books.get("products", identifier):
        raise Problem(f"Product already exists: {identifier}", code="resource_already_exists", param="id")
    product: Json = {
        "id": identifier,
        "object": "product",
        "active": True,
        "created": act.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": act.now,
        "url": None,
    }
    _change(act, product)
    act.save("products", product)
    act.emit("product.created", product)
    return shown(product)


@route("GET", _URL, f"active ids {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first."""
    fixed: Json = {"active": given.flag(act.params, "active")} if "active" in act.params else {}
    return listing.listed(act, "products", _URL, only=act.params.get("ids"), **fixed)


@route("GET", _URL + "/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(act.fetch("products", identifier))


@route("POST", _URL + "/{id}", _WORDS)
def update(act: Act, identifier: str) -> Json:
    """Change its words, or take it from sale."""
    product = act.fetch("products", identifier)
    before = dict(product)
    _change(act, product)
    if previous := changes(before, product):
        product["updated"] = act.now
        act.save("products", product)
        act.emit("product.updated", product, previous)
    return shown(product)


def _change(act: Act, product: Json) -> None:
    if "name" in act.params:
        product["name"] = given.required(act.params, "name")
    if "description" in act.params:
        product["description"] = given.text(act.params, "description")
    product["active"] = given.flag(act.params, "active", default=product["active"])
    product["metadata"] = given.metadata(act.params, product["metadata"])
