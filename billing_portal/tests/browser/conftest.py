"""A person with a browser, and Stripe and PayPal as a browser reaches them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from billing_portal.sandbox.serving import server
from billing_portal.tests import paypal_world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld


@pytest.fixture
def somebody(browser: Browser, live_server: Any) -> Iterator[Callable[..., Page]]:
    """A person with a browser of their own; whatever it complains about in its console fails the test."""
    complaints: list[str] = []
    contexts = []

    def opens(path: str, *, width: int = 1440, **options: Any) -> Page:
        viewport: Any = {"width": width, "height": 900}
        context = browser.new_context(base_url=live_server.url, viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if is_trouble(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield opens
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def stripe_js(stripe: StripeWorld, settings: Any) -> Iterator[StripeWorld]:
    """Stripe over HTTP beside the one in the process: the same books, for browsers, which load Stripe.js from there."""
    listener = server(stripe.sandbox, 0)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    settings.STRIPE_JS_ORIGIN = f"http://127.0.0.1:{listener.server_port}"
    yield stripe
    listener.shutdown()
    listener.server_close()


@pytest.fixture
def paypal_page(live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[PayPalWorld]:
    """PayPal over HTTP beside the one in the process: the same books, for browsers, in which payers approve."""
    paypal = PayPalWorld()
    listener = server(paypal.sandbox, 0)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    paypal.sandbox.base_url = f"http://127.0.0.1:{listener.server_port}"
    settings.PUBLIC_URL = live_server.url  # PayPal leads back to it
    off = paypal_world.turned_on(paypal, monkeypatch, settings)
    yield paypal
    off()
    listener.shutdown()
    listener.server_close()
    paypal.close()


def is_trouble(message: ConsoleMessage) -> bool:
    """htmx says so when a page is left before a part of it has come, and a decline is an answer with 402, which the
    browser counts as an error of the network; neither is trouble."""
    return message.type == "error" and not message.text.startswith("htmx:") and "402" not in message.text
