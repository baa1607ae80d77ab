"""What must never be written down is masked, and what merely looks like it survives."""

import logging
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_portal.logs import JsonLines, MaskSecrets, Stderr
from billing_portal.masking import mask_text, mask_value
from billing_portal.tests.card_numbers import FREE, HELD

HIDDEN = [
    ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "sk_live_***"),
    ("charged with sk_test_4eC39HqLyjWDarjtT1zdp7dc.", "charged with sk_test_***"),
    ("rk_live_abcdef123456", "rk_live_***"),
    ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=", "whsec_***"),
    ("key cck_a1b2c3d4_SECRETPART used", "key cck_*** used"),
    ("pi_3MtwBw_secret_YrKJUKribcBjcG8HVhfZluoGH", "pi_3MtwBw_secret_***"),
    ("Authorization: Bearer cck_abc.def", "Authorization: ***"),
    ("{'Authorization': 'Basic dXNlcjpwYXNz', 'n': 1}", "{'Authorization': '***', 'n': 1}"),
    ("sent bearer eyJhbGciOiJIUzI1NiJ9.e30.abc", "sent bearer ***"),
    ("Cookie: sessionid=abc123; csrftoken=def456", "Cookie: ***"),
    ("got sessionid=abc123; next", "got sessionid=***; next"),
    ('{"password": "correct horse", "email": "a@b.example"}', '{"password": "***", "email": "a@b.example"}'),
    (r'"{\"newPassword\": \"correct horse\", \"n\": 1}"', r'"{\"newPassword\": \"***\", \"n\": 1}"'),
    ("password=hunter2&next=/home", "password=***&next=/home"),
    ("EMAIL_HOST_PASSWORD=hunter2", "EMAIL_HOST_PASSWORD=***"),
    ("client_secret: abc", "client_secret: ***"),
    ("postgresql://billing:hunter2@db.example/billing", "postgresql://billing:***@db.example/billing"),
    ("paid with 4242424242424242", "paid with ***4242"),
    *HELD,
]

KEPT = [
    *FREE,
    "bearer authentication needed",
    "the password is wrong",
    "tokens: 12",
    "GET /api/payments/0198c2f4-7c1e-7d2a-9d1c-2b9f5c1d3e4f 200",
    "Idempotency-Key: order-2026-11",
    "https://billing.example:8000/invoices",
]


@pytest.mark.parametrize(("text", "masked"), HIDDEN)
def test_a_secret_in_a_text_is_masked(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize("text", KEPT)
def test_what_merely_looks_like_a_secret_survives(text):
    assert mask_text(text) == text


@given(st.uuids())
def test_every_uuid_survives(value):
    assert mask_text(f"payment {value} paid") == f"payment {value} paid"
    assert mask_value({"payment": value, "hex": value.hex}) == {"payment": str(value), "hex": value.hex}


@given(st.integers(-(10**12) + 1, 10**12 - 1))
def test_every_amount_survives(value):
    assert mask_value(value) == value
    assert mask_text(f"amount {value} usd") == f"amount {value} usd"


def test_containers_are_walked_and_names_decide():
    value = {
        "password": ["a", "b"],
        "api_key": 5,
        "headers": {"Authorization": "x", "Cookie": "y", "Accept": "z"},
        "cards": ("4242424242424242", 4242424242424242, 2900),
        "token": None,
        "paid": True,
    }
    assert mask_value(value) == {
        "password": "***",
        "api_key": "***",
        "headers": {"Authorization": "***", "Cookie": "***", "Accept": "z"},
        "cards": ["***4242", "***4242", 2900],
        "token": None,
        "paid": True,
    }


def test_a_long_hostile_line_is_masked_in_no_time():
    """Runs of digits, dots and names, 200,000 characters each: nothing in the patterns goes back over them again and
    again."""
    for piece in ("1 ", "4", "a.", "a-", "password", "bearer ", "pi_x_", 'token="', "4-"):
        mask_text(piece * (200_000 // len(piece)))


@pytest.fixture
def written(capsys):
    """A logger as the settings configure them, and what it wrote."""
    handler = Stderr()
    handler.addFilter(MaskSecrets())
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(f"test.{uuid.uuid4()}")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, lambda: capsys.readouterr().err
    logger.removeHandler(handler)


CANARY = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"


def test_message_arguments_extras_and_exceptions_are_masked(written):
    logger, output = written
    logger.warning(
        "%s and %s", CANARY, {"password": "canary-1"}, extra={"card": "4242424242424242", "secret": "canary-2"}
    )
    try:
        raise ValueError(f"declined for {CANARY}")
    except ValueError:
        logger.exception("no luck", stack_info=True)
    lines = output()
    assert "4eC39HqLyjWDarjtT1zdp7dc" not in lines
    assert "canary" not in lines
    assert "4242424242424242" not in lines
    assert "ValueError: declined for sk_live_***" in lines


def test_a_log_call_with_wrong_arguments_does_not_fail(written):
    logger, output = written
    logger.warning("%d of %d", "one")  # noqa: PLE1206 (this is the point)
    assert "%d of %d" in output()


def test_a_line_that_cannot_be_written_does_not_print_its_secrets(written, monkeypatch):
    logger, output = written
    monkeypatch.setattr(JsonLines, "format", lambda self, record: 1 / 0)
    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.exception("no luck")
    assert output() == f"a log line of {logger.name} was lost: ZeroDivisionError\n"
