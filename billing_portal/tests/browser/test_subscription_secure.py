"""In a real browser: a subscription whose first payment, or whose trial's card, the bank wants confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.browser.paying_world import bank, logged_in, stands
from billing_portal.tests.browser.test_subscription import fits
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.customers import customer_for
from payments.actions.syncing_methods import sync_methods
from payments.models import Invoice, Payment
from subscriptions.models import Subscription
from subscriptions.terms import Trial
from subscriptions.tests.stripe_plans import followed

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ASKS_ALWAYS, ASKS_NOTHING = "pm_card_authenticationRequired", "pm_card_visa"


def starts(somebody: Callable[..., Page], stripe: StripeWorld, *methods: str, width: int, **plan: Any) -> Page:
    """An owner on the page that starts a plan of $10.00, with these cards saved; the first one pays."""
    world.plan_price(seat=1_000, code="small", **plan)
    acme, now = world.tenant("acme"), timezone.now()
    customer = customer_for(tenant=acme, provider=stripe.provider, now=now).provider_ref
    for method in methods:
        stripe.saved_method(customer, method)
    sync_methods(tenant=acme, now=now)
    page = logged_in(somebody, world.member(acme), width=width)
    page.goto("/subscription")
    page.get_by_role("link", name="Choose Professional").click()
    page.locator(".choice", has_text="•••• 3184").click()
    assert fits(page)
    return page


def begins(page: Page) -> None:
    page.locator("#go button:visible").first.click()


def answers(page: Page, button: str) -> None:
    """On the bank's page, which has opened by itself."""
    bank(page).get_by_role("button", name=button).click()


def statuses() -> list[str]:
    return list(Subscription.objects.order_by("started_at").values_list("status", flat=True))


def bills() -> list[tuple[str, int | None]]:
    """How each stands, and what of it was dropped."""
    rows = Invoice.objects.order_by("number_sequence")
    return list(rows.values_list("status", "credit_notes__amount_minor"))


@pytest.mark.parametrize("width", [1440, 390])
def test_the_bank_asks_for_the_first_payment_and_its_payer_confirms(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    page = starts(somebody, stripe_js, ASKS_ALWAYS, width=width)
    begins(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm $10.00")
    expect(bank(page).get_by_text("you are paying")).to_be_visible()
    assert (statuses(), stripe_js.taken()) == (["incomplete"], [])
    answers(page, "Complete authentication")
    stands(page, "Active")
    expect(page.get_by_role("status").first).to_contain_text("your subscription has begun")
    assert fits(page)
    assert (statuses(), bills(), stripe_js.taken()) == (["active"], [("paid", None)], [1_000])
    assert check_books()[1] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_who_refuses_reads_what_happened_and_begins_with_another_card(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    page = starts(somebody, stripe_js, ASKS_ALWAYS, ASKS_NOTHING, width=width)
    begins(page)
    answers(page, "Fail authentication")
    told = page.locator(".notice", has_text="You did not confirm this payment at your bank")
    expect(told).to_contain_text("Nothing was charged, and your subscription has not begun.")
    assert fits(page)
    assert (statuses(), stripe_js.taken()) == (["incomplete"], [])
    told.get_by_role("link", name="Try again").click()
    page.locator(".choice", has_text="•••• 4242").click()
    begins(page)
    stands(page, "Active")
    followed()  # what was begun before ends at Stripe, too
    assert (statuses(), stripe_js.taken()) == (["canceled", "active"], [1_000])
    assert bills() == [("paid", 1_000), ("paid", None)]
    assert [each["status"] for each in stripe_js.objects("subscriptions")] == ["incomplete_expired", "active"]
    assert check_books()[1] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_who_leaves_the_bank_confirms_later_or_gives_it_up(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    page = starts(somebody, stripe_js, ASKS_ALWAYS, width=width)
    begins(page)
    expect(bank(page).get_by_role("button", name="Complete authentication")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert").first).to_contain_text("You did not confirm this payment at your bank")
    assert fits(page)
    page.goto("/subscription")
    page.get_by_role("link", name="Confirm $10.00").click()
    expect(bank(page).get_by_role("button", name="Complete authentication")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Give this subscription up").click()
    expect(page.get_by_role("status").first).to_contain_text("Nothing was started or charged.")
    expect(page.get_by_role("link", name="Choose Professional")).to_be_visible()
    assert (statuses(), bills(), stripe_js.taken()) == (["canceled"], [("paid", 1_000)], [])
    assert list(Payment.objects.values_list("status", flat=True)) == ["canceled"]
    assert check_books()[1] == []


@pytest.mark.parametrize("width", [1440, 390])
def test_the_card_of_a_trial_is_confirmed_at_the_second_try(
    somebody: Callable[..., Page], stripe_js: StripeWorld, width: int
) -> None:
    page = starts(somebody, stripe_js, ASKS_ALWAYS, width=width, trial=Trial(14))
    begins(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your card")
    answers(page, "Fail authentication")
    expect(page.get_by_role("alert").first).to_contain_text("Your trial runs all the same, and nothing was charged.")
    assert fits(page)
    page.get_by_role("button", name="Open my bank's page").click()
    answers(page, "Complete authentication")
    stands(page, "Trial, 14 days left")
    expect(page.get_by_role("status").first).to_contain_text("Your bank has confirmed the card.")
    assert fits(page)
    (there,) = stripe_js.objects("subscriptions")
    assert (there["status"], there["pending_setup_intent"]) == ("trialing", None)
    assert (statuses(), stripe_js.taken()) == (["trialing"], [])
    assert check_books()[1] == []
