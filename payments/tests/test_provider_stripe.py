"""Stripe's adapter against the stand-in, through the real SDK: the contract of each capability, and what is Stripe's
own."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe

from billing_portal.kit.money import Money
from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.checking import checked
from billing_portal.sandbox.stripe.in_process import ADDRESS, InProcessClient, call
from payments.providers.contract import ChargesContract, RefundsContract, charge_request
from payments.providers.errors import (
    BadSignature,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    UnknownReference,
)
from payments.providers.facts import Outcome, Topic
from payments.providers.stripe.amounts import from_stripe, to_stripe
from payments.providers.stripe.client import build_client
from payments.providers.stripe.provider import StripeProvider
from payments.providers.stripe.reading import payment_of

KEY = "sk_test_" + "a" * 24
SECRET = "whsec_of_the_tests"


class Refusing(stripe.HTTPClient):
    """Nobody listens, `times` times; then the real one answers."""

    name = "refusing"

    def __init__(self, inner: stripe.HTTPClient) -> None:
        super().__init__()
        self.inner, self.times = inner, 0

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **facts: Any) -> Any:
        if self.times:
            self.times -= 1
            raise stripe.APIConnectionError("Connection refused", should_retry=True)
        return self.inner.request(method, url, headers, post_data, **facts)

    def _sleep_time_seconds(self, num_retries: int, response: Any = None) -> float:
        return 0

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[StripeSandbox]:
    made = StripeSandbox(tmp_path / "stripe", webhook_url=None)
    yield made
    made.close()


@pytest.fixture
def wire(sandbox: StripeSandbox) -> Refusing:
    return Refusing(InProcessClient(sandbox))


@pytest.fixture
def provider(wire: Refusing) -> StripeProvider:
    client = checked(build_client(KEY, api_base=ADDRESS, http_client=wire))  # by the SDK's own parameter types
    return StripeProvider(client, webhook_secrets=["whsec_old", SECRET], environment="test")


@pytest.fixture
def panel(sandbox: StripeSandbox) -> Callable[..., Any]:
    def ask(method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content)
        status, _, answer = call(sandbox, method, f"{ADDRESS}/__sandbox/{path}", None, body)
        assert status == 200, answer
        return json.loads(answer)

    return ask


@pytest.fixture
def good_method() -> str:
    return "pm_card_visa"


@pytest.fixture
def poor_method() -> str:
    return "pm_card_visa_chargeDeclinedInsufficientFunds"


@pytest.fixture
def confirming_method() -> str:
    return "pm_card_authenticationRequired"


@pytest.fixture
def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


def effects(panel: Callable[..., Any], kind: str) -> list[int]:
    acts = [entry["effect"] for entry in panel("GET", "log") if entry["effect"]]
    return [act["amount"] for act in acts if act["kind"] == kind and act["state"] == "succeeded"]


@pytest.fixture
def charges(panel: Callable[..., Any]) -> Callable[[], list[int]]:
    return lambda: effects(panel, "charge")


@pytest.fixture
def refunds(panel: Callable[..., Any]) -> Callable[[], list[int]]:
    return lambda: effects(panel, "refund")


@pytest.fixture
def lose_answers(panel: Callable[..., Any]) -> Callable[[], None]:
    fault = {"method": "POST", "path": "/v1/payment_intents*", "fault": "drop_after", "times": 1}
    return lambda: panel("POST", "faults", fault)


@pytest.fixture
def lose_refunds(panel: Callable[..., Any]) -> Callable[[], None]:
    return lambda: panel("POST", "faults", {"method": "POST", "path": "/v1/refunds", "fault": "drop_after", "times": 1})


@pytest.fixture
def paid(provider: StripeProvider, good_method: str) -> Callable[[], str]:
    return lambda: str(provider.charge(charge_request(good_method)).provider_ref)


@pytest.fixture
def refuse_connections(wire: Refusing) -> Callable[[], None]:
    return lambda: setattr(wire, "times", 2)


class TestCharges(ChargesContract):
    """See payments/providers/contract.py."""


class TestRefunds(RefundsContract):
    """See payments/providers/contract.py."""


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
    ],
)
def test_each_decline_keeps_its_code(provider: StripeProvider, method: str, code: str) -> None:
    result = provider.charge(charge_request(method))
    assert (result.outcome, result.failure_code) == (Outcome.FAILED, code)
    assert result.provider_ref and result.method and result.method.type == "card"


@pytest.mark.parametrize(
    ("fault", "raises"),
    [
        ({"fault": "status", "status": 500}, OutcomeUnknown),
        ({"fault": "html_500"}, OutcomeUnknown),
        ({"fault": "garbage"}, OutcomeUnknown),
        ({"fault": "drop_before"}, OutcomeUnknown),
        ({"fault": "rate_limit"}, ProviderUnavailable),
    ],
)
def test_what_goes_wrong_under_way_has_one_of_our_names(
    provider: StripeProvider, panel: Callable[..., Any], fault: dict[str, Any], raises: type[ProviderError]
) -> None:
    panel("POST", "faults", {"method": "POST", "path": "/v1/payment_intents*", "times": 2, **fault})
    with pytest.raises(raises) as raised:
        provider.charge(charge_request("pm_card_visa"))
    again = pickle.loads(pickle.dumps(raised.value))  # a task's error crosses processes
    assert type(again) is raises


def test_a_lost_answer_to_what_moves_no_money_is_just_unavailable(
    provider: StripeProvider, panel: Callable[..., Any]
) -> None:
    panel("POST", "faults", {"method": "POST", "path": "/v1/setup_intents*", "times": 2, "fault": "drop_after"})
    customer = provider.create_customer(email="a@b.example", name="A", key="cus:1", metadata={})
    with pytest.raises(ProviderUnavailable):
        provider.begin_setup(customer_ref=customer, kind=None, key="setup:1", metadata={})


def test_a_wrong_key_is_our_configuration(sandbox: StripeSandbox) -> None:
    client = build_client("nonsense", api_base=ADDRESS, http_client=InProcessClient(sandbox))
    provider = StripeProvider(client, webhook_secrets=[SECRET], environment="test")
    with pytest.raises(ProviderMisconfigured):
        provider.charge(charge_request("pm_card_visa"))


def test_one_key_with_another_amount_is_our_bug(provider: StripeProvider) -> None:
    provider.charge(charge_request("pm_card_visa", key="pay:1"))
    with pytest.raises(ProviderRejected):
        provider.charge(charge_request("pm_card_visa", key="pay:1", minor=1_000))


def test_an_unknown_method_is_named_as_one(provider: StripeProvider) -> None:
    with pytest.raises(UnknownReference):
        provider.charge(charge_request("pm_nobody"))


def test_a_saved_card_is_listed_and_forgotten_by_its_customer_alone(provider: StripeProvider, wire: Refusing) -> None:
    customer, other = (
        provider.create_customer(email=f"{who}@b.example", name=who, key=f"cus:{who}", metadata={"tenant_id": who})
        for who in ("one", "other")
    )
    client = build_client(KEY, api_base=ADDRESS, http_client=wire)
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    (saved,) = provider.saved_methods(customer)
    assert (saved.ref, saved.type, saved.brand, saved.last4) == (method, "card", "visa", "4242")
    with pytest.raises(UnknownReference):
        provider.forget_method(customer_ref=other, method_ref=method)
    provider.forget_method(customer_ref=customer, method_ref=method)
    assert provider.saved_methods(customer) == []


def test_the_same_key_is_the_same_customer(provider: StripeProvider) -> None:
    facts = {"email": "a@b.example", "name": "A", "key": "cus:a", "metadata": {}}
    assert provider.create_customer(**facts) == provider.create_customer(**facts)


def test_a_half_answer_is_no_answer() -> None:
    with pytest.raises(OutcomeUnknown):
        payment_of({"id": "pi_1", "object": "payment_intent"})


@pytest.mark.parametrize(("minor", "currency", "counted"), [(2_900, "usd", 2_900), (50, "isk", 5_000), (500, "mga", 5)])
def test_stripe_counts_some_currencies_otherwise(minor: int, currency: str, counted: int) -> None:
    assert to_stripe(Money(minor, currency)) == counted
    assert from_stripe(counted, currency) == Money(minor, currency)


@pytest.mark.parametrize(("counted", "currency"), [(5_050, "isk"), (1, "iqd"), (1, "zzz")])
def test_an_amount_that_can_not_be_told_in_our_units_is_booked_by_nobody(counted: int, currency: str) -> None:
    with pytest.raises(ProviderRejected):
        from_stripe(counted, currency)


NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
EVENT = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "livemode": False,
    "created": 1793534400,
    "api_version": "2026-08-26.dahlia",
    "data": {"object": {"object": "payment_intent", "id": "pi_1"}},
}


def signed(body: bytes, *, secret: str = SECRET, at: datetime = NOW) -> str:
    stamp = int(at.timestamp())
    signature = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    return f"t={stamp},v1={signature}"


def headers(body: bytes, **how: Any) -> dict[str, str]:
    return {"Stripe-Signature": signed(body, **how)}


def test_a_signed_event_tells_what_it_is_about(provider: StripeProvider) -> None:
    body = json.dumps(EVENT).encode()
    event = provider.verify(body, headers(body), NOW)
    assert (event.event_id, event.kind, event.object_ref) == ("evt_1", "payment_intent.succeeded", "pi_1")
    assert (event.topic, event.occurred_at) == (Topic.PAYMENT, datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert provider.verify(body, headers(body, secret="whsec_old"), NOW) == event, "while secrets are rotated"


BODY = json.dumps(EVENT).encode()


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (BODY, ""),
        (BODY, "nonsense"),
        (BODY, "t=,v1="),
        (BODY, signed(BODY, secret="whsec_wrong")),
        (BODY, signed(BODY, secret="  ")),
        (BODY + b" ", signed(BODY)),
        (json.dumps(EVENT, separators=(",", ":")).encode(), signed(BODY)),
        (BODY, signed(BODY, at=NOW - timedelta(seconds=301))),
        (BODY, signed(BODY, at=NOW + timedelta(seconds=301))),
        (BODY, signed(BODY).replace("v1=", "v0=")),
        (BODY, "t=1,v1=ä"),
        (b"\xff\xfe", "t=1793534400,v1=00"),
        (b"[]", signed(b"[]")),
        (b"1", signed(b"1")),
        (b"null", signed(b"null")),
        (b"not json", signed(b"not json")),
        (b'{"id": "evt_1", "object": "v2.core.event"}', signed(b'{"id": "evt_1", "object": "v2.core.event"}')),
    ],
)
def test_everything_else_is_a_bad_signature(provider: StripeProvider, body: bytes, signature: str) -> None:
    with pytest.raises(BadSignature):
        provider.verify(body, {"Stripe-Signature": signature}, NOW)


def test_two_signatures_in_one_header_are_enough_when_one_is_right(provider: StripeProvider) -> None:
    wrong = signed(BODY, secret="whsec_wrong").split("v1=")[1]
    assert provider.verify(BODY, {"Stripe-Signature": f"{signed(BODY)},v1={wrong}"}, NOW).event_id == "evt_1"


def test_five_minutes_either_way_are_taken(provider: StripeProvider) -> None:
    for seconds in (-300, 300):
        assert provider.verify(BODY, headers(BODY, at=NOW + timedelta(seconds=seconds)), NOW).event_id == "evt_1"
