"""Every path of the API, and the probes, by every method: an answer, or a problem document, and never a breakdown."""

import pytest
from django.test import Client

from billing_portal.tenants.tests.people import a_user, client_of
from billing_portal.tests.houses import house, values_of
from billing_portal.tests.routes import Route, routes

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
READ_ONLY = {"healthz", "readyz", "schema", "docs"}
WALKED = [route for route in routes() if route.is_api or route.name in READ_ONLY]


def taken(route: Route) -> set[str]:
    """The methods that a path takes. What takes nothing but reading says nothing more about itself, either."""
    if route.name in READ_ONLY:
        return {"GET", "HEAD"}
    return {*route.methods, "OPTIONS", *(["HEAD"] if "GET" in route.methods else [])}


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("route", [pytest.param(route, id=route.name) for route in WALKED])
def test_a_method_is_taken_or_answered_by_a_problem_document(route: Route, verb: str) -> None:
    acme = house("acme")
    boss = client_of(a_user("root@portal.example", is_staff=True, is_superuser=True), tenant="acme")
    for client in (boss, Client(enforce_csrf_checks=True)):
        answer = client.generic(verb, route.url(**values_of(route, acme)), "")
        if verb not in taken(route):
            assert answer.status_code in ({405} if client is boss or route.name in READ_ONLY else {401, 405})
        if answer.status_code >= 400 and verb != "HEAD" and route.name != "readyz":
            assert answer["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code
        if answer.status_code == 405:
            assert set(answer["Allow"].split(", ")) == taken(route)
