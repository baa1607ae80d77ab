"""Back from PayPal's page, where PayPal can't be asked: nothing is said that nobody knows, and all stays as it is."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import httpx
import pytest
from django.test import Client

from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from payments.providers import breaker
from subscriptions.models import Subscription
from subscriptions.tests.pages_world import changes, sent
from subscriptions.tests.paypal_plans import agreed, at_paypal, begun, told
from subscriptions.tests.plan_world import moves, price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
NOT_ASKED = "PayPal could not be asked right now. What you decided there shows here as soon as it answers."


def back(paypal: PayPalWorld, owner: Client, subscription: Subscription, page: str, **facts: object) -> str:
    """What is read by who comes back while PayPal does not answer."""
    paypal.fault("drop_before", "/v1/billing/subscriptions/*", method="GET", times=5)
    query = urlencode({"subscription_id": subscription.provider_ref, **facts})
    answer = owner.get(f"/subscription/paypal/{page}?{query}", follow=True)
    assert answer.redirect_chain == [("/subscription", 302)]
    paypal.panel("DELETE", "faults")
    breaker.forget()
    return words(answer)


@pytest.mark.parametrize("where", ["cancel", "return"])
@pytest.mark.parametrize("has_agreed", [True, False])
def test_a_start_that_could_not_be_read_goes_on_waiting(
    paypal: PayPalWorld, owner: Client, where: str, has_agreed: bool
) -> None:
    subscription = begun(owner, at_paypal(price()))
    if has_agreed:
        paypal.approve(subscription.provider_ref or "")
    shown = back(paypal, owner, subscription, where)
    subscription.refresh_from_db()
    assert (subscription.status, NOT_ASKED in shown) == ("approval_pending", True)
    assert "without agreeing" not in shown and "has not told us yet that you agreed" not in shown
    if has_agreed:
        told(paypal)
        subscription.refresh_from_db()
        assert (subscription.status, moves(subscription)) == ("active", ["approval_pending", "active"])


@pytest.mark.parametrize("where", ["change/cancel", "change/return"])
def test_of_a_change_that_could_not_be_read_nobody_says_what_became_of_it(
    paypal: PayPalWorld, owner: Client, where: str
) -> None:
    what = price()
    subscription = agreed(paypal, begun(owner, at_paypal(what)))
    shown = back(paypal, owner, subscription, where, price=what.id, seats=5)
    assert NOT_ASKED in shown
    assert "without agreeing" not in shown and "agreed" not in shown
    subscription.refresh_from_db()
    assert (subscription.status, subscription.pending_price) == ("active", None)


STRANGE = ("https://evil.example/agree?ba_token=1", "{base}.evil.example/agree", "{base}@evil.example/", "javascript:1")


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("what", ["start", "change"])
def test_nobody_is_sent_to_an_address_that_is_not_paypals(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch, what: str, strange: str
) -> None:
    plan = price(code="pro")
    reference = at_paypal(plan)
    if what == "change":
        agreed(paypal, begun(owner, reference))
    address = strange.format(base=paypal.sandbox.base_url)
    answers = paypal.transport.handle_request

    def strangely(request: httpx.Request) -> httpx.Response:
        """Where its payer agrees is elsewhere."""
        answer = answers(request)
        answer.read()
        content = re.sub(rb'"[^"]*ba_token=[^"]*"', json.dumps(address).encode(), answer.content)
        return httpx.Response(answer.status_code, content=content, headers={"Content-Type": "application/json"})

    monkeypatch.setattr(paypal.transport, "handle_request", strangely)
    if what == "start":
        form = sent(owner.get("/subscription/start?plan=pro&cycle=monthly&seats=2&begin=now"), pay_with="paypal")
        answer = owner.post("/subscription/start", form)
    else:
        answer = changes(owner, "seats=5")
    assert answer.headers["Location"] == "/subscription"
    assert "We can't lead you to PayPal's page right now." in words(owner.get("/subscription"))
