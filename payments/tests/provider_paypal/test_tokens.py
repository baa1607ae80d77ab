"""The access token: one for all, fetched once, replaced once when PayPal has forgotten it, and told to nobody."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import httpx
import pytest

from billing_portal.testing import at_once, wait_until
from payments.providers.contract_approval import approval_request
from payments.providers.errors import ProviderMisconfigured, ProviderUnavailable
from payments.providers.facts import Outcome
from payments.providers.paypal import tokens
from payments.providers.paypal.tokens import Token, Tokens
from payments.tests.provider_paypal.adapter import PayPalAdapter

TOKEN = "/v1/oauth2/token"


def fetched(paypal: PayPalAdapter) -> int:
    return sum(each.url.path == TOKEN for each in paypal.wire.requests)


def test_eight_threads_fetch_one_token(paypal: PayPalAdapter) -> None:
    outcomes = at_once(8, lambda: paypal.provider.begin(approval_request()))
    assert (len(outcomes.results), fetched(paypal)) == (8, 1), outcomes.errors


def test_those_who_wait_for_a_fetch_share_what_it_brings(paypal: PayPalAdapter) -> None:
    waiting, gate = threading.Semaphore(0), threading.Event()
    calls: list[int] = []

    def fetch() -> Token:
        calls.append(1)
        waiting.release()
        gate.wait(10)
        raise ProviderUnavailable("nobody there")

    kept = Tokens(fetch)
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(kept.current())
        except ProviderUnavailable as error:
            found.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    threads[0].start()
    assert waiting.acquire(timeout=10)
    for each in threads[1:]:
        each.start()
    wait_until(lambda: kept._under_way is not None and len(kept._under_way._condition._waiters) == 5)
    gate.set()
    for each in threads:
        each.join(10)
    assert len(calls) == 1 and len(found) == 6
    assert all(isinstance(each, ProviderUnavailable) for each in found)


def test_a_forgotten_token_is_replaced_once_and_the_money_moves_once(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed()
    paypal.fault("token_revoked", "/v2/checkout/orders/*/capture")
    assert paypal.provider.capture(reference, key="cap:1").outcome is Outcome.SUCCEEDED
    assert (fetched(paypal), paypal.moved("capture")) == (2, [2_900])


def test_many_threads_whose_token_was_forgotten_fetch_one_more(paypal: PayPalAdapter) -> None:
    paypal.provider.begin(approval_request())
    paypal.sandbox.books.note("tokens", {})
    outcomes = at_once(8, lambda: paypal.provider.begin(approval_request()))
    assert (len(outcomes.results), fetched(paypal)) == (8, 2), outcomes.errors


def test_a_fresh_token_that_is_refused_too_is_our_configuration_and_not_replaced_at_once(paypal: PayPalAdapter) -> None:
    reference = paypal.agreed()
    paypal.fault("token_revoked", "/v2/checkout/orders/*", method="*", times=100)
    for _ in range(5):
        with pytest.raises(ProviderMisconfigured):
            paypal.provider.look_up(reference)
    assert fetched(paypal) == 2, "the first and its replacement"
    paypal.panel("DELETE", "faults")
    paypal.client._process().tokens._rests_until = 0.0  # as if a while had passed
    assert paypal.provider.look_up(reference).can_capture
    assert fetched(paypal) == 3


def test_a_token_is_replaced_before_it_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(tokens.time, "monotonic", lambda: now[0])
    made: list[Token] = []

    def fetch() -> Token:
        made.append(Token(f"t{len(made)}", now[0] + 100))
        return made[-1]

    kept = Tokens(fetch)
    assert kept.current() is kept.current() is made[0]
    now[0] += 101
    assert kept.current() is made[1]


def test_a_wrong_secret_is_our_configuration(paypal: PayPalAdapter) -> None:
    provider = paypal.made_provider(client=paypal.made_client(secret="wrong"))
    with pytest.raises(ProviderMisconfigured):
        provider.capture("5O190127TN364715T", key="cap:1")
    assert paypal.wire.paths == [], "nothing else was sent"
    told = httpx.Response(400, json={"error": "unauthorized_client", "error_description": "Not allowed"})
    paypal.wire.instead = lambda request: told
    with pytest.raises(ProviderMisconfigured):
        paypal.made_provider(client=paypal.made_client()).look_up("5O190127TN364715T")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="oops"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": "x", "expires_in": "soon"}),
        httpx.Response(200, json={"access_token": "ü", "expires_in": 100}),
        httpx.Response(429, json={"name": "RATE_LIMIT_REACHED"}),
    ],
)
def test_without_a_token_nothing_was_asked_so_that_nothing_can_have_moved(
    paypal: PayPalAdapter, answer: httpx.Response
) -> None:
    reference = paypal.agreed()
    provider = paypal.made_provider(client=paypal.made_client())
    paypal.wire.requests.clear()
    paypal.wire.instead = lambda request: answer if request.url.path == TOKEN else None
    with pytest.raises(ProviderUnavailable):
        provider.capture(reference, key="cap:1")
    assert paypal.wire.paths == []


def test_neither_token_nor_secret_is_told(paypal: PayPalAdapter, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("httpx", "payments"):
        logger = logging.getLogger(name)
        logger.addHandler(caplog.handler)
        caplog.set_level(logging.DEBUG, logger=name)
    paypal.paid()
    for name in ("httpx", "payments"):
        logging.getLogger(name).removeHandler(caplog.handler)
    token = paypal.client._process().tokens.current()
    told = caplog.text + repr(paypal.client) + repr(token) + str(token)
    assert "orders" in caplog.text
    assert token.value not in told and paypal.sandbox.client_secret not in told


def test_a_forked_process_makes_its_own_connections(paypal: PayPalAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    first = paypal.client._process()
    assert paypal.client._process() is first
    monkeypatch.setattr(os, "getpid", lambda: first.pid + 1)
    second = paypal.client._process()
    assert second.http is not first.http and second.tokens is not first.tokens
    second.http.close()
