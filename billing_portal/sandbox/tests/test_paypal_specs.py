"""The stand-in held against PayPal's own OpenAPI files, which PAYPAL_SPECS_DIR names; skipped without them.

When they are there, every call of the other tests is held against them too.
"""

import json
import os
from pathlib import Path

import pytest

from billing_portal.sandbox.paypal.checking import VARIABLE, NotAsSpecifiedError
from billing_portal.sandbox.paypal.problems import _FILE, sentence, status_of
from billing_portal.sandbox.paypal.routing import ROUTES
from billing_portal.sandbox.tests.paypal_fixtures import specs

FOLDER = os.environ.get(VARIABLE)
needs_specs = pytest.mark.skipif(not FOLDER, reason=f"{VARIABLE} names no folder of PayPal's OpenAPI files")
# What the files leave out: OAuth, IPN, certificates, disputes.
UNTOLD = {
    "POST /v1/oauth2/token",
    "POST /cgi-bin/webscr",
    "GET /v1/notifications/certs/{certificate}",
    "GET /v1/customer/disputes",
    "GET /v1/customer/disputes/{id}",
}


@needs_specs
def test_every_route_is_one_of_paypals():
    known = set()
    for file in Path(FOLDER).glob("*_v?.json"):
        for path, methods in json.loads(file.read_text())["paths"].items():
            known |= {f"{method.upper()} {path}" for method in methods}
    assert {route.endpoint for route in ROUTES} - known == UNTOLD


@needs_specs
def test_the_sentences_are_paypals_word_for_word():
    issues = json.loads((Path(FOLDER) / "issues.json").read_text())
    checked = 0
    for key, names in _FILE["issues"].items():
        endpoint, _, status = key.rpartition(" ")
        for name in names.split():
            assert sentence(endpoint, int(status), name) == issues[key][name], (key, name)
            checked += 1
    assert checked > 250


@needs_specs
def test_what_happens_is_as_specified_and_what_is_not_is_noticed(api, paypal):
    api.paid()
    api.subscribed()
    assert type(api.http._transport).__name__ == "CheckedTransport"
    checker = specs(FOLDER)
    order = api.objects("orders")[0]
    path = f"/v2/checkout/orders/{order['id']}"

    def check(answer, status=200):
        return checker.check("GET", path, b"", status, json.dumps(answer).encode())

    assert check(order)
    for wrong in (
        {**order, "status": "PAID"},
        {**order, "colour": "red"},
        {**order, "purchase_units": [{**order["purchase_units"][0], "amount": {"value": "29.00"}}]},
        {**order, "payer": {**order["payer"], "payer_id": "0123456789ABC"}},
    ):
        with pytest.raises(NotAsSpecifiedError):
            check(wrong)
    with pytest.raises(NotAsSpecifiedError, match="202 is none of"):
        check(order, 202)
    with pytest.raises(NotAsSpecifiedError):
        check({"name": "RESOURCE_NOT_FOUND", "message": "Nothing here."}, 404)
    assert not checker.check("GET", "/v2/unicorns", b"", 200, b"{}")


@needs_specs
def test_events_are_as_specified(api, paypal):
    capture = api.paid()
    api.refund(capture, "9.00")
    api.panel("POST", "settle", {"id": capture["id"], "outcome": "reversed"})
    api.subscribed()
    checker = specs(FOLDER)
    shapes = {
        "capture": f"/v2/payments/captures/{capture['id']}",
        "checkout-order": f"/v2/checkout/orders/{capture['id']}",
        "sale": "/v1/payments/sale/1",
        "subscription": "/v1/billing/subscriptions/1",
        "refund": "/v2/payments/refunds/1",
    }
    seen = set()
    for event in api.objects("events"):
        path = shapes[event["resource_type"]]
        assert checker.check("GET", path, b"", 200, json.dumps(event["resource"]).encode())
        seen.add(event["resource_type"])
    assert seen == set(shapes) - {"sale"} | {"sale"}


def test_an_issue_brings_its_status_along():
    assert status_of("POST /v2/checkout/orders/{id}/capture", "PERMISSION_DENIED") == 403
    assert status_of("POST /v2/payments/captures/{capture_id}/refund", "PREVIOUS_REQUEST_IN_PROGRESS") == 409
    assert status_of("POST /v2/checkout/orders", "PAYPAL_REQUEST_ID_REQUIRED") == 400
    assert status_of("POST /v2/checkout/orders", "NEVER_HEARD_OF") == 422
