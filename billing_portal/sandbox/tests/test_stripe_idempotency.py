"""One key, one effect: repeated answers, refused reuse, 409 while under way, forgotten after a day."""

import threading

import pytest
import stripe

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.tests.conftest import AUTOMATIC, Panel, connect
from billing_portal.testing import at_once, wait_until


def headers_of(thing):
    return thing.last_response.headers


def test_the_same_key_repeats_the_same_answer(pay, panel):
    first, second = pay(key="pay:1"), pay(key="pay:1")
    assert first.id == second.id and len(panel.objects("charges")) == 1
    assert "Idempotent-Replayed" not in headers_of(first)
    assert headers_of(second)["Idempotent-Replayed"] == "true"
    assert headers_of(second)["Original-Request"] == headers_of(first)["Request-Id"]
    assert [entry["replayed"] for entry in panel.log()][-2:] == [False, True]
    assert panel.log()[-1]["effect"] is None


def test_a_decline_is_repeated_too(pay, panel):
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            pay("pm_card_chargeDeclined", key="pay:1")
    assert declined.value.headers["Idempotent-Replayed"] == "true"
    assert len(panel.objects("charges")) == 1


def test_a_key_is_for_one_endpoint_and_one_set_of_parameters(client, pay):
    pay(key="pay:1")
    for attempt in (
        lambda: pay(key="pay:1", amount=3000),
        lambda: client.v1.customers.create({}, {"idempotency_key": "pay:1"}),
    ):
        with pytest.raises(stripe.IdempotencyError) as refused:
            attempt()
        assert refused.value.http_status == 400


def test_what_fails_validation_is_not_kept(pay):
    with pytest.raises(stripe.InvalidRequestError):
        pay(key="pay:1", currency="xyz")
    assert pay(key="pay:1").status == "succeeded"


def test_a_server_error_is_kept_and_says_that_trying_again_is_useless(pay, panel):
    panel.ask("POST", "faults", {"method": "POST", "path": "/v1/payment_intents", "fault": "status", "status": 500})
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            pay(key="pay:1")
        assert failed.value.http_status == 500
    assert failed.value.headers["Stripe-Should-Retry"] == "false"
    assert panel.objects("payment_intents") == []
    assert pay(key="pay:2").status == "succeeded"


def test_while_one_is_under_way_the_other_is_told_so(pay, panel):
    panel.ask("POST", "faults", {"path": "/v1/payment_intents", "fault": "delay", "seconds": 0.4})
    first = threading.Thread(target=pay, kwargs={"key": "pay:1"})
    first.start()
    wait_until(lambda: panel.objects("payment_intents"))
    with pytest.raises(stripe.APIError) as refused:
        pay(key="pay:1")
    assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
    first.join()
    assert pay(key="pay:1").status == "succeeded" and len(panel.objects("charges")) == 1


def test_after_a_day_the_key_acts_again(pay, panel):
    panel.ask("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    first = pay(key="pay:1")
    panel.ask("POST", "clock", {"now": "2026-11-01T23:59:59Z"})
    assert pay(key="pay:1").id == first.id
    panel.ask("POST", "clock", {"now": "2026-11-02T00:00:00Z"})
    assert pay(key="pay:1").id != first.id


def test_forty_at_once_are_one_charge(sandbox, customer, panel):
    patient = connect(sandbox, retries=20)

    def pay():
        params = {
            "amount": 2900,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": AUTOMATIC,
        }
        return patient.v1.payment_intents.create(params, {"idempotency_key": "pay:1"}).id

    outcomes = at_once(40, pay)
    assert len(set(outcomes)) == 1 and len(panel.objects("charges")) == 1


def test_books_and_keys_survive_a_restart(tmp_path):
    params = {"email": "owner@acme.example"}
    first = StripeSandbox(tmp_path)
    made = connect(first).v1.customers.create(params, {"idempotency_key": "cus:1"})
    secret = first.webhook_secret
    first.close()
    second = StripeSandbox(tmp_path)
    assert second.webhook_secret == secret and secret.startswith("whsec_")
    assert connect(second).v1.customers.create(params, {"idempotency_key": "cus:1"}).id == made.id
    assert len(Panel(second).objects("customers")) == 1
    second.close()
