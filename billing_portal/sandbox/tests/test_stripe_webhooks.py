"""Events on their way: signed, retried, and delivered as badly as a test wants."""

import json
import threading
import time

import pytest
import stripe

from billing_portal.sandbox.serving import server
from billing_portal.sandbox.stripe.webhooks import send_over_http


@pytest.fixture
def kinds(sandbox, receiver):
    """What was received by the next delivery."""

    def kinds():
        receiver.got.clear()
        sandbox.deliver()
        return receiver.kinds

    return kinds


EXPECTED = ["customer.created", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_nothing_is_sent_until_it_is_asked_for_and_the_sdk_verifies_it(sandbox, receiver, pay, kinds, client):
    pay()
    assert receiver.got == []
    assert kinds() == EXPECTED and kinds() == []
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_the_signature_is_stripes(sandbox, receiver, pay):
    pay()
    sandbox.deliver()
    url, body, headers = receiver.got[-1]
    assert url == "http://portal.example/hook"
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], sandbox.webhook_secret)
    assert event.type == "payment_intent.succeeded" and event.data.object.amount == 2900
    assert event.api_version == "2026-08-26.dahlia" and event.livemode is False
    for bad in (body + b" ", json.dumps(json.loads(body)).encode()):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(bad, headers["Stripe-Signature"], sandbox.webhook_secret)


def test_what_is_not_taken_is_sent_again(sandbox, receiver, pay, kinds, client):
    pay()
    receiver.status = 500
    assert kinds() == EXPECTED
    assert len(client.v1.events.list({"delivery_success": False}).data) == 4
    sandbox.webhooks.deliver(due_by=time.time())  # the first retry is a second away
    assert len(receiver.got) == 4
    receiver.status = 200
    sandbox.webhooks.deliver(due_by=time.time() + 2)
    assert len(receiver.got) == 8
    assert kinds() == []


def test_nobody_at_home_and_a_redirect_are_failures():
    def elsewhere(environ, start_response):
        start_response("302 Found", [("Location", "http://127.0.0.1:1/")])
        return [b""]

    listener = server(elsewhere, 0)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{listener.server_port}/"
    assert send_over_http(address, b"{}", {}) == 302
    listener.shutdown()
    listener.server_close()
    assert send_over_http(address, b"{}", {}) == 0


def test_held_dropped_doubled_and_resent(pay, panel, kinds):
    panel.ask("POST", "webhooks", {"mode": "hold"})
    pay()
    assert kinds() == ["customer.created"]
    assert panel.ask("POST", "webhooks/release") == {"released": 3}
    assert kinds() == EXPECTED[1:]
    panel.ask("POST", "webhooks", {"mode": "drop"})
    pay()
    assert kinds() == []
    panel.ask("POST", "webhooks/resend", {"eventId": panel.objects("events")[-1]["id"]})
    assert kinds() == ["payment_intent.succeeded"]
    panel.ask("POST", "webhooks", {"mode": "duplicate", "copies": 3})
    pay()
    assert sorted(kinds()) == sorted(EXPECTED[1:] * 3)
    assert panel.raw("POST", "webhooks", {"mode": "sideways"})[0] == 400
    assert panel.raw("POST", "webhooks/resend", {"eventId": "evt_none"})[0] == 404


def test_shuffled_events_come_in_any_order_and_number(pay, panel, kinds):
    panel.ask("POST", "webhooks", {"mode": "shuffle", "copies": 5})
    for _ in range(10):
        pay()
    got = kinds()
    assert set(EXPECTED[1:]) <= set(got) and 30 <= len(got) - 1 <= 150
    assert got != sorted(got, key=EXPECTED.index)


def test_the_webhook_may_arrive_before_the_answer(sandbox, receiver, pay, panel):
    sandbox.deliver()
    receiver.got.clear()
    panel.ask("POST", "webhooks", {"mode": "before_response"})
    panel.ask("POST", "faults", {"path": "/v1/payment_intents", "fault": "drop_after"})
    with pytest.raises(stripe.APIConnectionError):
        pay(key="pay:1")
    assert receiver.kinds == EXPECTED[1:]


def test_a_declined_request_that_left_nothing_behind_sends_nothing(pay, kinds):
    with pytest.raises(stripe.InvalidRequestError):
        pay("pm_none")
    assert kinds() == ["customer.created"]
