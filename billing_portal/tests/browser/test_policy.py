"""In a real browser: the content security policy lets each page show as it is meant to, and other origins call the
API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tests import world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, live_server: Any, complaints: list[str]) -> Iterator[Page]:
    """A page whose complaints are kept."""
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def test_the_description_and_the_desk_show_without_a_complaint(page: Page, complaints: list[str]) -> None:
    page.goto("/api/docs")
    page.locator(".opblock-summary").first.click()
    expect(page.locator(".opblock.is-open")).to_be_visible()
    boss = world.user("root@portal.example", staff=True, is_superuser=True)
    page.goto("/admin/")
    page.locator("[name=username]").fill(boss.email)
    page.locator("[name=password]").fill("secret for tests")
    page.locator("[type=submit]").first.click()
    for path in ("/admin/payments/payment/", "/admin/tenants/tenant/add/"):
        page.goto(path)
        expect(page.locator("#nav-sidebar").first).to_be_visible()
    assert complaints == []


class App(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()


@pytest.fixture
def app() -> Iterator[int]:
    """The port of somebody else's web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), App) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_page_of_another_origin_calls_the_api_with_a_key(
    page: Page, live_server: Any, settings: Any, app: int
) -> None:
    settings.CORS_ALLOWED_ORIGINS = [f"http://localhost:{app}"]
    _, secret = create_api_key(
        tenant=world.tenant("acme"), name="app", scopes=["billing:read"], actor=world.SYSTEM, now=world.START
    )
    call = """async ([url, secret]) => {
        const headers = {Authorization: `Bearer ${secret}`, "X-Tenant": "acme"}
        try {
            const answer = await fetch(url, {headers})
            return [answer.status, answer.headers.get("X-Request-Id") !== null]
        } catch { return "refused" }
    }"""
    asked = [f"{live_server.url}/api/payments", secret]
    page.goto(f"http://localhost:{app}/")
    assert page.evaluate(call, asked) == [200, True]
    page.goto(f"http://127.0.0.1:{app}/")  # the same server, and another origin
    assert page.evaluate(call, asked) == "refused"
