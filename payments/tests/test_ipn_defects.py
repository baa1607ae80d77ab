"""What django-paypal 2.1 gets wrong when it runs alone, each shown here to be guarded; and the package as it is
installed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.apps import apps
from django.core.management import call_command
from paypal.standard.conf import POSTBACK_ENDPOINT, SANDBOX_POSTBACK_ENDPOINT
from paypal.standard.ipn.models import PayPalIPN
from paypal.standard.ipn.signals import invalid_ipn_received, valid_ipn_received

from billing_portal.tests.paypal_world import IPN_PATH, PayPalWorld
from payments.models import ProviderEvent
from payments.providers.errors import ProviderUnavailable
from payments.providers.paypal import ipn_asking
from payments.tests.ipn_world import CAPTURE, Line, changed, channel, genuine, listened, post

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(paypal: PayPalWorld) -> Line:
    return listened(paypal)


def events() -> int:
    return ProviderEvent.objects.count()


def test_a_message_of_the_sandbox_is_nothing_to_the_live_site(paypal: PayPalWorld, line: Line, settings: Any) -> None:
    """Defect a: the message itself would say that the sandbox is to be asked, where anybody can send one."""
    settings.PAYPAL_ENVIRONMENT, channel().livemode = "live", True
    body = genuine(paypal)
    assert b"test_ipn=1" in body
    for test in ("1", "true", "on"):
        answer = post(changed(body, test_ipn=test))
        assert (answer.status_code, answer.json()["code"]) == (400, "no_message")
    assert (line.asked, events(), PayPalIPN.objects.count()) == ([], 0, 0)
    line.instead = (200, b"VERIFIED")
    assert post(changed(body, test_ipn=None)).status_code == 200
    assert [str(each.url) for each in line.asked] == [POSTBACK_ENDPOINT]
    assert ProviderEvent.objects.get().livemode is True


@pytest.mark.parametrize(
    ("environment", "base", "expected"),
    [
        ("live", "", POSTBACK_ENDPOINT),
        ("live", "https://api-m.paypal.com", POSTBACK_ENDPOINT),
        ("live", "http://127.0.0.1:9", POSTBACK_ENDPOINT),
        ("sandbox", "", SANDBOX_POSTBACK_ENDPOINT),
        ("sandbox", "https://api-m.sandbox.paypal.com", SANDBOX_POSTBACK_ENDPOINT),
        ("sandbox", "http://127.0.0.1:9", "http://127.0.0.1:9/cgi-bin/webscr"),
    ],
)
@pytest.mark.parametrize("test", [True, False])
def test_where_paypal_is_asked_is_said_by_the_settings(
    settings: Any, environment: str, base: str, expected: str, test: bool
) -> None:
    settings.PAYPAL_ENVIRONMENT, settings.PAYPAL_API_BASE = environment, base
    assert PayPalIPN(test_ipn=test).get_endpoint() == expected


@pytest.mark.parametrize(
    "instead",
    [
        (500, b"VERIFIED"),
        (302, b"VERIFIED"),
        (404, b"INVALID"),
        (200, b"<html>Fatal Failure \xe9</html>"),
        (200, b"VERIFIED\n"),
        (200, b"VERIFIEDVERIFIED"),
        (200, b"verified"),
        (200, b""),
        httpx.ConnectError("Connection refused"),
        httpx.ReadTimeout("too late"),
        httpx.RemoteProtocolError("hung up"),
    ],
)
def test_only_paypals_two_words_are_an_answer_and_all_else_is_sent_again(
    paypal: PayPalWorld, line: Line, instead: Any
) -> None:
    """Defects b, f, g: an error page was believed or fell over, a "Fatal Failure" was answered 200 and lost."""
    body = genuine(paypal)
    line.instead, line.headers = instead, {"Location": "https://elsewhere.example/"}
    answer = post(body)
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (len(line.asked), events(), PayPalIPN.objects.count()) == (1, 0, 0), "no redirect is followed"
    line.instead = None
    assert post(body).status_code == 200
    assert (events(), PayPalIPN.objects.get().flag) == (1, False), "its next copy is taken"


def test_an_answer_is_waited_for_so_long_and_no_longer(
    paypal: PayPalWorld, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect b: the package waits for ever."""
    post(genuine(paypal))
    assert line.asked[0].extensions["timeout"] == {"connect": 3, "read": 10, "write": 10, "pool": 3}
    moments = iter([0.0, 5.0, 16.0])
    monkeypatch.setattr(ipn_asking.time, "monotonic", lambda: next(moments))

    class Drips(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=Dripping())

    class Dripping(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield from (b"V", b"E", b"RIFIED")

    with pytest.raises(ProviderUnavailable):
        ipn_asking.ask_back(b"a=1", transport=Drips())


def test_a_listener_that_fails_costs_no_message(paypal: PayPalWorld, line: Line) -> None:
    """Defect c: the row stayed, unflagged, and the copy that came after the 500 was a duplicate."""
    body = genuine(paypal)

    def fails(**_: Any) -> None:
        raise RuntimeError

    valid_ipn_received.connect(fails)
    try:
        with pytest.raises(RuntimeError):
            post(body)
    finally:
        valid_ipn_received.disconnect(fails)
    assert (events(), PayPalIPN.objects.count()) == (0, 0)
    assert post(body).status_code == 200
    assert (events(), PayPalIPN.objects.get().flag) == (1, False)


def test_copies_are_one_event_in_whatever_order_they_come(paypal: PayPalWorld) -> None:
    """Defect d: the package compares with the newest row alone, so Completed, Pending, Completed was valid twice."""
    completed = genuine(paypal)
    pending = genuine(paypal, txn_id=CAPTURE, payment_status="Pending", mc_gross="29.00", mc_currency="USD")
    for body in (completed, pending, completed, completed):
        assert post(body).status_code == 200
    assert [row.flag for row in PayPalIPN.objects.order_by("id")] == [False, False, False, True]
    assert events() == 2


def test_copies_without_a_transaction_are_one_event(paypal: PayPalWorld) -> None:
    """Defect e: they were valid each time."""
    body = genuine(paypal, "recurring_payment_profile_cancel", recurring_payment_id="I-BW452GLLEP1G")
    for _ in range(3):
        assert post(body).status_code == 200
    assert (PayPalIPN.objects.filter(flag=False).count(), events()) == (3, 1)


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"payment_status": "Partially_Refunded"}, "Invalid payment_status. (Partially_Refunded)"),
        ({"mc_gross": "29.000", "mc_currency": "KWD"}, "Invalid form. (mc_gross:"),
        ({"payment_date": "2026-11-01T08:00:00Z"}, "Invalid form. (payment_date:"),
        ({"payer_id": "X" * 14}, "Invalid form. (payer_id:"),
    ],
)
def test_what_the_package_finds_odd_wakes_all_the_same(
    paypal: PayPalWorld, line: Line, fields: dict[str, str], odd: str
) -> None:
    """A new status or a third decimal made it flag what PayPal had sent, and answer 200: lost."""
    line.instead = (200, b"VERIFIED")
    assert post(changed(genuine(paypal), **fields)).status_code == 200
    kept = PayPalIPN.objects.get()
    assert (kept.flag, kept.response) == (True, "VERIFIED")
    assert kept.flag_info.startswith(odd)
    assert ProviderEvent.objects.get().object_ref == CAPTURE


def test_a_secret_in_the_address_is_no_way_past_paypal(paypal: PayPalWorld, line: Line) -> None:
    """The package would take `?secret=` over TLS instead of asking."""
    assert post(changed(genuine(paypal), memo="forged"), path=f"{IPN_PATH}?secret=x", secure=True).status_code == 200
    assert (len(line.asked), events(), PayPalIPN.objects.count()) == (1, 0, 0)


def test_posted_columns_of_the_row_are_not_believed(paypal: PayPalWorld, line: Line) -> None:
    line.instead = (200, b"VERIFIED")
    body = genuine(paypal, txn_id=CAPTURE, payment_status="Odd") + b"&flag=&response=x&ipaddress=192.0.2.1&id=9999"
    assert post(body).status_code == 200
    kept = PayPalIPN.objects.get()
    assert (kept.flag, kept.response, kept.ipaddress) == (True, "VERIFIED", "127.0.0.1")
    assert kept.pk != 9999


def test_the_package_is_installed_as_far_as_it_is_used() -> None:
    config = apps.get_app_config("ipn")
    assert (config.name, config.default_auto_field) == ("paypal.standard.ipn", "django.db.models.AutoField")
    assert not {"paypal.standard.pdt", "paypal.pro"} & {each.name for each in apps.get_app_configs()}
    call_command("makemigrations", "ipn", check=True, dry_run=True, verbosity=0)
    assert invalid_ipn_received.receivers and valid_ipn_received.receivers
