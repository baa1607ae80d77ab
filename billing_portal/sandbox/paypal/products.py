"""Products: what a plan belongs to. https://developer.paypal.com/docs/api/catalog-products/v1/"""

from billing_portal.sandbox.books import Json, shown
from billing_portal.sandbox.paypal import ids, listing
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.routing import HOURS_72, route
from billing_portal.sandbox.paypal.shapes import URL as WEB_ADDRESS
from billing_portal.sandbox.paypal.shapes import Group, Text, body

URL = "/v1/catalogs/products"
_PRODUCT = Group(
    {
        "id": Text(50, 6),
        "name": Text(127),
        "description": Text(256),
        "type": Text(choices=("PHYSICAL", "DIGITAL", "SERVICE")),
        "category": Text(256, 4),
        "image_url": WEB_ADDRESS,
        "home_url": WEB_ADDRESS,
    },
    ("name", "type"),
)


@route("POST", URL, remembers=HOURS_72)
def create(act: Act) -> tuple[Json, int]:
    """Make one, under an id of the caller's own if it has one."""
    asked = body(act, _PRODUCT)
    if act.books.get("products", asked.get("id")):
        raise act.refuse(422, "DUPLICATE_RESOURCE_IDENTIFIER", field="/id", value=asked["id"])
    product: Json = {"id": ids.product(), **asked, "create_time": act.time, "update_time": act.time}
    whole = view(act, act.save("products", product))
    return (whole if act.full else _little(whole)), 201


@route("GET", URL)
def listed(act: Act) -> tuple[Json, int]:
    """All, oldest first."""
    found = [_little(view(act, each)) for each in act.books.find("products")]
    return listing.paged(act, "products", found, URL), 200


@route("GET", URL + "/{product_id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One."""
    return view(act, act.fetch("products", identifier)), 200


def view(act: Act, product: Json) -> Json:
    """The product as PayPal shows it."""
    return {**shown(product), "links": [act.link("self", f"{URL}/{product['id']}")]}


def _little(product: Json) -> Json:
    little = ("id", "name", "description", "create_time", "links")
    return {name: product[name] for name in little if name in product}
