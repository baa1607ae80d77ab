"""What is forged at Stripe's webhook leaves no trace, and costs no more than reading it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing_portal.tests.stripe_world import WEBHOOK_SECRET, StripeWorld
from payments.models import ProviderEvent
from payments.tests.webhook_posts import event_body, post, signed

pytestmark = pytest.mark.django_db

BODY = event_body()


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    """No second passes between signing and reading."""
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
        yield


def _v0_only() -> tuple[bytes, str]:
    return BODY, signed(BODY).replace("v1=", "v0=")


def _fifty_wrong() -> tuple[bytes, str]:
    stamp = int(timezone.now().timestamp())
    return BODY, f"t={stamp}," + ",".join(f"v1={number:064x}" for number in range(50))


FORGED = {
    "no signature": lambda: (BODY, None),
    "an empty signature": lambda: (BODY, ""),
    "no more than a time": lambda: (BODY, f"t={int(timezone.now().timestamp())}"),
    "another secret": lambda: (BODY, signed(BODY, secret="whsec_of_somebody_else")),
    "an empty secret": lambda: (BODY, signed(BODY, secret="")),
    "one byte altered": lambda: (BODY.replace(b"pi_1", b"pi_2", 1), signed(BODY)),
    "one byte more": lambda: (BODY + b" ", signed(BODY)),
    "the same JSON, written anew": lambda: (json.dumps(json.loads(BODY), indent=2).encode(), signed(BODY)),
    "301 seconds old": lambda: (BODY, signed(BODY, seconds=-301)),
    "301 seconds early": lambda: (BODY, signed(BODY, seconds=301)),
    "a time that was altered": lambda: (BODY, signed(BODY).replace("t=1", "t=2")),
    "only v0": _v0_only,
    "fifty signatures, none right": _fifty_wrong,
    "the header twice": lambda: (BODY, f"{signed(BODY)},{signed(BODY)}"),
    "the header twice, one of them forged": lambda: (BODY, f"{signed(BODY, secret='other')}, {signed(BODY)}"),
    "a header of 1 MB": lambda: (BODY, signed(BODY) + ",v1=" + "0" * 1_000_000),
    "a body of 1 MB": lambda: (b"x" * 1_000_000, signed(BODY)),
    "a signature that is not ASCII": lambda: (BODY, signed(BODY) + "é"),
    "digits that are not ASCII": lambda: (BODY, "t=١٢٣٤٥,v1=" + "0" * 64),
    "bytes that are no text": lambda: (b"\xff\xfe", signed(b"\xff\xfe")),
    "signed, but no JSON": lambda: (b"hello", signed(b"hello")),
    "signed, but a list": lambda: (b"[]", signed(b"[]")),
    "signed, but null": lambda: (b"null", signed(b"null")),
    "signed, but a number": lambda: (b"1", signed(b"1")),
    "signed, but no event": lambda: (b"{}", signed(b"{}")),
    "signed, but about nothing": lambda: (event_body(data=None), signed(event_body(data=None))),
    "signed, but nothing": lambda: (b"", signed(b"")),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_what_is_forged_is_400_without_a_row_or_a_question_to_the_database(stripe: StripeWorld, forgery: str) -> None:
    body, header = FORGED[forgery]()
    with CaptureQueriesContext(connection) as asked:
        answer = post(body, header)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "bad_signature"
    assert len(asked) == 0
    assert not ProviderEvent.objects.exists()


def test_what_is_too_large_is_413_without_a_row_or_a_question_to_the_database(stripe: StripeWorld) -> None:
    body = event_body(filling="x" * 1024 * 1024)
    with CaptureQueriesContext(connection) as asked:
        answer = post(body, signed(body))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert len(asked) == 0
    assert not ProviderEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_forgery_opens_no_connection(stripe: StripeWorld) -> None:
    connections.close_all()
    assert post(BODY, signed(BODY, secret="another")).status_code == 400
    assert connection.connection is None


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_clock_may_be_five_minutes_off(stripe: StripeWorld, seconds: int) -> None:
    assert post(BODY, signed(BODY, seconds=seconds)).status_code == 200


def test_one_good_signature_among_others_is_enough(stripe: StripeWorld) -> None:
    """As while the secret is being rolled: Stripe signs with both."""
    other = signed(BODY, secret="whsec_new").partition(",")[2]
    assert post(BODY, f"{signed(BODY)},{other}").status_code == 200


def test_while_a_secret_is_rotated_both_are_good_and_afterwards_the_old_one_is_not(stripe: StripeWorld) -> None:
    old, new = event_body(id="evt_old"), event_body(id="evt_new")
    stripe.provider._webhook_secrets = ("whsec_old", "whsec_new")
    assert post(old, signed(old, secret="whsec_old")).status_code == 200
    assert post(new, signed(new, secret="whsec_new")).status_code == 200
    stripe.provider._webhook_secrets = ("whsec_new",)
    late = event_body(id="evt_late")
    assert post(late, signed(late, secret="whsec_old")).status_code == 400
    assert set(ProviderEvent.objects.values_list("event_id", flat=True)) == {"evt_old", "evt_new"}


@pytest.mark.parametrize("secrets", [(), ("",), ("   ",)])
def test_without_a_secret_nothing_is_believed(stripe: StripeWorld, secrets: tuple[str, ...]) -> None:
    stripe.provider._webhook_secrets = secrets
    for secret in ("", "   ", WEBHOOK_SECRET):
        assert post(BODY, signed(BODY, secret=secret)).status_code == 400
    assert not ProviderEvent.objects.exists()
