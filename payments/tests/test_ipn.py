"""PayPal's second channel: a message is asked about, kept with the event it stands for, and each event once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.test import Client
from paypal.standard.ipn.models import PayPalIPN

from billing_portal.tests.paypal_world import IPN_PATH, PayPalWorld
from payments.inbox import registry, store
from payments.models import ProviderEvent
from payments.providers import registry as providers
from payments.providers.facts import Topic
from payments.providers.paypal.ipn_channel import Account
from payments.tests.ipn_world import CAPTURE, FORM, Line, changed, channel, genuine, listened, post
from payments.webhooks import views

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(paypal: PayPalWorld) -> Line:
    return listened(paypal)


def nothing_happened(line: Line) -> bool:
    return not line.asked and not PayPalIPN.objects.exists() and not ProviderEvent.objects.exists()


def test_a_message_is_kept_with_its_event_and_somebody_is_woken(
    paypal: PayPalWorld, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(views, "wake", woken.append)
    body = genuine(paypal)
    answer = post(body, REMOTE_ADDR="203.0.113.9")
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    event, kept = ProviderEvent.objects.get(), PayPalIPN.objects.get()
    assert (event.provider, event.kind, event.topic) == ("paypal", "ipn.express_checkout", "payment")
    assert (event.object_ref, event.status, event.livemode) == (CAPTURE, "received", False)
    assert event.event_id == f"ipn-{hashlib.sha256(body).hexdigest()}"
    assert event.payload["first_name"] == "Zoë", "windows-1252, as it says"
    assert (kept.flag, kept.response, kept.query.encode()) == (False, "VERIFIED", body)
    assert (kept.txn_id, kept.ipaddress) == (CAPTURE, "203.0.113.9")
    assert [each.content for each in line.asked] == [b"cmd=_notify-validate&" + body], "the very bytes"
    assert woken == ["payments.handle_events"]


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("express_checkout", {"txn_id": CAPTURE}, ("ipn.express_checkout", "payment", CAPTURE)),
        (
            "",
            {"txn_id": "9RF12345678901234", "parent_txn_id": CAPTURE, "payment_status": "Refunded"},
            ("ipn.refunded", "payment", CAPTURE),
        ),
        ("new_case", {"txn_id": CAPTURE, "case_id": "PP-1"}, ("ipn.new_case", "payment", CAPTURE)),
        (
            "recurring_payment",
            {"recurring_payment_id": "I-BW452GLLEP1G", "txn_id": CAPTURE, "payment_status": "Completed"},
            ("ipn.recurring_payment", "subscription", "I-BW452GLLEP1G"),
        ),
        (
            "recurring_payment_profile_cancel",
            {"recurring_payment_id": "I-BW452GLLEP1G"},
            ("ipn.recurring_payment_profile_cancel", "subscription", "I-BW452GLLEP1G"),
        ),
    ],
)
def test_what_a_message_is_about(
    paypal: PayPalWorld, kind: str, fields: dict[str, str], expected: tuple[str, str, str]
) -> None:
    assert post(genuine(paypal, kind, **fields)).status_code == 200
    assert ProviderEvent.objects.values_list("kind", "topic", "object_ref").get() == expected


@pytest.mark.parametrize("fields", [{"payer_business_name": "x"}, {"txn_id": "../../v1/x"}, {"txn_id": "a b"}])
def test_one_about_nothing_that_can_be_asked_about_is_kept_unhandled(
    paypal: PayPalWorld, fields: dict[str, str]
) -> None:
    assert post(genuine(paypal, "masspay", **fields)).status_code == 200
    event = ProviderEvent.objects.get()
    assert (event.kind, event.topic, event.status, event.object_ref) == (
        "ipn.masspay",
        None,
        "unhandled",
        event.event_id,
    )


def test_of_a_forged_message_nothing_is_stored(
    paypal: PayPalWorld, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    body = changed(genuine(paypal), mc_gross="99999.00", memo="x" * 50_000)
    assert post(body).json() == {"received": True}
    assert not ProviderEvent.objects.exists() and not PayPalIPN.objects.exists()
    assert "did not send" in caplog.text and len(line.asked) == 1


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({}, True),
        ({"receiver_id": "SOMEBODYELSE2"}, False),
        ({"receiver_id": None}, True),
        ({"receiver_id": None, "receiver_email": "Other@x.example"}, True),
        ({"receiver_id": None, "receiver_email": "x@x.example", "business": "x@x.example"}, False),
        ({"receiver_id": None, "receiver_email": None, "business": None}, False),
    ],
)
def test_one_to_another_account_is_refused_before_anybody_is_asked(
    paypal: PayPalWorld, line: Line, fields: dict[str, str | None], ours: bool
) -> None:
    body = changed(genuine(paypal), **fields)
    line.instead = (200, b"VERIFIED")
    assert post(body).status_code == (200 if ours else 400)
    assert ProviderEvent.objects.exists() is PayPalIPN.objects.exists() is ours
    assert bool(line.asked) is ours


def test_without_an_account_nothing_is_believed_and_everything_comes_again(paypal: PayPalWorld, line: Line) -> None:
    channel().account = Account(transport=line)
    assert post(genuine(paypal)).status_code == 503
    assert nothing_happened(line)


def test_our_address_stands_in_for_an_id_that_we_do_not_have(paypal: PayPalWorld, line: Line) -> None:
    channel().account = replace(channel().account, merchant_id="", merchant_email="MERCHANT@callcenter.example")
    assert post(genuine(paypal)).status_code == 200
    assert ProviderEvent.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("txn_id=1&test_ipn=1", "application/json", 415, "unsupported_media_type"),
        ("txn_id=1&test_ipn=1", "multipart/form-data; boundary=x", 415, "unsupported_media_type"),
        ("txn_id=1&test_ipn=1", "", 415, "unsupported_media_type"),
        ("test_ipn=1&memo=" + "x" * 64 * 1024, FORM, 413, "too_large"),
        (b"test_ipn=1&first_name=Zo\xeb", FORM, 400, "no_message"),
        ("test_ipn=1&first_name=Zoë", FORM, 400, "no_message"),
        (" ", FORM, 400, "no_message"),
        ("hello", FORM, 400, "no_message"),
        ("test_ipn=1" + "&a=1" * 1001, FORM, 400, "no_message"),
        ("txn_id=1&test_ipn=1&charset=hex", FORM, 400, "no_message"),
        ("txn_id=1&test_ipn=1&charset=undefined", FORM, 400, "no_message"),
        ("txn_id=1&test_ipn=1&charset=utf-16", FORM, 400, "no_message"),
        ("txn_id=1&test_ipn=1&charset=iso-8859-12", FORM, 400, "no_message"),
        ("txn_id=1", FORM, 400, "no_message"),
        ("txn_id=1&test_ipn=0", FORM, 400, "no_message"),
    ],
)
def test_what_can_be_no_message_is_refused_before_anybody_is_asked(
    line: Line, body: bytes | str, content_type: str, status: int, code: str
) -> None:
    answer = post(body, content_type=content_type)
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (
        status,
        "application/problem+json",
        code,
    )
    assert nothing_happened(line)


def test_a_charset_of_paypals_list_is_read_in_it(paypal: PayPalWorld, line: Line) -> None:
    line.instead = (200, b"VERIFIED")
    post(
        changed(genuine(paypal), charset="Shift_JIS", first_name=None) + b"&first_name=%83%5C",
        content_type=f"{FORM}; charset=utf-8",
    )
    assert ProviderEvent.objects.get().payload["first_name"] == "ソ"


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_posted_messages_are_taken(line: Line, method: str) -> None:
    answer = getattr(Client(), method)(IPN_PATH)
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    assert nothing_happened(line)


def test_while_paypal_is_off_there_is_nothing_here(settings: Any) -> None:
    settings.PAYPAL_CLIENT_ID = ""
    providers.providers.cache_clear()
    assert post("txn_id=1&test_ipn=1").status_code == 404
    assert not PayPalIPN.objects.exists()


def test_the_message_and_its_event_are_one_transaction(paypal: PayPalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    body, plain = genuine(paypal), store.receive

    def away(*_: Any, **__: Any) -> bool:
        raise OperationalError

    monkeypatch.setattr(store, "receive", away)
    assert post(body).status_code == 503
    assert not PayPalIPN.objects.exists(), "else its next copy would be a duplicate to django-paypal"
    monkeypatch.setattr(store, "receive", plain)
    assert post(body).status_code == 200
    assert (PayPalIPN.objects.get().flag, ProviderEvent.objects.count()) == (False, 1)


@pytest.mark.django_db(transaction=True)
def test_nobody_is_asked_inside_a_transaction(paypal: PayPalWorld, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ones: list[bool] = []
    ask = line.handle_request

    def watched(request: Any) -> Any:
        open_ones.append(transaction.get_connection().in_atomic_block)
        return ask(request)

    monkeypatch.setattr(line, "handle_request", watched)
    assert post(genuine(paypal)).status_code == 200
    assert open_ones == [False]


@pytest.mark.django_db(transaction=True)
def test_the_same_message_at_once_is_one_event(paypal: PayPalWorld, live_db: Any) -> None:
    body = genuine(paypal)
    answers = live_db(6, lambda: post(body).status_code)
    assert list(answers) == [200] * 6
    assert ProviderEvent.objects.count() == 1


def test_an_event_of_the_channel_that_was_set_aside_is_taken_up_again(
    paypal: PayPalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(genuine(paypal))
    event = ProviderEvent.objects.get()
    ProviderEvent.objects.update(status="parked", attempts=12)
    assert store.take_up_again(event_id=event.id, now=event.received_at)
    event.refresh_from_db()
    assert (event.status, event.topic, event.attempts) == ("received", "payment", 0)
    assert registry.handler_of(Topic.PAYMENT)


def test_one_address_makes_us_ask_only_so_often(paypal: PayPalWorld, line: Line, settings: Any) -> None:
    settings.THROTTLE_RATES = {"message": "2/day"}
    bodies = [changed(genuine(paypal), memo=str(number)) for number in range(4)]
    answers = [post(body, REMOTE_ADDR="198.51.100.7") for body in bodies[:3]]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert (answers[2].json()["code"], int(answers[2]["Retry-After"]) > 0) == ("too_many_requests", True)
    assert post(bodies[3], REMOTE_ADDR="198.51.100.8").status_code == 200, "another is not kept waiting"
    renamed = post(bodies[3], REMOTE_ADDR="198.51.100.7", headers={"X-Forwarded-For": "198.51.100.9"})
    assert (renamed.status_code, len(line.asked)) == (429, 3), "nobody is another by saying so"
