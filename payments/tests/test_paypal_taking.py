"""PayPal payments whose money is asked for while nobody is there, or that PayPal has forgotten."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.test import Client

from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from payments.models import Discrepancy, Payment
from payments.providers import breaker
from payments.tests.paypal_payments import CAPTURES, agreed, capture, post, swept, wish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def acme() -> Any:
    breaker.forget()
    return world.subscribed(slug="acme")


def test_a_way_to_pay_that_is_refused_is_not_tried_for_ever(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PayPal goes on saying that the payer has agreed; nobody is there to choose another card."""
    payment = agreed(paypal, owner)
    asked: list[str] = []
    handle = paypal.transport.handle_request

    def refusing(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/capture"):
            return handle(request)
        asked.append(request.headers["PayPal-Request-Id"])
        body = {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "INSTRUMENT_DECLINED"}], "message": "no"}
        return httpx.Response(422, json=body, request=request)

    with monkeypatch.context() as patch:
        patch.setattr(paypal.transport, "handle_request", refusing)
        assert capture(owner, payment).status_code == 402
        for minutes in range(6, 60, 6):
            swept(minutes=minutes)
        assert len(asked) == 3
        assert len(set(asked)) == 3, "PayPal would answer an old id with the old refusal"
        assert capture(owner, payment).status_code == 402, "its payer may always try"
    assert capture(owner, payment).status_code == 200
    assert paypal.taken() == ["29.00"]


def test_what_was_asked_for_and_paypal_has_forgotten_ends_and_staff_hear_of_it(
    paypal: PayPalWorld, acme: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = agreed(paypal, owner, 2_904, invoice)
    paypal.fault("drop_before", CAPTURES)
    assert capture(owner, payment).status_code == 202
    handle = paypal.transport.handle_request
    gone = {"name": "RESOURCE_NOT_FOUND", "message": "The specified resource does not exist."}

    def forgetful(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json=gone) if "/v2/" in request.url.path else handle(request)

    with monkeypatch.context() as patch:
        patch.setattr(paypal.transport, "handle_request", forgetful)
        swept(hours=2)
        assert Payment.objects.get().status == "processing", "its capture may be listed late"
        swept(hours=5)
        payment.refresh_from_db()
        assert (payment.status, Discrepancy.objects.get(closed_at=None).kind) == ("canceled", "missing_at_provider")
        assert post(owner, "/api/payments", wish(2_904, invoice)).status_code != 400, "its invoice can be paid again"
