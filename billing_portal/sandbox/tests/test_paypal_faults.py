"""Misbehaviour on request, as a client sees it, and what is true afterwards; and the panel's own door."""

import json

import httpx
import pytest

from billing_portal.sandbox.tests.paypal_fixtures import HOOK, captured

CAPTURE = "/v2/checkout/orders/*/capture"


@pytest.mark.parametrize(
    ("fault", "outcome", "captures"),
    [
        ({"fault": "drop_before"}, httpx.RemoteProtocolError, 0),
        ({"fault": "drop_after"}, httpx.RemoteProtocolError, 1),
        ({"fault": "delay", "seconds": 60}, httpx.ReadTimeout, 1),
        ({"fault": "html_500"}, 500, 0),
        ({"fault": "status", "status": 503}, 503, 0),
        ({"fault": "status", "status": 409}, 409, 0),
        ({"fault": "rate_limit"}, 429, 0),
        ({"fault": "token_revoked"}, 401, 0),
        ({"fault": "garbage"}, 201, 1),
    ],
)
def test_each_fault_and_its_truth(api, fault, outcome, captures):
    order = api.order()
    api.decide(order)
    api.panel("POST", "faults", {"method": "POST", "path": CAPTURE, **fault})
    if isinstance(outcome, int):
        answer = api.capture(order, "cap:1")
        assert answer.status_code == outcome
        if fault["fault"] in ("html_500", "garbage"):
            with pytest.raises(json.JSONDecodeError):
                answer.json()
    else:
        with pytest.raises(outcome):
            api.capture(order, "cap:1")
    assert len(api.objects("captures")) == captures
    if fault["fault"] == "token_revoked":
        assert answer.json()["error"] == "invalid_token"
        assert api.ask("GET", f"/v2/checkout/orders/{order['id']}").status_code == 401
        api.sign_in()
    again = api.capture(order, "cap:1")
    assert again.status_code == (200 if captures else 201)
    assert captured(again.json())["id"] == api.objects("captures")[0]["id"]
    assert len(api.objects("captures")) == 1 and len(api.effects()) == 1


def test_the_errors_of_the_api_itself_are_paypals(api):
    for status, name in ((500, "INTERNAL_SERVER_ERROR"), (503, "SERVICE_UNAVAILABLE"), (409, "RESOURCE_CONFLICT")):
        api.panel("POST", "faults", {"path": "*", "fault": "status", "status": status})
        assert api.refused("GET", "/v2/checkout/orders/NONE") == (status, name)
    api.panel("POST", "faults", {"path": "*", "fault": "rate_limit"})
    assert api.refused("GET", "/v2/checkout/orders/NONE") == (429, "RATE_LIMIT_REACHED")


def test_what_was_lost_before_anything_happened_stands_in_the_log(api):
    order = api.order()
    api.panel("POST", "faults", {"path": CAPTURE, "fault": "drop_before"})
    with pytest.raises(httpx.RemoteProtocolError):
        api.capture(order, "cap:1")
    assert api.panel("GET", "log")[-1] | {"at": ""} == {
        "at": "",
        "method": "POST",
        "path": f"/v2/checkout/orders/{order['id']}/capture",
        "idempotencyKey": "cap:1",
        "status": None,
        "effect": None,
        "replayed": False,
    }


def test_faults_are_used_up_cleared_and_checked(api):
    api.panel("POST", "faults", {"path": "/v1/oauth2/token", "fault": "rate_limit", "times": 2})
    assert [api.http.post("/v1/oauth2/token").status_code for _ in range(3)] == [429, 429, 401]
    api.panel("POST", "faults", {"path": "*", "fault": "rate_limit"})
    api.panel("DELETE", "faults")
    assert api.ask("GET", "/v2/checkout/orders/NONE").status_code == 404
    for wrong in (
        {"path": "*", "fault": "earthquake"},
        {"fault": "garbage"},
        {"path": "*", "fault": "garbage", "x": 1},
    ):
        assert api.http.post("/__sandbox/faults", json=wrong).status_code == 400


def test_the_panel_is_for_this_machine_and_says_what_is_wrong(api):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert api.http.post("/__sandbox/reset", headers=headers).status_code == 403
    order = api.order()
    for path, content, status in (
        ("settle", {"id": "NONE", "outcome": "succeeded"}, 404),
        ("settle", {"id": order["id"], "outcome": "succeeded"}, 400),
        ("settle", {"id": order["id"], "outcome": "vanished"}, 400),
        ("refund", {"id": "NONE"}, 404),
        ("bill", {"subscriptionId": "I-NONE", "outcome": "paid"}, 404),
        ("authenticate", {"id": "NONE", "outcome": "succeeded"}, 404),
        ("authenticate", {"id": order["id"], "outcome": "perhaps"}, 400),
        ("clock", {"now": "yesterday"}, 400),
        ("nothing", {}, 404),
    ):
        answer = api.http.post(f"/__sandbox/{path}", json=content)
        assert (answer.status_code, bool(answer.json()["message"])) == (status, True), path
    assert api.http.get("/__sandbox/objects/unicorns").status_code == 404


def test_the_panel_decides_for_the_payer_and_for_the_approval(api):
    first, second, third = (api.order() for _ in range(3))
    assert (
        api.panel("POST", "authenticate", {"id": first["id"], "outcome": "failed"})["status"] == "PAYER_ACTION_REQUIRED"
    )
    for order in (first, second):
        assert api.panel("POST", "authenticate", {"id": order["id"], "outcome": "succeeded"})["status"] == "APPROVED"
    twice = {"id": first["id"], "outcome": "succeeded"}
    assert api.http.post("/__sandbox/authenticate", json=twice).status_code == 400
    assert api.panel("POST", "settle", {"id": second["id"], "outcome": "reversed"})["status"] == "VOIDED"
    assert api.capture(first).status_code == 201 and api.capture(third).status_code == 422


def test_a_reset_forgets_all_but_what_the_portal_is_set_up_with(api, paypal):
    api.paid()
    api.subscribed()
    before = (paypal.webhook_id, paypal.webhooks.certificate_url)
    api.panel("POST", "reset")
    assert [api.objects(kind) for kind in ("orders", "captures", "sales", "subscriptions", "events", "ipns")] == [
        []
    ] * 6
    assert api.panel("GET", "log") == [] and paypal.deliver() == []
    assert len(api.objects("plans")) == 1 and before == (paypal.webhook_id, paypal.webhooks.certificate_url)
    assert api.paid()["status"] == "COMPLETED"  # its token is good still
    assert api.ask("GET", "/v1/notifications/webhooks").json()["webhooks"][0]["url"] == HOOK


def test_objects_are_shown_as_paypal_shows_them(api):
    api.paid()
    api.subscribed()
    for kind in ("orders", "captures", "sales", "subscriptions", "plans", "products", "events", "ipns"):
        things = api.objects(kind)
        assert things, kind
        assert not [name for thing in things for name in thing if name.startswith("_")]
