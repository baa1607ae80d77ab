"""One request id, one effect: repeated answers, refused reuse, 409 while under way, forgotten in time; and tokens."""

import threading

import pytest

from billing_portal.sandbox.paypal.app import PayPalSandbox
from billing_portal.sandbox.tests.paypal_fixtures import CONTEXT, EXAMPLE_PLAN, WHOLE, PayPalApi, captured
from billing_portal.testing import at_once, wait_until

ORDERS = "/v2/checkout/orders"
ASKED = {"intent": "CAPTURE", "purchase_units": [{"amount": {"currency_code": "USD", "value": "29.00"}}]}


def test_the_same_id_repeats_the_same_answer_with_200(api):
    first, second = (api.ask("POST", ORDERS, ASKED, "order:1") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() and len(api.objects("orders")) == 1
    assert [entry["replayed"] for entry in api.panel("GET", "log")][-2:] == [False, True]
    assert api.panel("GET", "log")[-1]["idempotencyKey"] == "order:1"


def test_a_capture_and_a_refund_are_repeated_too(api):
    order = api.order()
    api.decide(order)
    first, second = api.capture(order, "cap:1"), api.capture(order, "cap:1")
    assert (first.status_code, second.status_code) == (201, 200) and first.json() == second.json()
    capture = captured(first.json())
    given = [api.refund(capture, "9.00", request_id="ref:1") for _ in range(2)]
    assert given[0].json()["id"] == given[1].json()["id"]
    assert [effect["kind"] for effect in api.effects()] == ["capture", "refund"]


def test_an_id_is_for_one_body_at_one_place(api):
    api.ok("POST", ORDERS, ASKED, "order:1")
    other = {**ASKED, "purchase_units": [{"amount": {"currency_code": "USD", "value": "30.00"}}]}
    assert api.refused("POST", ORDERS, other, "order:1") == (422, "DUPLICATE_REQUEST_ID")
    product = {"name": "Seats", "type": "SERVICE"}
    assert api.ask("POST", "/v1/catalogs/products", product, "order:1").status_code == 201
    assert api.refused("POST", ORDERS, ASKED, "x" * 109) == (400, "INVALID_STRING_LENGTH")


def test_what_was_refused_may_be_sent_again(api):
    order = api.order()
    assert api.capture(order, "cap:1").status_code == 422
    api.decide(order)
    assert api.capture(order, "cap:1").status_code == 201


def test_while_one_is_under_way_the_other_is_told_so(api):
    order = api.order()
    api.decide(order)
    api.panel("POST", "faults", {"path": "*/capture", "fault": "delay", "seconds": 0.4})
    first = threading.Thread(target=api.capture, args=(order, "cap:1"))
    first.start()
    wait_until(lambda: api.objects("captures"))
    second = api.capture(order, "cap:1")
    assert (second.status_code, second.json()["details"][0]["issue"]) == (409, "PREVIOUS_REQUEST_IN_PROGRESS")
    first.join()
    assert api.capture(order, "cap:1").status_code == 200 and len(api.objects("captures")) == 1


def test_forty_at_once_under_one_id_are_one_capture(api):
    order = api.order()
    api.decide(order)

    def capture():
        return wait_until(lambda: (answer := api.capture(order, "cap:1")).is_success and answer).json()["id"]

    outcomes = at_once(40, capture)
    assert set(outcomes) == {order["id"]} and len(api.objects("captures")) == 1 and len(api.effects()) == 1


@pytest.mark.parametrize(
    ("path", "still", "forgotten"),
    [
        ("orders", "2026-11-01T05:59:59Z", "2026-11-01T06:00:00Z"),
        ("subscriptions", "2026-11-03T23:59:59Z", "2026-11-04T00:00:00Z"),
        ("refunds", "2026-12-15T23:59:59Z", "2026-12-16T00:00:00Z"),
    ],
)
def test_each_api_remembers_for_its_own_time(api, path, still, forgotten):
    api.panel("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    capture = api.paid()
    asked = {
        "orders": (ORDERS, ASKED),
        "subscriptions": ("/v1/billing/subscriptions", {"plan_id": EXAMPLE_PLAN, "application_context": CONTEXT}),
        "refunds": (
            f"/v2/payments/captures/{capture['id']}/refund",
            {"amount": {"currency_code": "USD", "value": "1.00"}},
        ),
    }[path]
    first = api.ok("POST", *asked, "id:1")["id"]
    for now, same in ((still, True), (forgotten, False)):
        api.panel("POST", "clock", {"now": now})
        api.sign_in()
        assert (api.ok("POST", *asked, "id:1")["id"] == first) == same


def test_books_ids_keys_and_plans_survive_a_restart(tmp_path):
    first = PayPalSandbox(tmp_path / "paypal")
    api = PayPalApi(first)
    order = api.order(request_id="order:1")
    api.decide(order)
    capture = captured(api.capture(order, "cap:1").json())
    facts = (first.client_id, first.client_secret, first.webhook_id, first.merchant_id, first.root_pem)
    certificate = first.webhooks.certificate_url
    token = api.http.headers["Authorization"]
    first.close()
    second = PayPalSandbox(tmp_path / "paypal")
    assert facts == (second.client_id, second.client_secret, second.webhook_id, second.merchant_id, second.root_pem)
    assert second.webhooks.certificate_url == certificate
    assert (tmp_path / "paypal" / "paypal-root.pem").read_text() == second.root_pem
    again = PayPalApi(second)
    again.http.headers["Authorization"] = token
    assert again.capture(order, "cap:1").status_code == 200
    assert [each["id"] for each in again.objects("captures")] == [capture["id"]]
    assert again.objects("plans")[0]["id"] == EXAMPLE_PLAN
    second.close()


def test_a_token_is_bought_with_the_right_secret_and_ends_after_nine_hours(api, paypal):
    def buy(name, secret, grant="client_credentials"):
        return api.http.post("/v1/oauth2/token", auth=(name, secret), data={"grant_type": grant})

    bought = buy(paypal.client_id, paypal.client_secret).json()
    assert (bought["token_type"], bought["expires_in"]) == ("Bearer", 32_400)
    for name, secret in ((paypal.client_id, "wrong"), ("wrong", paypal.client_secret), ("", "")):
        assert (buy(name, secret).status_code, buy(name, secret).json()["error"]) == (401, "invalid_client")
    assert buy(paypal.client_id, paypal.client_secret, "password").json()["error"] == "unsupported_grant_type"
    api.panel("POST", "clock", {"now": "2090-01-01T00:00:00Z"})
    late = api.ask("GET", f"{ORDERS}/NONE")
    assert (late.status_code, late.json()["error"]) == (401, "invalid_token")
    api.sign_in()
    assert api.ask("GET", f"{ORDERS}/NONE").status_code == 404
    del api.http.headers["Authorization"]
    assert api.refused("GET", f"{ORDERS}/NONE") == (401, "AUTHENTICATION_FAILURE")


def test_a_body_is_json_and_says_so(api):
    path = ORDERS
    assert api.http.post(path, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert api.http.post(path, content=b"[]", headers={"Content-Type": "application/json"}).status_code == 400
    form = api.http.post(path, data={"intent": "CAPTURE"}, headers=WHOLE)
    assert (form.status_code, form.json()["name"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert api.refused("POST", "/v2/unicorns", {}) == (404, "INVALID_RESOURCE_ID")
