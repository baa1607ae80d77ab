"""Refunds, reversals and disputes: never more back than was taken, each by its own id."""

import pytest

from billing_portal.testing import at_once


def issue_of(answer):
    assert answer.status_code == 422, answer.text
    return answer.json()["details"][0]["issue"]


def settle(api, identifier, outcome, **more):
    return api.panel("POST", "settle", {"id": identifier, "outcome": outcome, **more})


def now(api, capture):
    return api.ok("GET", f"/v2/payments/captures/{capture['id']}")


def test_in_part_then_the_rest_then_nothing_more(api, paypal, hook):
    capture = api.paid(custom_id="pay-1")
    part = api.refund(capture, "9.00", request_id="ref:1", custom_id="refund-1", note_to_payer="Sorry").json()
    assert (part["status"], part["amount"]["value"], part["custom_id"]) == ("COMPLETED", "9.00", "refund-1")
    assert now(api, capture)["status"] == "PARTIALLY_REFUNDED"
    assert issue_of(api.refund(capture, "20.01")) == "REFUND_AMOUNT_EXCEEDED"
    rest = api.refund(capture).json()
    assert (rest["amount"]["value"], rest["custom_id"]) == ("20.00", "pay-1")
    # Cumulative: what is booked by it is booked twice.
    assert rest["seller_payable_breakdown"]["total_refunded_amount"]["value"] == "29.00"
    assert now(api, capture)["status"] == "REFUNDED"
    assert issue_of(api.refund(capture, "1.00")) == "CAPTURE_FULLY_REFUNDED"
    order = api.objects("orders")[0]
    given = order["purchase_units"][0]["payments"]["refunds"]
    assert [refund["id"] for refund in given] == [part["id"], rest["id"]]
    assert api.ok("GET", f"/v2/payments/refunds/{part['id']}")["note_to_payer"] == "Sorry"
    paypal.deliver()
    told = [event["resource"] for event in hook.events if event["event_type"] == "PAYMENT.CAPTURE.REFUNDED"]
    assert [(each["id"], each["amount"]["value"]) for each in told] == [(part["id"], "9.00"), (rest["id"], "20.00")]
    assert told[0]["links"][-1] == {
        "href": f"http://paypal.sandbox/v2/payments/captures/{capture['id']}",
        "rel": "up",
        "method": "GET",
    }
    assert [effect["amount"] for effect in api.effects()] == [2900, 900, 2000]


def test_the_short_answer(api):
    capture = api.paid()
    path = f"/v2/payments/captures/{capture['id']}/refund"
    assert sorted(api.ask("POST", path, {}).json()) == ["id", "links", "status"]


def test_eight_at_once_who_each_give_back_sixty_percent(api):
    capture = api.paid()
    answers = at_once(8, lambda number: api.refund(capture, "17.40", request_id=f"ref:{number}"))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7
    assert [refund["amount"]["value"] for refund in api.objects("refunds")] == ["17.40"]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"amount": {"currency_code": "EUR", "value": "1.00"}}, (422, "REFUND_CAPTURE_CURRENCY_MISMATCH")),
        ({"amount": {"currency_code": "USD", "value": "0"}}, (422, "CANNOT_BE_ZERO_OR_NEGATIVE")),
        ({"amount": {"currency_code": "USD", "value": "1.001"}}, (422, "DECIMAL_PRECISION")),
        ({"amount": {"value": "1.00"}}, (400, "MISSING_REQUIRED_PARAMETER")),
        ({"note_to_payer": "x" * 256}, (400, "INVALID_STRING_LENGTH")),
    ],
)
def test_what_makes_no_sense(api, body, refusal):
    capture = api.paid()
    assert api.refused("POST", f"/v2/payments/captures/{capture['id']}/refund", body) == refusal
    assert api.objects("refunds") == []


def test_no_decimals_for_yen_and_no_refund_of_nothing(api):
    yen = api.paid("1000", "JPY")
    assert issue_of(api.refund(yen, "10.50", "JPY")) == "DECIMALS_NOT_SUPPORTED"
    assert api.refund(yen, "400", "JPY").json()["amount"] == {"currency_code": "JPY", "value": "400"}
    assert api.refused("POST", "/v2/payments/captures/NONE/refund", {}) == (404, "INVALID_RESOURCE_ID")
    assert issue_of(api.refund(api.paid("5.22"))) == "PENDING_CAPTURE"
    assert issue_of(api.refund(api.paid("5.24"))) == "REFUND_NOT_ALLOWED"
    mocked = {"PayPal_Mock_Response": '{"mock_application_codes": ["REFUND_FAILED_INSUFFICIENT_FUNDS"]}'}
    path = f"/v2/payments/captures/{api.paid()['id']}/refund"
    assert api.refused("POST", path, {}, **mocked) == (422, "REFUND_FAILED_INSUFFICIENT_FUNDS")


def test_ten_refunds_and_half_a_year_are_the_most(api):
    api.panel("POST", "clock", {"now": "2026-01-01T00:00:00Z"})
    first, second = api.paid(), api.paid()
    for _ in range(10):
        assert api.refund(first, "1.00").status_code == 201
    assert issue_of(api.refund(first, "1.00")) == "MAX_NUMBER_OF_REFUNDS_EXCEEDED"
    api.panel("POST", "clock", {"now": "2026-07-01T00:00:00Z"})
    api.sign_in()
    assert issue_of(api.refund(second)) == "REFUND_TIME_LIMIT_EXCEEDED"


@pytest.mark.parametrize(("outcome", "status"), [("succeeded", "COMPLETED"), ("failed", "FAILED")])
def test_what_was_paid_by_echeck_goes_back_by_echeck(api, paypal, hook, outcome, status):
    capture = api.paid("29.23")
    settle(api, capture["id"], "succeeded")
    refund = api.refund(capture, "9.00").json()
    assert (refund["status"], refund["status_details"]) == ("PENDING", {"reason": "ECHECK"})
    assert issue_of(api.refund(capture, "20.24")) == "REFUND_AMOUNT_EXCEEDED"
    settle(api, refund["id"], outcome)
    assert api.ok("GET", f"/v2/payments/refunds/{refund['id']}")["status"] == status
    assert now(api, capture)["status"] == ("PARTIALLY_REFUNDED" if outcome == "succeeded" else "COMPLETED")
    paypal.deliver()
    last = "PAYMENT.CAPTURE.REFUNDED" if outcome == "succeeded" else "PAYMENT.REFUND.FAILED"
    assert hook.kinds[-2:] == ["PAYMENT.REFUND.PENDING", last]


@pytest.mark.parametrize(
    ("outcome", "status", "event"),
    [
        ("succeeded", "COMPLETED", "PAYMENT.CAPTURE.COMPLETED"),
        ("denied", "DECLINED", "PAYMENT.CAPTURE.DENIED"),
        ("failed", "DECLINED", "PAYMENT.CAPTURE.DENIED"),
    ],
)
@pytest.mark.parametrize("cents", ["29.22", "29.23"])
def test_a_pending_capture_ends(api, paypal, hook, cents, outcome, status, event):
    capture = api.paid(cents)
    settle(api, capture["id"], outcome)
    assert now(api, capture)["status"] == status
    paypal.deliver()
    assert hook.kinds[-1] == event
    assert [effect["state"] for effect in api.effects()] == ["PENDING", status]


def test_reviews_and_echecks_end_by_the_clock(api):
    api.panel("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    review, echeck = api.paid("29.22"), api.paid("29.23")
    assert api.panel("POST", "clock", {"now": "2026-11-02T00:00:00Z"})["settled"] == 1
    api.sign_in()
    assert [now(api, each)["status"] for each in (review, echeck)] == ["COMPLETED", "PENDING"]
    assert api.panel("POST", "clock", {"now": "2026-11-05T00:00:00Z"})["settled"] == 1
    assert api.objects("captures")[1]["status"] == "COMPLETED"


@pytest.mark.parametrize(("outcome", "reason"), [("reversed", "CHARGEBACK"), ("returned", "ECHECK")])
def test_money_is_taken_back_in_part_or_in_full(api, paypal, hook, outcome, reason):
    capture = api.paid()
    settle(api, api.objects("orders")[0]["id"], outcome, amount=900)
    assert now(api, capture)["status_details"] == {"reason": reason}
    assert now(api, capture)["status"] == "PARTIALLY_REFUNDED"
    settle(api, capture["id"], outcome)
    assert now(api, capture)["status"] == "REFUNDED"
    assert api.http.post("/__sandbox/settle", json={"id": capture["id"], "outcome": outcome}).status_code == 400
    paypal.deliver()
    back = [event["resource"] for event in hook.events if event["event_type"] == "PAYMENT.CAPTURE.REVERSED"]
    assert [each["amount"]["value"] for each in back] == ["9.00", "20.00"]
    assert [(effect["kind"], effect["amount"]) for effect in api.effects()[1:]] == [
        ("reversal", 900),
        ("reversal", 2000),
    ]
    assert api.ok("GET", f"/v2/payments/refunds/{back[0]['id']}")["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("outcome", "code", "status"),
    [("dispute_won", "RESOLVED_SELLER_FAVOUR", "COMPLETED"), ("dispute_lost", "RESOLVED_BUYER_FAVOUR", "REFUNDED")],
)
def test_a_dispute_holds_refunds_until_it_is_decided(api, paypal, hook, outcome, code, status):
    capture = api.paid(custom_id="pay-1")
    settle(api, capture["id"], "disputed", code="UNAUTHORISED")
    listed = api.ok("GET", f"/v1/customer/disputes?disputed_transaction_id={capture['id']}")["items"]
    assert [(each["status"], each["reason"]) for each in listed] == [("OPEN", "UNAUTHORISED")]
    transaction = listed[0]["disputed_transactions"][0]
    assert (transaction["seller_transaction_id"], transaction["custom"]) == (capture["id"], "pay-1")
    assert issue_of(api.refund(capture)) == "TRANSACTION_DISPUTED"
    settle(api, listed[0]["dispute_id"], outcome)
    after = api.ok("GET", f"/v1/customer/disputes/{listed[0]['dispute_id']}")
    assert (after["status"], after["dispute_outcome"]["outcome_code"]) == ("RESOLVED", code)
    assert now(api, capture)["status"] == status
    paypal.deliver()
    lost = ["PAYMENT.CAPTURE.REVERSED"] if outcome == "dispute_lost" else []
    assert hook.kinds[-2 - len(lost) :] == ["CUSTOMER.DISPUTE.CREATED", *lost, "CUSTOMER.DISPUTE.RESOLVED"]
    if lost:
        assert issue_of(api.refund(capture)) == "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"
    assert api.http.post("/__sandbox/settle", json={"id": capture["id"], "outcome": outcome}).status_code == 400


def test_a_refund_made_in_the_dashboard(api, paypal, hook):
    forints = api.paid("2500", "HUF", custom_id="pay-1")
    made = api.panel("POST", "refund", {"id": api.objects("orders")[0]["id"], "amount": 50_000})
    assert made["amount"] == {"currency_code": "HUF", "value": "500"}
    assert (api.effects()[-1]["kind"], api.effects()[-1]["id"], api.effects()[-1]["amount"]) == (
        "refund",
        made["id"],
        50_000,
    )
    for amount in (200_100, 50, "5", 0):
        asked = {"id": forints["id"], "amount": amount}
        assert api.http.post("/__sandbox/refund", json=asked).status_code == 400
    assert api.panel("POST", "refund", {"id": forints["id"]})["amount"]["value"] == "2000"
    paypal.deliver()
    assert hook.kinds.count("PAYMENT.CAPTURE.REFUNDED") == 2
