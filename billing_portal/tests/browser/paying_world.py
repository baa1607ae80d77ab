"""What a payer does in a browser: opens a page as somebody, types a card into Stripe's frame, answers the bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client
from playwright.sync_api import FrameLocator, Page, expect

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from payments.models import Invoice

CENTS = 2_900

GOOD, ASKS, POOR, BAD = "4242424242424242", "4000002500003155", "4000000000009995", "4000000000000002"


@dataclass
class Payer:
    """Somebody of a tenant's who may pay, with a browser, and an open invoice of $29.00."""

    tenant: Tenant
    invoice: Invoice
    page: Page

    def opens_pay_page(self) -> Page:
        """By the button of the invoice, as people do."""
        self.page.goto(f"/invoices/{self.invoice.id}")
        self.page.locator("a:visible", has_text="Pay $29.00").first.click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Pay $29.00")
        return self.page


def payer(somebody: Callable[..., Page], *, width: int = 1440, role: str = "owner", **options: Any) -> Payer:
    acme = world.subscribed(slug="acme", payment_terms_days=3_650)
    invoice = world.overage_invoice(acme, cents=CENTS)
    return Payer(acme, invoice, logged_in(somebody, world.member(acme, role), width=width, **options))


def logged_in(somebody: Callable[..., Page], who: Any, **options: Any) -> Page:
    """A browser in which they are."""
    client = Client()
    client.force_login(who)
    page = somebody("/login", **options)
    page.set_default_timeout(15_000)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": page.url}])
    return page


def types_card(page: Page, number: str, *, expires: str = "12 / 34", code: str = "123") -> None:
    """Into the frame of the other origin; nothing of it is ours."""
    frame = page.frame_locator("[data-card-frame] iframe")
    frame.get_by_label("Card number").fill("")
    frame.get_by_label("Card number").press_sequentially(number)
    frame.get_by_label("Expiration date").fill(expires)
    frame.get_by_label("Security code").fill(code)


def pays(page: Page, label: str = "Pay $29.00") -> None:
    page.locator("button:visible", has_text=label).click()


def bank(page: Page) -> FrameLocator:
    """The bank's page, in a frame over ours."""
    return page.frame_locator("dialog iframe")


def stands(page: Page, word: str) -> None:
    """The badge beside the page's title."""
    expect(page.locator(".page-head .badge")).to_have_text(word)
