"""A person with a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page


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


def is_trouble(message: ConsoleMessage) -> bool:
    """htmx says so when a page is left before a part of it has come; that is not trouble."""
    return message.type == "error" and not message.text.startswith("htmx:")
