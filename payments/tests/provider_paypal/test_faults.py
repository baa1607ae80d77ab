"""What gets lost or garbled under way: what is sent again, what never, and what nobody can know."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from billing_portal.kit.money import Money
from payments.providers.contract_approval import approval_request
from payments.providers.errors import OutcomeUnknown, ProviderError, ProviderRejected, ProviderUnavailable
from payments.providers.facts import Outcome
from payments.tests.provider_paypal.adapter import PayPalAdapter, refund_request

ORDERS, CAPTURE, REFUND = "/v2/checkout/orders", "/v2/checkout/orders/*/capture", "/v2/payments/captures/*/refund"

FAULTS: list[tuple[dict[str, Any], type[ProviderError], type[ProviderError]]] = [
    # (what goes wrong, said of a capture or refund, said of a new order)
    ({"fault": "drop_before"}, OutcomeUnknown, ProviderUnavailable),
    ({"fault": "drop_after"}, OutcomeUnknown, ProviderUnavailable),
    ({"fault": "delay", "seconds": 8}, OutcomeUnknown, ProviderUnavailable),
    ({"fault": "status", "status": 500}, OutcomeUnknown, ProviderUnavailable),
    ({"fault": "status", "status": 503}, OutcomeUnknown, ProviderUnavailable),
    ({"fault": "html_500"}, OutcomeUnknown, ProviderUnavailable),
    ({"fault": "garbage"}, OutcomeUnknown, ProviderUnavailable),
    ({"fault": "rate_limit"}, ProviderUnavailable, ProviderUnavailable),
]


@pytest.mark.parametrize(("fault", "raises", "_"), FAULTS)
def test_what_moves_money_is_sent_once_and_may_be_asked_about(
    paypal: PayPalAdapter, fault: dict[str, Any], raises: type[ProviderError], _: Any
) -> None:
    reference = paypal.agreed()
    paypal.fault(path=CAPTURE, **fault)
    with pytest.raises(raises) as raised:
        paypal.provider.capture(reference, key="cap:1")
    assert type(raised.value) is raises
    assert paypal.wire.paths.count(f"POST {ORDERS}/{reference}/capture") == 1
    assert paypal.provider.capture(reference, key="cap:1").outcome is Outcome.SUCCEEDED
    assert paypal.moved("capture") == [2_900]

    capture = str(paypal.provider.look_up(reference).capture_ref)
    paypal.fault(path=REFUND, **fault)
    with pytest.raises(raises):
        paypal.provider.refund(refund_request(capture, 900))
    assert paypal.wire.paths.count(f"POST /v2/payments/captures/{capture}/refund") == 1
    assert paypal.provider.refund(refund_request(capture, 900)).amount == Money(900, "usd")
    assert paypal.moved("refund") == [900]


@pytest.mark.parametrize(("fault", "_", "raises"), FAULTS)
def test_what_moves_no_money_is_asked_again_under_its_id_and_then_unavailable(
    paypal: PayPalAdapter, fault: dict[str, Any], _: Any, raises: type[ProviderError]
) -> None:
    request = approval_request()
    paypal.fault(path=ORDERS, times=2, **fault)
    with pytest.raises(raises):
        paypal.provider.begin(request)
    tries = 1 if fault["fault"] == "rate_limit" else 2  # asking at once again would make it worse
    assert paypal.wire.paths.count(f"POST {ORDERS}") == tries
    assert {each.headers["PayPal-Request-Id"] for each in paypal.wire.requests if each.url.path == ORDERS} == {
        request.key
    }
    assert len(paypal.pauses) == tries - 1
    if tries == 1:
        paypal.panel("DELETE", "faults")
    paypal.provider.begin(request)
    assert len(paypal.objects("orders")) == 1


@pytest.mark.parametrize(("fault", "_", "__"), FAULTS)
def test_a_read_that_fails_in_passing_is_tried_once_more(
    paypal: PayPalAdapter, fault: dict[str, Any], _: Any, __: Any
) -> None:
    reference = paypal.agreed()
    paypal.fault(path="/v2/checkout/orders/*", method="GET", **fault)
    if fault["fault"] == "rate_limit":
        with pytest.raises(ProviderUnavailable):
            paypal.provider.look_up(reference)
    else:
        assert paypal.provider.look_up(reference).can_capture


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Everything is fine</html>"),
        httpx.Response(201, json=[1]),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, json={}),
        httpx.Response(204),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(403, text="<html>Access denied by the firewall</html>"),
        httpx.Response(400, json={"unexpected": True}),
        httpx.Response(400, json={"details": 5, "name": None}),
        httpx.Response(502, text="Bad gateway"),
    ],
)
def test_what_is_no_answer_of_paypals_says_nothing_about_money(paypal: PayPalAdapter, answer: httpx.Response) -> None:
    reference = paypal.agreed()
    paypal.wire.instead = lambda request: answer if request.url.path.endswith("/capture") else None
    with pytest.raises(OutcomeUnknown):
        paypal.provider.capture(reference, key="cap:1")
    paypal.wire.instead = lambda request: answer if request.url.path == ORDERS else None
    with pytest.raises(ProviderUnavailable):
        paypal.provider.begin(approval_request())
    assert not any(each.url.host == "elsewhere.example" for each in paypal.wire.requests), "no redirect is followed"


def test_numbers_of_an_answer_are_exact(paypal: PayPalAdapter) -> None:
    paypal.wire.instead = lambda request: (
        httpx.Response(200, content=b'{"total": 0.10}') if request.url.path == "/v1/numbers" else None
    )
    assert str(paypal.client.get("/v1/numbers").content["total"]) == "0.10"


def test_a_network_that_breaks_under_way_is_not_one_that_was_never_there(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed()
    for error, raises in (
        (httpx.ConnectError("refused"), ProviderUnavailable),
        (httpx.ConnectTimeout("slow"), ProviderUnavailable),
        (httpx.PoolTimeout("busy"), ProviderUnavailable),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.WriteTimeout("slow"), OutcomeUnknown),
        (httpx.ReadError("reset"), OutcomeUnknown),
        (httpx.RemoteProtocolError("half"), OutcomeUnknown),
        (httpx.DecodingError("no gzip"), OutcomeUnknown),
    ):

        def broken(request: httpx.Request, error: Exception = error) -> None:
            if request.url.path.endswith("/capture"):
                raise error

        paypal.wire.instead = broken
        with pytest.raises(ProviderError) as raised:
            paypal.provider.capture(reference, key="cap:1")
        assert type(raised.value) is raises, error


def test_one_id_with_another_amount_is_our_bug(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    paypal.provider.refund(refund_request(capture, 900))
    with pytest.raises(ProviderRejected):
        paypal.provider.refund(refund_request(capture, 800))
    assert paypal.moved("refund") == [900]


def test_a_refund_that_paypal_has_forgotten_the_request_of_is_not_given_again(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-11-01T00:00:00Z")
    capture = paypal.paid()
    paypal.provider.refund(refund_request(capture, 900))
    paypal.clock("2026-12-20T00:00:00Z")
    with pytest.raises(OutcomeUnknown):
        paypal.provider.refund(refund_request(capture, 900))
    (found,) = paypal.provider.refunds_of(capture)
    assert found.refund_id == refund_request(capture, 900).metadata["refund_id"]
    assert paypal.moved("refund") == [900]


def test_an_id_that_paypal_could_not_remember_is_not_sent(paypal: PayPalAdapter) -> None:
    for key in ("", "k" * 109, "schlüssel"):
        with pytest.raises(ProviderRejected):
            paypal.provider.capture("5O190127TN364715T", key=key)
    assert paypal.wire.requests == []


def test_amounts_are_never_left_out_of_a_refund(paypal: PayPalAdapter) -> None:
    capture = paypal.paid()
    paypal.provider.refund(refund_request(capture, 2_900))
    assert json.loads(paypal.wire.requests[-1].content)["amount"] == {"currency_code": "USD", "value": "29.00"}
