"""The older channel: every payment is told again by IPN, and only what was sent is VERIFIED."""

from urllib.parse import parse_qs

import pytest

from billing_portal.sandbox.tests.paypal_fixtures import IPN


@pytest.fixture
def told(paypal, hook):
    """The bodies of the next delivery, raw."""

    def told():
        hook.got.clear()
        paypal.deliver()
        return [body for url, body, _ in hook.got if url == IPN]

    return told


def read(body):
    return {name: values[0] for name, values in parse_qs(body.decode("ascii"), encoding="windows-1252").items()}


def ask_back(api, body):
    answer = api.http.post(
        "/cgi-bin/webscr",
        content=b"cmd=_notify-validate&" + body,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""},
    )
    return answer.status_code, answer.text


def test_a_capture_is_told_in_windows_1252_and_verified(api, paypal, told):
    capture = api.paid(custom_id="pay-1", invoice_id="INV-1")
    body = told()[0]
    fields = read(body)
    assert b"first_name=Zo%EB" in body and fields["first_name"] == "Zoë" and fields["charset"] == "windows-1252"
    assert {
        "txn_type": "express_checkout",
        "txn_id": capture["id"],
        "payment_status": "Completed",
        "mc_gross": "29.00",
        "mc_fee": "1.50",
        "mc_currency": "USD",
        "custom": "pay-1",
        "invoice": "INV-1",
        "receiver_id": paypal.merchant_id,
        "receiver_email": paypal.merchant_email,
        "test_ipn": "1",
    }.items() <= fields.items()
    assert ask_back(api, body) == (200, "VERIFIED")
    for forged in (body.replace(b"29.00", b"99.00"), body + b"&x=1", body + b"\n", b""):
        assert ask_back(api, forged) == (200, "INVALID")


def test_times_are_written_as_ipn_writes_them(api, told):
    api.panel("POST", "clock", {"now": "2026-11-01T03:04:05Z"})
    api.paid()
    assert read(told()[0])["payment_date"] == "19:04:05 Oct 31, 2026 PST"


def test_refunds_reversals_and_pending_payments(api, told):
    capture = api.paid("29.23")
    pending = read(told()[0])
    assert (pending["payment_status"], pending["pending_reason"], pending["payment_type"]) == (
        "Pending",
        "echeck",
        "echeck",
    )
    api.panel("POST", "settle", {"id": capture["id"], "outcome": "denied"})
    assert read(told()[0])["payment_status"] == "Denied"
    paid = api.paid()
    api.refund(paid, "9.00")
    api.panel("POST", "settle", {"id": paid["id"], "outcome": "reversed"})
    refunded, reversed_ = map(read, told()[1:])
    assert (refunded["payment_status"], refunded["mc_gross"], refunded["parent_txn_id"]) == (
        "Refunded",
        "-9.00",
        paid["id"],
    )
    assert (reversed_["payment_status"], reversed_["mc_gross"], reversed_["reason_code"]) == (
        "Reversed",
        "-20.00",
        "chargeback",
    )


def test_subscriptions_have_their_own_words_and_no_custom(api, told):
    subscription = api.subscribed(custom_id="sub-1")
    api.panel("POST", "bill", {"subscriptionId": subscription["id"], "outcome": "failed"})
    api.ask("POST", f"/v1/billing/subscriptions/{subscription['id']}/cancel", {"reason": "x"})
    messages = [read(body) for body in told()]
    assert [message["txn_type"] for message in messages] == [
        "recurring_payment_profile_created",
        "recurring_payment",
        "recurring_payment_failed",
        "recurring_payment_profile_cancel",
    ]
    assert {message["recurring_payment_id"] for message in messages} == {subscription["id"]}
    assert messages[1]["txn_id"] == api.objects("sales")[0]["id"] and "custom" not in messages[1]


def test_it_comes_when_webhooks_do_not_and_again_until_it_is_taken(api, paypal, hook):
    api.panel("POST", "webhooks", {"mode": "drop"})
    api.paid()
    hook.status = 503
    paypal.deliver()
    hook.status = 200
    paypal.deliver()
    paypal.deliver()
    urls = [url for url, _, _ in hook.got]
    assert urls == [IPN, IPN] and hook.got[0][1] == hook.got[1][1]


def test_a_script_may_keep_it_still(api, told):
    api.panel("POST", "ipn", {"mode": "drop"})
    api.paid()
    assert told() == []
    api.panel("POST", "ipn", {"mode": "normal"})
    api.paid()
    assert len(told()) == 1, "what happened meanwhile is never told"
    assert api.http.post("/__sandbox/ipn", json={"mode": "shuffle"}).status_code == 400
