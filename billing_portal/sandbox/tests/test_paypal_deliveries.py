"""Events on their way: delivered as badly as a test wants, retried, listed, sent again."""

import time

import pytest

from billing_portal.sandbox.tests.paypal_fixtures import HOOK

EXPECTED = ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED"]


@pytest.fixture
def kinds(paypal, hook):
    """What was received by the next delivery."""

    def kinds():
        hook.got.clear()
        paypal.deliver()
        return hook.kinds

    return kinds


def test_nothing_is_sent_until_it_is_asked_for(api, hook, kinds):
    api.paid()
    assert hook.got == []
    assert kinds() == EXPECTED and kinds() == []


def test_what_is_not_taken_is_sent_again_under_the_same_transmission(api, paypal, hook):
    api.paid()
    hook.status = 500
    paypal.webhooks.deliver()
    assert hook.kinds == EXPECTED
    paypal.webhooks.deliver(due_by=time.time())  # the first retry is a second away
    assert len(hook.got) == 2
    hook.status = 200
    paypal.webhooks.deliver(due_by=time.time() + 2)
    assert hook.kinds == EXPECTED * 2
    first, again = hook.got[0], hook.got[2]
    assert first[1] == again[1]
    assert first[2]["PAYPAL-TRANSMISSION-ID"] == again[2]["PAYPAL-TRANSMISSION-ID"]
    paypal.webhooks.deliver()
    assert len(hook.got) == 4


def test_held_dropped_doubled_and_resent(api, kinds, hook):
    api.panel("POST", "webhooks", {"mode": "hold"})
    api.paid()
    assert kinds() == []
    assert api.panel("POST", "webhooks/release") == {"released": 2}
    assert kinds() == EXPECTED
    api.panel("POST", "webhooks", {"mode": "drop"})
    api.paid()
    assert kinds() == []
    last = api.objects("events")[-1]["id"]
    api.panel("POST", "webhooks/resend", {"eventId": last})
    assert kinds() == EXPECTED[1:]
    api.panel("POST", "webhooks", {"mode": "duplicate", "copies": 3})
    api.paid()
    assert sorted(kinds()) == sorted(EXPECTED * 3)
    sent = {headers["PAYPAL-TRANSMISSION-ID"] for url, _, headers in hook.got if url == HOOK}
    assert len({event["id"] for event in hook.events}) == 2 and len(sent) == 6
    assert api.http.post("/__sandbox/webhooks", json={"mode": "sideways"}).status_code == 400
    assert api.http.post("/__sandbox/webhooks/resend", json={"eventId": "WH-none"}).status_code == 404


def test_shuffled_events_come_in_any_order_and_number(api, kinds):
    api.panel("POST", "webhooks", {"mode": "shuffle", "copies": 5})
    for _ in range(10):
        api.paid()
    got = kinds()
    assert set(got) == set(EXPECTED) and 20 <= len(got) <= 100
    assert got != EXPECTED * (len(got) // 2)


def test_the_webhook_may_arrive_before_the_answer(api, hook):
    order = api.order()
    api.decide(order)
    hook.got.clear()
    api.panel("POST", "webhooks", {"mode": "before_response"})
    api.panel("POST", "faults", {"path": "*/capture", "fault": "drop_after"})
    with pytest.raises(Exception, match="disconnected"):
        api.capture(order)
    assert hook.kinds == ["PAYMENT.CAPTURE.COMPLETED"]


def test_events_are_listed_shown_and_sent_again(api, kinds):
    capture = api.paid()
    api.paid()
    kinds()
    events = "/v1/notifications/webhooks-events"
    listed = api.ok("GET", f"{events}?event_type=PAYMENT.CAPTURE.COMPLETED&page_size=1")
    assert listed["count"] == 1 and listed["events"][0]["event_type"] == EXPECTED[1]
    found = api.ok("GET", f"{events}?transaction_id={capture['id']}")["events"]
    assert [event["resource"]["id"] for event in found] == [capture["id"]]
    assert api.ok("GET", f"{events}?start_time=2090-01-01T00:00:00Z")["events"] == []
    assert api.ok("GET", f"{events}/{found[0]['id']}") == found[0]
    assert api.ask("POST", f"{events}/{found[0]['id']}/resend", {}).status_code == 202
    assert kinds() == EXPECTED[1:]
    assert api.refused("GET", f"{events}?page_size=many")[0] == 400
    assert api.refused("GET", f"{events}?start_time=yesterday")[0] == 400
    assert api.refused("GET", f"{events}/WH-none")[0] == 404


def test_a_refused_request_sends_nothing(api, kinds):
    order = api.order()
    assert api.capture(order).status_code == 422
    assert kinds() == []
