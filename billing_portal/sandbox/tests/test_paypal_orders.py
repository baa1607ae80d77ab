"""Orders: from the request to the payer's page to one capture, and everything that can come between."""

import pytest

from billing_portal.sandbox.tests.paypal_fixtures import CANCEL, CONTEXT, RETURN, WALLET, captured, link
from billing_portal.testing import at_once

ORDERS = "/v2/checkout/orders"
USD = {"currency_code": "USD", "value": "29.00"}


def asked(**more):
    return {"intent": "CAPTURE", "purchase_units": [{"amount": USD}], **more}


def test_an_order_is_paid(api, hook, paypal):
    order = api.order(custom_id="pay-1", invoice_id="INV-1", description="October")
    assert (order["status"], link(order, "payer-action")) == (
        "PAYER_ACTION_REQUIRED",
        f"http://paypal.sandbox/checkoutnow?token={order['id']}",
    )
    page = api.http.get(link(order, "payer-action"))
    assert "29.00 USD" in page.text and "Pay Cloud Call Center" in page.text and "INV-1" in page.text
    assert "script" not in page.text
    back = api.decide(order)
    payer = api.ok("GET", f"{ORDERS}/{order['id']}")["payer"]["payer_id"]
    assert (back.status_code, back.headers["Location"]) == (302, f"{RETURN}?token={order['id']}&PayerID={payer}")
    done = api.capture(order, "cap:1")
    assert (done.status_code, done.json()["status"]) == (201, "COMPLETED")
    capture = captured(done.json())
    assert (capture["status"], capture["custom_id"], capture["invoice_id"]) == ("COMPLETED", "pay-1", "INV-1")
    assert {name: part["value"] for name, part in capture["seller_receivable_breakdown"].items()} == {
        "gross_amount": "29.00",
        "paypal_fee": "1.50",
        "net_amount": "27.50",
    }
    assert api.ok("GET", f"/v2/payments/captures/{capture['id']}")["supplementary_data"] == {
        "related_ids": {"order_id": order["id"]}
    }
    assert api.effects() == [
        {
            "kind": "capture",
            "id": capture["id"],
            "amount": 2900,
            "currency": "USD",
            "state": "COMPLETED",
            "metadata": {"custom_id": "pay-1", "invoice_id": "INV-1"},
        }
    ]
    paypal.deliver()
    assert hook.kinds == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]
    assert hook.events[1]["resource"]["id"] == capture["id"]


def test_a_payer_who_cancels_changes_nothing_and_may_come_again(api):
    order = api.order()
    gone = api.decide(order, "cancel")
    assert (gone.status_code, gone.headers["Location"]) == (302, f"{CANCEL}?token={order['id']}")
    assert api.refused("POST", f"{ORDERS}/{order['id']}/capture", {}) == (422, "ORDER_NOT_APPROVED")
    assert api.decide(order).status_code == 302
    assert api.capture(order).status_code == 201
    assert api.decide(order).headers["Location"].startswith(RETURN)
    assert len(api.objects("captures")) == 1


def test_without_a_payment_source_the_page_is_called_approve(api):
    order = api.ok("POST", ORDERS, asked(application_context=CONTEXT))
    assert order["status"] == "CREATED" and [each["rel"] for each in order["links"]][1] == "approve"
    assert api.decide(order).headers["Location"].startswith(RETURN)


def test_the_short_answer_has_no_amounts(api):
    order = api.ask("POST", ORDERS, asked(payment_source=WALLET), "order:1").json()
    assert sorted(order) == ["id", "links", "payment_source", "status"]
    api.decide(order)
    done = api.ask("POST", f"{ORDERS}/{order['id']}/capture", {}).json()
    assert "create_time" not in done and captured(done)["status"] == "COMPLETED"


def test_who_captures_second_is_told_so(api):
    order = api.order()
    api.decide(order)
    answers = at_once(24, lambda number: api.capture(order, f"cap:{number}"))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 23
    issues = {answer.json()["details"][0]["issue"] for answer in answers if answer.status_code == 422}
    assert issues == {"ORDER_ALREADY_CAPTURED"}
    assert len(api.objects("captures")) == 1 and len(api.effects()) == 1
    assert captured(api.ok("GET", f"{ORDERS}/{order['id']}"))["id"] == api.objects("captures")[0]["id"]


@pytest.mark.parametrize(
    ("cents", "status", "reason", "event"),
    [
        ("29.22", "PENDING", "PENDING_REVIEW", "PAYMENT.CAPTURE.PENDING"),
        ("29.23", "PENDING", "ECHECK", "PAYMENT.CAPTURE.PENDING"),
        ("29.24", "DECLINED", None, "PAYMENT.CAPTURE.DECLINED"),
    ],
)
def test_the_order_is_completed_whatever_became_of_its_capture(api, paypal, hook, cents, status, reason, event):
    capture = api.paid(cents)
    assert api.objects("orders")[0]["status"] == "COMPLETED"
    assert (capture["status"], capture.get("status_details", {}).get("reason")) == (status, reason)
    assert "seller_receivable_breakdown" not in capture
    paypal.deliver()
    assert hook.kinds[-1] == event
    assert [effect["state"] for effect in api.effects()] == (["PENDING"] if reason else [])


def test_a_declined_instrument_sends_the_payer_back_to_the_same_order(api):
    order = api.order("29.21")
    api.decide(order)
    answer = api.capture(order, "cap:1")
    body = answer.json()
    assert (answer.status_code, body["details"][0]["issue"]) == (422, "INSTRUMENT_DECLINED")
    assert link(body, "redirect") == link(order, "payer-action")
    assert api.ok("GET", f"{ORDERS}/{order['id']}")["status"] == "PAYER_ACTION_REQUIRED"
    assert "declined" in api.http.get(link(order, "payer-action")).text
    assert api.capture(order, "cap:1").json()["details"][0]["issue"] == "ORDER_NOT_APPROVED"
    api.decide(order)
    assert captured(api.capture(order, "cap:1").json())["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("issue", "status", "rel"),
    [
        ("PAYER_ACTION_REQUIRED", 422, "payer-action"),
        ("REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", 422, "redirect"),
        ("TRANSACTION_REFUSED", 422, None),
        ("PAYER_CANNOT_PAY", 422, None),
        ("ORDER_COMPLETION_IN_PROGRESS", 422, None),
        ("PERMISSION_DENIED", 403, None),
    ],
)
def test_paypals_mock_header_asks_for_an_error(api, issue, status, rel):
    order = api.order()
    api.decide(order)
    answer = api.capture(order, PayPal_Mock_Response=f'{{"mock_application_codes": "{issue}"}}')
    assert (answer.status_code, answer.json()["details"][0]["issue"]) == (status, issue)
    assert answer.json()["details"][0]["description"]
    assert (rel in [each["rel"] for each in answer.json()["links"]]) == bool(rel)
    assert api.objects("captures") == []
    if rel:
        api.decide(order)
    assert api.capture(order).status_code == 201


def test_an_invoice_is_paid_once_for_the_whole_account(api):
    first, second = (api.order(invoice_id="INV-1", request_id=f"order:{n}") for n in (1, 2))
    for order in (first, second):
        api.decide(order)
    assert api.capture(first).status_code == 201
    assert api.capture(second).json()["details"][0] | {"description": ""} == {
        "issue": "DUPLICATE_INVOICE_ID",
        "description": "",
        "field": "/purchase_units/0/invoice_id",
        "location": "body",
        "value": "INV-1",
    }
    third = asked(purchase_units=[{"amount": USD, "invoice_id": "INV-1"}])
    assert api.refused("POST", ORDERS, third) == (422, "DUPLICATE_INVOICE_ID")
    declined = api.paid("29.24", invoice_id="INV-2")
    assert declined["status"] == "DECLINED" and api.paid(invoice_id="INV-2")["status"] == "COMPLETED"


def test_an_order_is_changed_until_it_is_captured(api):
    order = api.order(custom_id="pay-1")
    unit = "/purchase_units/@reference_id=='default'"
    path = f"{ORDERS}/{order['id']}"
    changes = [
        {"op": "replace", "path": f"{unit}/amount", "value": {**USD, "value": "30.00"}},
        {"op": "add", "path": f"{unit}/invoice_id", "value": "INV-9"},
        {"op": "remove", "path": f"{unit}/custom_id"},
    ]
    assert api.ok("PATCH", path, changes) is None
    changed = api.ok("GET", path)["purchase_units"][0]
    other = "/purchase_units/@reference_id=='other'/amount"
    assert (changed["amount"]["value"], changed["invoice_id"], "custom_id" in changed) == ("30.00", "INV-9", False)
    for wrong, refusal in (
        ({"op": "replace", "path": f"{unit}/custom_id", "value": "x"}, (400, "INVALID_PATCH_OPERATION")),
        ({"op": "replace", "path": f"{unit}/payee", "value": "x"}, (422, "NOT_PATCHABLE")),
        ({"op": "replace", "path": "amount", "value": "x"}, (422, "INVALID_JSON_POINTER_FORMAT")),
        ({"op": "replace", "path": other, "value": USD}, (422, "REFERENCE_ID_NOT_FOUND")),
        ({"op": "replace", "path": f"{unit}/amount"}, (422, "PATCH_VALUE_REQUIRED")),
    ):
        assert api.refused("PATCH", path, [wrong]) == refusal
    api.decide(order)
    assert captured(api.capture(order).json())["amount"]["value"] == "30.00"
    assert api.refused("PATCH", path, changes) == (422, "ORDER_ALREADY_COMPLETED")


def test_an_approval_lapses_after_three_hours_and_the_order_is_forgotten_later(api, paypal, hook):
    api.panel("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    order, other = api.order(), api.order()
    api.decide(order)
    assert api.panel("POST", "clock", {"now": "2026-11-01T02:59:59Z"})["settled"] == 0
    assert api.panel("POST", "clock", {"now": "2026-11-01T03:00:00Z"})["settled"] == 1
    paypal.deliver()
    event = hook.events[-1]
    assert event["event_type"] == "CHECKOUT.PAYMENT-APPROVAL.REVERSED"
    assert event["resource"]["order_id"] == order["id"] and "id" not in event["resource"]
    assert api.capture(order).json()["details"][0]["issue"] == "ORDER_NOT_APPROVED"
    assert api.decide(order).status_code == 410
    api.panel("POST", "clock", {"now": "2026-11-04T00:00:00Z"})
    api.sign_in()
    for each in (order, other):
        assert api.refused("GET", f"{ORDERS}/{each['id']}") == (404, "INVALID_RESOURCE_ID")
