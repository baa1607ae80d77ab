"""In a real browser: cards and bank accounts are saved, pay and are removed; only card pages load from afar."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from billing_portal.tests.browser.paying_world import ASKS, BAD, CENTS, GOOD, bank, payer, pays, stands, types_card
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Payment, PaymentMethod

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1440, 390])
def test_a_card_is_added_made_default_and_removed(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    page = payer(somebody, width=width).page
    page.goto("/methods")
    expect(page.get_by_text("No payment method yet")).to_be_visible()
    page.get_by_role("link", name="Add a card").click()
    types_card(page, GOOD)
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_role("status")).to_contain_text("Visa •••• 4242 is saved.")
    first = page.locator(".methods li")
    expect(first).to_contain_text("Default")

    page.get_by_role("link", name="Add card").click()
    types_card(page, "5555555555554444")
    page.get_by_role("button", name="Save card").click()
    expect(page.locator(".methods li")).to_have_count(2)
    page.get_by_role("button", name="Make default Mastercard •••• 4444").click()
    expect(page.locator(".methods li").first).to_contain_text("Mastercard •••• 4444")
    expect(page.locator(".methods li").first.locator(".tag")).to_have_text("Default")

    page.get_by_role("link", name="Remove Visa •••• 4242").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Remove Visa •••• 4242?")
    page.get_by_role("button", name="Remove Visa •••• 4242").click()
    expect(page.get_by_role("status")).to_contain_text("Visa •••• 4242 is removed.")
    expect(page.locator(".methods li")).to_have_count(1)
    kept = [each["card"]["last4"] for each in stripe_js.objects("payment_methods") if each["customer"]]
    assert kept == ["4444"]
    assert stripe_js.taken() == []


def test_a_card_that_its_bank_asks_about_is_saved_and_one_it_refuses_is_not(
    somebody: Callable[..., Page], stripe_js: StripeWorld
) -> None:
    page = payer(somebody).page
    page.goto("/methods/add-card")
    types_card(page, BAD)
    page.get_by_role("button", name="Save card").click()
    expect(page.get_by_role("alert").filter(has_text="Your bank did not accept this card")).to_be_visible()
    types_card(page, ASKS)
    page.get_by_role("button", name="Save card").click()
    bank(page).get_by_role("button", name="Complete authentication").click()
    expect(page.locator(".methods li")).to_contain_text("Visa •••• 3155")
    assert len(stripe_js.objects("setup_intents")) == 1
    assert PaymentMethod.objects.get().is_default


@pytest.mark.parametrize("width", [1440, 390])
def test_a_bank_account_is_added_where_it_is_needed_and_pays(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    who = payer(somebody, width=width)
    page = who.opens_pay_page()
    page.get_by_role("link", name="New bank account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a bank account")
    page.wait_for_load_state()  # clicked before its script is there it is a plain form's button
    button = page.get_by_role("button", name="Choose the account and save it")
    button.click()
    bank(page).get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert").filter(has_text="No account was chosen")).to_be_visible()
    button.click()
    bank(page).get_by_role("button", name="Link account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay $29.00")
    account = page.get_by_role("radio", name="6789")
    expect(account).to_be_checked()
    expect(page.get_by_text("The money is on its way for 3 to 5 business days")).to_be_visible()
    pays(page)
    stands(page, "Processing")
    expect(page.locator("main")).to_contain_text("It takes 3 to 5 business days. You need not pay again.")
    page.goto(f"/invoices/{who.invoice.id}")
    stands(page, "Processing")
    expect(page.locator("main")).to_contain_text("You need not send anything more.")
    payment = Payment.objects.get()
    assert (payment.status, payment.method, stripe_js.taken()) == ("processing", "us_bank_account", [])
    stripe_js.settle(str(payment.provider_ref), "succeeded")
    page.goto(f"/payments/{payment.id}")
    assert stripe_js.taken() == [CENTS]


def test_only_pages_that_take_a_card_load_from_another_origin(
    somebody: Callable[..., Page], stripe_js: StripeWorld
) -> None:
    who = payer(somebody)
    page = who.opens_pay_page()
    types_card(page, ASKS)
    pays(page)
    bank(page).get_by_role("button", name="Complete authentication").click()
    stands(page, "Succeeded")
    payment = Payment.objects.get()
    home = urlsplit(page.url).netloc
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def foreign(path: str) -> set[str]:
        asked.clear()
        page.goto(path)
        page.wait_for_load_state("networkidle")
        return {urlsplit(url).netloc for url in asked} - {home}

    assert foreign("/methods/add-card") == {urlsplit(stripe_js_origin()).netloc}
    for path in (
        "/",
        "/usage",
        "/invoices",
        f"/invoices/{who.invoice.id}",
        "/payments",
        f"/payments/{payment.id}",
        "/methods",
        "/login",
    ):
        assert foreign(path) == set(), path


def stripe_js_origin() -> str:
    from django.conf import settings

    return str(settings.STRIPE_JS_ORIGIN)
