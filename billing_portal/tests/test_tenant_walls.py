"""Another tenant's object answers like one that does not exist: every path with an id, every method, every caller.

Grows by itself with the paths. A path with a new kind of id needs one line in `houses.OBJECTS`.
"""

import json
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from billing_portal.tenants.tests.people import a_key, a_user, bearer, client_of
from billing_portal.tests import world
from billing_portal.tests.houses import NO_OBJECTS, PROVIDERS_OWN, QUERIES, House, address, house, values_of
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.routes import Route, routes
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Payment

# What a POST to a path must hold to get as far as looking for the object: the path's name → the body.
BODIES: dict[str, dict[str, Any]] = {
    "invoice-pay": {"paymentMethod": {"type": "card", "stripePaymentMethodId": "pm_card_visa"}},
}

WITH_IDS = [route for route in routes() if set(route.kwargs) - NO_OBJECTS]
# Those that show something by an id of our own.
OURS = [
    each for each in WITH_IDS if each.is_api and "GET" in each.methods and PROVIDERS_OWN.keys().isdisjoint(each.kwargs)
]
CASES = [pytest.param(route, method, id=f"{method} {route.name}") for route in WITH_IDS for method in route.methods]


def callers(route: Route, mine: House) -> dict[str, Client]:
    """Whoever has the most to say in the tenant: its owner, a key with every scope, a superuser acting for it."""
    owner = world.member(mine.tenant, "owner")
    if not route.is_api:
        browser = Client()
        browser.force_login(owner)
        return {"owner": browser}
    boss = a_user("root@portal.example", is_staff=True, is_superuser=True)
    return {
        "owner": client_of(owner),
        "key": bearer(a_key(mine.tenant)),
        "superuser": client_of(boss, tenant=mine.tenant.slug),
    }


def ask(client: Client, method: str, url: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Status and body, without what differs by nature: the request's id, tokens of the page."""
    kind = {} if method == "GET" else {"content_type": "application/json"}
    response = client.generic(method, url, "" if method == "GET" else json.dumps(body), **kind)
    if response.status_code == 405:
        return 405, None  # a function view that only reads
    if "json" in response.get("Content-Type", ""):
        return response.status_code, {**response.json(), "requestId": None}
    return response.status_code, response.getvalue().decode().replace(response.headers.get("X-Request-Id", "-"), "")


def _unknown(name: str) -> Any:
    """An id that nothing has."""
    return PROVIDERS_OWN[name].format(uuid4().hex) if name in PROVIDERS_OWN else uuid4()


@pytest.mark.django_db
@pytest.mark.parametrize(("route", "method"), CASES)
def test_anothers_object_is_as_if_it_did_not_exist(
    route: Route, method: str, stripe: StripeWorld, paypal: PayPalWorld
) -> None:
    mine, theirs = house("acme", stripe), house("globex", stripe)
    own, foreign = values_of(route, mine), values_of(route, theirs)
    nothing = {name: _unknown(name) for name in own}
    body = BODIES.get(route.name, {})
    for who, client in callers(route, mine).items():
        for mixture in product((False, True), repeat=len(own)):  # own invoice with another's line, and the like
            if not any(mixture):
                continue
            names = list(zip(own, mixture, strict=True))
            asked = route.url(**{name: foreign[name] if is_foreign else own[name] for name, is_foreign in names})
            compared = route.url(**{name: nothing[name] if is_foreign else own[name] for name, is_foreign in names})
            got, expected = ask(client, method, asked, body), ask(client, method, compared, body)
            if got[0] == 405:
                continue
            assert got == expected, f"{who}: {method} {asked} tells that the object exists"
            # Who may not do such a thing at all hears that first; a superuser may, and so does the owner of a page.
            allowed = (404,) if who == "superuser" or not route.is_api else (404, 403)
            assert got[0] in allowed, f"{who}: {method} {asked}"


@pytest.mark.django_db
@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in WITH_IDS if "GET" in route.methods])
def test_ones_own_object_is_there(route: Route, stripe: StripeWorld) -> None:
    """The control: without it the test above could pass because nothing is ever found."""
    mine = house("acme", stripe)
    client = callers(route, mine)["owner"]
    status, _ = ask(client, "GET", route.url(**values_of(route, mine)), {})
    # 302: its payment and its subscription wait for nobody's confirming, so these pages lead to how they stand.
    leads_on = route.name in ("payment-confirm-page", "subscription-confirm-page")
    assert status in ((302,) if leads_on else (200, 405))


@pytest.mark.django_db
@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in routes() if route.name in QUERIES])
def test_a_page_finds_nothing_of_anothers_by_its_query(route: Route) -> None:
    mine, theirs = house("acme"), house("globex")
    client = callers(route, mine)["owner"]
    unknown = route.url() + "?token=5O190127TN364715T"
    for method in ("GET", "POST"):
        got, expected = ask(client, method, address(route, theirs), {}), ask(client, method, unknown, {})
        assert got == expected
        assert got[0] in (404, 405)
    assert ask(client, "GET", address(route, mine), {})[0] == 302


@pytest.mark.django_db
@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in OURS])
def test_an_id_in_capitals_is_the_same_object_and_the_wall_holds(route: Route) -> None:
    mine, theirs = house("acme"), house("globex")
    client = callers(route, mine)["owner"]

    def asked(ids: dict[str, Any]) -> tuple[int, Any]:
        url = route.url(**ids)
        for one in ids.values():
            url = url.replace(str(one), str(one).upper())
        return ask(client, "GET", url, {})

    own = values_of(route, mine)
    status, body = asked(own)
    assert (status, body["id"]) == (200, str(next(iter(own.values()))))
    assert asked(values_of(route, theirs)) == ask(client, "GET", route.url(**dict.fromkeys(own, uuid4())), {})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "route", [pytest.param(route, id=route.name) for route in routes() if route.is_api and not route.kwargs]
)
def test_naming_anothers_tenant_is_like_naming_none_that_exists(route: Route) -> None:
    owner = world.member(world.tenant("acme"))
    world.tenant("globex")
    for method in route.methods:
        theirs = ask(client_of(owner, tenant="globex"), method, route.url(), {})
        nobodys = ask(client_of(owner, tenant="nowhere"), method, route.url(), {})
        if route.name.startswith(("api-auth-", "schema", "docs", "subscription-plans")):
            continue  # these act for no tenant
        assert theirs == nobodys
        assert theirs[0] == 404


@pytest.mark.django_db
def test_anothers_invoice_cannot_be_named_inside_of_a_request() -> None:
    mine, theirs = house("acme"), house("globex")
    client = client_of(world.member(mine.tenant))
    bodies = [
        {"amount": 100, "currency": "usd", "paymentMethod": {"type": "manual", "kind": "check"}, "invoiceId": str(one)}
        for one in (theirs.invoice.id, uuid4())
    ]
    before = Payment.objects.count()
    got, expected = (ask(client, "POST", "/api/payments", body) for body in bodies)
    assert got == expected
    assert 400 <= got[0] < 500
    assert Payment.objects.count() == before
    lists = [ask(client, "GET", f"/api/payments?invoiceId={one}", {}) for one in (theirs.invoice.id, uuid4())]
    assert lists[0] == lists[1] == (200, {"count": 0, "next": None, "previous": None, "results": [], "requestId": None})
