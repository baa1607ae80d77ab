"""In a real browser: an upgrade with its preview, a cancellation and its undo; nothing is asked of any other origin."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.browser.paying_world import logged_in
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.world import SYSTEM
from payments.models import Invoice
from subscriptions.actions.subscribing import start_subscription
from subscriptions.models import Subscription
from subscriptions.tests.paypal_plans import at_paypal

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def subscriber(somebody: Callable[..., Page], **options: object) -> tuple[Subscription, Page, list[str]]:
    """On the smaller of two plans with two seats, and every address that the browser asks for."""
    small = world.plan_price(seat=1_000, yearly=10_000, code="small")
    world.plan_price(seat=2_500, yearly=25_000, code="big")
    acme = world.tenant("acme", payment_terms_days=30)
    subscription = start_subscription(tenant=acme, price=small, seats=2, actor=SYSTEM, now=timezone.now())
    page = logged_in(somebody, world.member(acme), **options)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return subscription, page, asked


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("width", [1440, 390])
def test_an_upgrade_is_previewed_made_canceled_and_taken_back(somebody: Callable[..., Page], width: int) -> None:
    subscription, page, asked = subscriber(somebody, width=width)
    page.goto("/subscription")
    assert fits(page)
    page.get_by_role("link", name="Change plan or seats").click()
    expect(page.get_by_role("heading", name="What it would cost")).to_be_visible()
    page.locator(".plan", has_text="$25.00").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("To pay$30.00")
    page.get_by_role("button", name="One seat more").click()
    expect(preview).to_contain_text("To pay$55.00")
    expect(preview).not_to_have_attribute("aria-busy", "true")
    assert fits(page)
    page.locator("#preview button:visible").click()
    expect(page.get_by_role("status")).to_contain_text("It is Professional, monthly, 3 seats now.")
    page.get_by_role("link", name="Cancel the subscription").click()
    expect(page.get_by_role("radio", name="With its period")).to_be_checked()
    page.get_by_label("Why").fill("We move")
    assert fits(page)
    page.get_by_role("button", name="Cancel the subscription").click()
    expect(page.locator(".page-head .badge")).to_contain_text("Ends")
    page.get_by_role("button", name="Take that back").click()
    expect(page.locator(".page-head .badge")).to_have_text("Active")
    assert fits(page)
    subscription.refresh_from_db()
    assert subscription.terms.latest("effective_from").price.version.plan.code == "big"
    assert list(Invoice.objects.order_by("number").values_list("total_minor", flat=True)) == [2_000, 5_500]
    here = page.url.split("/subscription")[0]
    assert [each for each in asked if not each.startswith(here)] == []
    assert check_books()[1] == []


def test_seats_that_cant_be_are_told_at_once_and_the_button_is_gone(somebody: Callable[..., Page]) -> None:
    _, page, _ = subscriber(somebody)
    page.goto("/subscription/change?seats=3")
    seats = page.get_by_label("Seats", exact=True)
    seats.fill("many")
    expect(page.get_by_role("alert").filter(has_text="Write a whole number of seats")).to_be_visible()
    expect(page.locator("#preview button")).to_have_count(0)
    seats.fill("4")
    expect(page.locator("#preview")).to_contain_text("Change now for $20.00")
    expect(seats).to_be_focused()
    expect(page.get_by_text("Write a whole number of seats")).to_have_count(0)


def test_it_is_changed_without_javascript(somebody: Callable[..., Page]) -> None:
    subscription, page, _ = subscriber(somebody, java_script_enabled=False)
    page.goto("/subscription/change")
    page.get_by_label("Seats", exact=True).fill("4")
    page.get_by_role("button", name="Update preview").click()
    page.get_by_role("button", name="Change now for $20.00").click()
    expect(page.get_by_role("status")).to_contain_text("4 seats now")
    assert subscription.terms.latest("effective_from").seats == 4


def test_who_comes_back_by_the_browsers_button_sees_the_sum_of_what_is_chosen(somebody: Callable[..., Page]) -> None:
    _, page, _ = subscriber(somebody)
    page.goto("/subscription/change")
    page.get_by_role("button", name="One seat more").click()
    expect(page.locator("#preview")).to_contain_text("Change now for $10.00")
    page.get_by_role("link", name="Invoices").click()
    page.go_back()
    seats = page.get_by_label("Seats", exact=True)
    shown = "Change now for $10.00" if seats.input_value() == "3" else "That is what you have now."
    expect(page.locator("#preview")).to_contain_text(shown)


def test_a_subscription_is_started_by_keyboard_in_a_trial(somebody: Callable[..., Page]) -> None:
    from subscriptions.terms import Trial

    world.plan_price(seat=1_000, yearly=10_000, code="pro", trial=Trial(14))
    page = logged_in(somebody, world.member(world.tenant("acme")), width=390)
    page.goto("/subscription")
    page.get_by_role("link", name="Choose Professional").press("Enter")
    page.get_by_role("radio", name="Pay from the first day").press("Space")
    expect(page.locator("#preview")).to_contain_text("Start for $10.00")
    page.get_by_role("radio", name="Begin with a trial").press("Space")
    expect(page.locator("#preview")).to_contain_text("Start the trial")
    assert fits(page)
    page.locator(".paybar button").press("Enter")
    expect(page.locator(".page-head .badge")).to_contain_text("Trial, 14 days left")
    assert Subscription.objects.get().status == "trialing"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_subscription_is_agreed_to_on_paypals_page(
    somebody: Callable[..., Page], paypal_page: PayPalWorld, width: int
) -> None:
    at_paypal(world.plan_price(seat=1_000, code="small"))
    acme = world.tenant("acme")
    page = logged_in(somebody, world.member(acme), width=width)
    page.goto("/subscription/start?plan=small&cycle=monthly")
    assert fits(page)
    page.locator(".choice", has_text="PayPal").click()
    page.locator("#go button:visible, button[form=go]:visible").first.click()
    expect(page.locator("main")).to_contain_text("10.00")
    assert page.url.startswith(f"{paypal_page.sandbox.base_url}/webapps/billing/subscriptions?ba_token=")
    page.get_by_role("button", name="Cancel and return").click()
    expect(page.get_by_role("status").first).to_contain_text("without agreeing")
    page.goto("/subscription/start?plan=small&cycle=monthly")
    page.locator(".choice", has_text="PayPal").click()
    page.locator("#go button:visible, button[form=go]:visible").first.click()
    page.locator("#payment-submit-btn").click()
    expect(page.locator(".page-head .badge")).to_have_text("Active")
    assert fits(page)
    assert [each["status"] for each in paypal_page.objects("subscriptions")].count("ACTIVE") == 1
    assert Invoice.objects.get().status == "paid"
    assert check_books()[1] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_a_change_is_agreed_to_on_paypals_page(
    somebody: Callable[..., Page], paypal_page: PayPalWorld, width: int
) -> None:
    """The policy of the page lets its form end there; left without agreeing, nothing changes."""
    at_paypal(world.plan_price(seat=1_000, code="small"))
    at_paypal(world.plan_price(seat=2_500, code="big"))
    page = logged_in(somebody, world.member(world.tenant("acme")), width=width)
    page.goto("/subscription/start?plan=small&cycle=monthly&seats=2")
    page.locator(".choice", has_text="PayPal").click()
    page.locator("#go button:visible, button[form=go]:visible").first.click()
    page.locator("#payment-submit-btn").click()
    expect(page.locator(".page-head .badge")).to_have_text("Active")
    subscription = Subscription.objects.get()
    for decision in ("Cancel and return", "Agree and continue"):
        page.get_by_role("link", name="Change plan or seats").click()
        page.locator(".plan", has_text="$25.00").click()
        expect(page.locator("#preview")).to_contain_text("Nothing today")
        expect(page.locator("#preview")).not_to_have_attribute("aria-busy", "true")
        assert fits(page)
        page.locator("#preview button:visible").click()
        expect(page.locator("main")).to_contain_text("50.00 USD")
        page.get_by_role("button", name=decision).click()
        said = "without agreeing" if decision.startswith("Cancel") else "You have agreed at PayPal. From"
        expect(page.get_by_role("status").first).to_contain_text(said)
        subscription.refresh_from_db()
        assert (subscription.pending_at is None) == decision.startswith("Cancel")
    assert fits(page)
    assert subscription.pending_at == subscription.period_end
    assert subscription.terms.get().price.version.plan.code == "small"
    assert Invoice.objects.get().total_minor == 2_000
    assert check_books()[1] == []
