"""In a real browser, with the twin of Stripe.js from its own origin: an invoice is paid, declined, confirmed, left."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.browser.paying_world import (
    ASKS,
    BAD,
    CENTS,
    GOOD,
    POOR,
    bank,
    payer,
    pays,
    stands,
    types_card,
)
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.collecting import collect_invoice
from payments.actions.customers import customer_for
from payments.actions.syncing_methods import sync_methods
from payments.models import Payment, PaymentMethod

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def statuses() -> list[str]:
    return list(Payment.objects.order_by("created_at").values_list("status", flat=True))


@pytest.mark.parametrize("width", [1440, 390])
def test_a_new_card_pays_and_the_invoice_shows_it(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    who = payer(somebody, width=width)
    page = who.opens_pay_page()
    types_card(page, GOOD)
    pays(page)
    stands(page, "Succeeded")
    expect(page.locator(".page-head")).to_contain_text("Visa •••• 4242")
    page.goto(f"/invoices/{who.invoice.id}")
    stands(page, "Paid")
    assert stripe_js.taken() == [CENTS]
    assert not PaymentMethod.objects.exists()
    assert check_books()[1] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_the_bank_asks_and_its_payer_confirms(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    page = payer(somebody, width=width).opens_pay_page()
    types_card(page, ASKS)
    page.get_by_label("Keep this card for later payments").check()
    pays(page)
    expect(bank(page).get_by_text("you are paying")).to_be_visible()
    assert stripe_js.taken() == []
    bank(page).get_by_role("button", name="Complete authentication").click()
    stands(page, "Succeeded")
    expect(page.locator(".history")).to_contain_text("Your bank asked you to confirm it")
    assert stripe_js.taken() == [CENTS]
    page.goto("/methods")
    expect(page.locator(".methods")).to_contain_text("Visa •••• 3155")


def test_who_refuses_at_the_bank_reads_so_and_can_pay_otherwise(
    somebody: Callable[..., Page], stripe_js: StripeWorld
) -> None:
    page = payer(somebody).opens_pay_page()
    types_card(page, ASKS)
    pays(page)
    bank(page).get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert").first).to_contain_text("You did not confirm this payment at your bank.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay $29.00")
    assert (statuses(), stripe_js.taken()) == (["failed"], [])
    types_card(page, GOOD)
    pays(page)
    stands(page, "Succeeded")
    assert (statuses(), stripe_js.taken()) == (["failed", "succeeded"], [CENTS])


def test_who_leaves_the_bank_finds_the_payment_waiting_and_finishes_or_gives_it_up(
    somebody: Callable[..., Page], stripe_js: StripeWorld
) -> None:
    who = payer(somebody)
    page = who.opens_pay_page()
    types_card(page, ASKS)
    pays(page)
    expect(bank(page).get_by_role("button", name="Complete authentication")).to_be_visible()
    page.keyboard.press("Escape")
    stands(page, "Action needed")
    page.goto("/")
    expect(page.locator("main")).to_contain_text("Your bank wants you to confirm this payment")
    page.goto(f"/invoices/{who.invoice.id}")
    stands(page, "Action needed")
    page.get_by_role("link", name="Open the payment").click()
    page.get_by_role("link", name="Confirm $29.00").click()
    expect(bank(page).get_by_role("button", name="Complete authentication")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Give up").click()
    stands(page, "Canceled")
    assert (statuses(), stripe_js.taken()) == (["canceled"], [])
    assert stripe_js.objects("payment_intents")[0]["status"] == "canceled"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (BAD, "Your bank declined Visa •••• 0002. It did not say why."),
        (POOR, "Your bank declined Visa •••• 9995: not enough money on the account."),
    ],
    ids=["declined", "insufficient funds"],
)
def test_a_declined_card_then_a_good_one(
    somebody: Callable[..., Page], stripe_js: StripeWorld, number: str, words: str
) -> None:
    page = payer(somebody).opens_pay_page()
    types_card(page, number)
    pays(page)
    told = page.get_by_role("alert").first
    expect(told).to_contain_text(words)
    expect(told).to_contain_text("Nothing was charged.")
    expect(told).to_be_focused()
    types_card(page, GOOD)
    pays(page)
    stands(page, "Succeeded")
    assert (statuses(), stripe_js.taken()) == (["failed", "succeeded"], [CENTS])


def test_an_unfinished_card_number_is_told_where_it_is_typed_and_nothing_is_sent(
    somebody: Callable[..., Page], stripe_js: StripeWorld
) -> None:
    page = payer(somebody).opens_pay_page()
    types_card(page, "4242")
    pays(page)
    expect(page.get_by_role("alert").filter(has_text="Your card number is incomplete.")).to_be_visible()
    assert not Payment.objects.exists()
    types_card(page, GOOD)
    pays(page)
    stands(page, "Succeeded")


def test_two_clicks_are_one_payment_and_so_is_coming_back(
    somebody: Callable[..., Page], stripe_js: StripeWorld
) -> None:
    page = payer(somebody).opens_pay_page()
    types_card(page, GOOD)
    page.locator("button:visible", has_text="Pay $29.00").dblclick()
    stands(page, "Succeeded")
    page.go_back()
    page.wait_for_load_state()
    page.goto("/payments")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert stripe_js.taken() == [CENTS]


def test_a_part_is_paid_and_the_button_says_how_much(somebody: Callable[..., Page], stripe_js: StripeWorld) -> None:
    who = payer(somebody)
    page = who.opens_pay_page()
    page.get_by_label("Part of it").check()
    page.get_by_label("Amount to pay now, USD").fill("10")
    types_card(page, GOOD)
    pays(page, "Pay $10.00")
    stands(page, "Succeeded")
    page.goto(f"/invoices/{who.invoice.id}")
    stands(page, "Partly paid")
    assert stripe_js.taken() == [1_000]


def test_a_saved_card_pays_without_javascript(somebody: Callable[..., Page], stripe_js: StripeWorld) -> None:
    who = payer(somebody, java_script_enabled=False)
    now = who.invoice.issued_at
    assert now
    stripe_js.saved_method(customer_for(tenant=who.tenant, provider=stripe_js.provider, now=now).provider_ref)
    sync_methods(tenant=who.tenant, now=now)
    page = who.opens_pay_page()
    expect(page.get_by_role("radio", name="Visa •••• 4242")).to_be_checked()
    page.get_by_role("radio", name="New card").check()
    expect(page.get_by_text("Typing in a card needs JavaScript")).to_be_visible()
    pays(page)
    expect(page.get_by_role("alert").first).to_contain_text("A new card needs JavaScript")
    page.get_by_role("radio", name="Visa •••• 4242").check()
    pays(page)
    stands(page, "Succeeded")
    assert stripe_js.taken() == [CENTS]


def test_a_charge_made_while_its_payer_was_away_is_confirmed_when_they_come(
    somebody: Callable[..., Page], stripe_js: StripeWorld
) -> None:
    who = payer(somebody)
    now = who.invoice.issued_at
    assert now
    customer = customer_for(tenant=who.tenant, provider=stripe_js.provider, now=now).provider_ref
    stripe_js.saved_method(customer, "pm_card_authenticationRequired")
    sync_methods(tenant=who.tenant, now=now)
    collect_invoice(invoice_id=who.invoice.id, actor=world.SYSTEM, now=timezone.now())
    assert (statuses(), stripe_js.taken()) == (["requires_action"], [])
    page = who.page
    page.goto("/")
    page.get_by_role("link", name="Confirm $29.00").click()
    bank(page).get_by_role("button", name="Complete authentication").click()
    stands(page, "Succeeded")
    assert (statuses(), stripe_js.taken()) == (["succeeded"], [CENTS])


@pytest.mark.parametrize("width", [1440, 390])
def test_it_is_paid_by_keyboard_alone_and_nothing_scrolls_sideways(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    page = payer(somebody, width=width).opens_pay_page()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    frame = page.frame_locator("[data-card-frame] iframe")
    expect(frame.get_by_label("Card number")).to_be_visible()
    page.get_by_role("radio", name="New card").focus()
    page.keyboard.press("Tab")
    expect(frame.get_by_label("Card number")).to_be_focused()
    for text in (GOOD, "1234", "123"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    expect(page.get_by_label("Keep this card for later payments")).to_be_focused()
    page.keyboard.press("Enter")
    stands(page, "Succeeded")
    assert stripe_js.taken() == [CENTS]
