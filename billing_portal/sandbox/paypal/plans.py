"""Plans: a product's price and rhythm. https://developer.paypal.com/docs/api/subscriptions/v1/#plans

The stand-in takes plans of one regular cycle with a fixed price, with or without a trial before it.
"""

from billing_portal.sandbox.books import Books, Json, shown
from billing_portal.sandbox.paypal import ids, listing, money
from billing_portal.sandbox.paypal.acts import Act, stamp
from billing_portal.sandbox.paypal.routing import HOURS_72, route
from billing_portal.sandbox.paypal.shapes import Amount, Flag, Group, Many, Text, Whole, body, paid

URL = "/v1/billing/plans"
# The plan of PayPal's own examples, here from the start: professional by the month in dollars, for each seat.
EXAMPLE_PRODUCT, EXAMPLE_PLAN = "PROD-XXCD1234QWER65782", "P-5ML4271244454362WXNWU5NQ"
_CYCLE = Group(
    {
        "frequency": Group(
            {"interval_unit": Text(choices=("DAY", "WEEK", "MONTH", "YEAR")), "interval_count": Whole(1, 365)},
            ("interval_unit",),
        ),
        "tenure_type": Text(choices=("REGULAR", "TRIAL")),
        "sequence": Whole(1, 99),
        "total_cycles": Whole(0, 999),
        "pricing_scheme": Group({"fixed_price": Amount()}, ("fixed_price",)),
    },
    ("frequency", "tenure_type", "sequence"),
)
_PLAN = Group(
    {
        "product_id": Text(50, 6),
        "name": Text(127),
        "status": Text(choices=("CREATED", "INACTIVE", "ACTIVE")),
        "description": Text(127),
        "billing_cycles": Many(_CYCLE, 1, 12),
        "payment_preferences": Group(
            {
                "auto_bill_outstanding": Flag(),
                "setup_fee": Amount(),
                "setup_fee_failure_action": Text(choices=("CONTINUE", "CANCEL")),
                "payment_failure_threshold": Whole(),
            }
        ),
        "taxes": Group({"percentage": Text(10, pattern=r"\d+(\.\d+)?"), "inclusive": Flag()}, ("percentage",)),
        "quantity_supported": Flag(),
    },
    ("product_id", "name", "billing_cycles", "payment_preferences"),
)


@route("POST", URL, remembers=HOURS_72)
def create(act: Act) -> tuple[Json, int]:
    """Make one; ACTIVE unless it says otherwise."""
    asked = body(act, _PLAN)
    if act.books.get("products", asked["product_id"]) is None:
        raise act.refuse(404, "INVALID_RESOURCE_ID", field="/product_id", value=asked["product_id"])
    cycles = asked["billing_cycles"]
    if sorted(cycle["sequence"] for cycle in cycles) != list(range(1, len(cycles) + 1)):
        raise act.refuse(422, "INVALID_BILLING_CYCLE_SEQUENCE", field="/billing_cycles")
    regular = [cycle for cycle in cycles if cycle["tenure_type"] == "REGULAR"]
    if len(regular) != 1 or "pricing_scheme" not in regular[0]:
        issue = "MISSING_REGULAR_BILLING_CYCLE" if not regular else "MULTIPLE_REGULAR_BILLING_CYCLES_NOT_SUPPORTED"
        raise act.refuse(422, issue, field="/billing_cycles")
    prices = [cycle["pricing_scheme"]["fixed_price"] for cycle in cycles if "pricing_scheme" in cycle]
    for price in prices:
        paid(act, price, "/billing_cycles/pricing_scheme/fixed_price", zero=True)
    if len({price["currency_code"] for price in prices}) > 1:
        raise act.refuse(422, "CURRENCY_MISMATCH", field="/billing_cycles")
    plan = _plan(asked, act.time)
    whole = view(act, act.save("plans", plan))
    return (whole if act.full else _little(whole)), 201


@route("GET", URL)
def listed(act: Act) -> tuple[Json, int]:
    """All, oldest first; `product_id` and `plan_ids` narrow."""
    wanted = act.query.get("plan_ids", "").split(",") if act.query.get("plan_ids") else None
    product = act.query.get("product_id")
    found = [
        view(act, plan)
        for plan in act.books.find("plans")
        if (wanted is None or plan["id"] in wanted) and product in (None, plan["product_id"])
    ]
    return listing.paged(act, "plans", found if act.full else [_little(plan) for plan in found], URL), 200


@route("GET", URL + "/{id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One."""
    return view(act, act.fetch("plans", identifier)), 200


@route("POST", URL + "/{id}/activate", empty=True)
def activate(act: Act, identifier: str) -> tuple[None, int]:
    """People may subscribe to it."""
    return _switch(act, identifier, "ACTIVE", ("CREATED", "INACTIVE"))


@route("POST", URL + "/{id}/deactivate", empty=True)
def deactivate(act: Act, identifier: str) -> tuple[None, int]:
    """Nobody subscribes to it any more; who has it keeps it."""
    return _switch(act, identifier, "INACTIVE", ("ACTIVE",))


def seed(books: Books) -> None:
    """Put the example's product and plan into empty books."""
    if books.get("plans", EXAMPLE_PLAN):
        return
    at = stamp(books.now())
    product: Json = {"id": EXAMPLE_PRODUCT, "name": "Cloud call center", "type": "SERVICE", "category": "SOFTWARE"}
    plan: Json = {
        "product_id": EXAMPLE_PRODUCT,
        "name": "Professional, monthly",
        "billing_cycles": [
            {
                "frequency": {"interval_unit": "MONTH", "interval_count": 1},
                "tenure_type": "REGULAR",
                "sequence": 1,
                "total_cycles": 0,
                "pricing_scheme": {"fixed_price": money.of(2900, "USD")},
            }
        ],
        "payment_preferences": {"payment_failure_threshold": 3},
        "quantity_supported": True,
    }
    books.put("products", {**product, "create_time": at, "update_time": at})
    books.put("plans", {**_plan(plan, at), "id": EXAMPLE_PLAN})


def view(act: Act, plan: Json) -> Json:
    """The plan as PayPal shows it."""
    path = f"{URL}/{plan['id']}"
    switch = "deactivate" if plan["status"] == "ACTIVE" else "activate"
    links = [act.link("self", path), act.link(switch, f"{path}/{switch}", "POST")]
    return {**shown(plan), "links": links}


def regular(plan: Json) -> Json:
    """The cycle that goes on."""
    found: Json = next(cycle for cycle in plan["billing_cycles"] if cycle["tenure_type"] == "REGULAR")
    return found


def price(plan: Json) -> tuple[int, str]:
    """What one period costs, for each seat: the amount in PayPal's last decimal, and the currency."""
    fixed = regular(plan)["pricing_scheme"]["fixed_price"]
    return money.units(fixed["value"], fixed["currency_code"]), fixed["currency_code"]


def _plan(asked: Json, at: str) -> Json:
    preferences = {
        "auto_bill_outstanding": True,
        "setup_fee_failure_action": "CANCEL",
        "payment_failure_threshold": 0,
        **asked["payment_preferences"],
    }
    cycles = [{"total_cycles": 0 if c["tenure_type"] == "REGULAR" else 1, **c} for c in asked["billing_cycles"]]
    for cycle in cycles:
        cycle["frequency"] = {"interval_count": 1, **cycle["frequency"]}
        if "pricing_scheme" in cycle:
            cycle["pricing_scheme"] = {**cycle["pricing_scheme"], "version": 1, "create_time": at, "update_time": at}
    return {
        "id": ids.plan(),
        "status": "ACTIVE",
        "quantity_supported": False,
        **asked,
        "billing_cycles": cycles,
        "payment_preferences": preferences,
        "create_time": at,
        "update_time": at,
    }


def _little(plan: Json) -> Json:
    little = ("id", "product_id", "name", "status", "description", "create_time", "links")
    return {name: plan[name] for name in little if name in plan}


def _switch(act: Act, identifier: str, status: str, allowed: tuple[str, ...]) -> tuple[None, int]:
    plan = act.fetch("plans", identifier)
    if plan["status"] not in allowed:
        raise act.refuse(422, "PLAN_STATUS_INVALID")
    act.save("plans", {**plan, "status": status, "update_time": act.time})
    return None, 204
