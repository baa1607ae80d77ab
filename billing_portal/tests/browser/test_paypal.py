"""In a real browser, with PayPal's page on an origin of its own: paid, left, declined, closed too early; and a wire
that somebody says to have sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from billing_portal.invariants import check_books
from billing_portal.tests.browser.paying_world import payer, stands
from billing_portal.tests.paypal_world import PayPalWorld
from payments.inbox.handling import handle_due
from payments.models import Payment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def goes_to_paypal(page: Page, paypal: PayPalWorld, amount: str = "29.00") -> None:
    """By the button of the pay page, whose policy must let the form end on another origin."""
    page.get_by_role("radio", name="PayPal").check()
    button = page.locator("button:visible", has_text="at PayPal")
    expect(button).to_have_text(f"Pay ${amount} at PayPal", use_inner_text=True)
    button.click()
    expect(page.locator("main")).to_contain_text(f"{amount} USD")
    assert page.url.startswith(f"{paypal.sandbox.base_url}/checkoutnow?token=")


@pytest.mark.parametrize("width", [1440, 390])
def test_an_invoice_is_paid_at_paypal(somebody: Callable[..., Page], paypal_page: PayPalWorld, width: int) -> None:
    who = payer(somebody, width=width)
    page = who.opens_pay_page()
    goes_to_paypal(page, paypal_page)
    assert paypal_page.taken() == []
    page.get_by_role("button", name="Pay now").click()
    stands(page, "Succeeded")
    expect(page.locator(".page-head")).to_contain_text("PayPal")
    page.reload()
    page.goto(f"/invoices/{who.invoice.id}")
    stands(page, "Paid")
    assert paypal_page.taken() == ["29.00"]
    assert check_books()[1] == []


def test_who_cancels_at_paypal_reads_so_and_can_try_again(
    somebody: Callable[..., Page], paypal_page: PayPalWorld
) -> None:
    who = payer(somebody)
    page = who.opens_pay_page()
    goes_to_paypal(page, paypal_page)
    page.get_by_role("button", name="Cancel and return").click()
    notice = page.get_by_role("status").filter(has_text="You came back from PayPal without approving")
    expect(notice).to_contain_text("Nothing was charged.")
    assert Payment.objects.get().status == "canceled"
    expect(page.get_by_role("radio", name="PayPal")).to_be_checked()
    goes_to_paypal(page, paypal_page)
    page.get_by_role("button", name="Pay now").click()
    stands(page, "Succeeded")
    assert paypal_page.taken() == ["29.00"]
    assert [each["status"] for each in paypal_page.objects("orders")].count("COMPLETED") == 1
    assert check_books()[1] == []


def test_who_is_declined_goes_back_to_paypal_and_pays(somebody: Callable[..., Page], paypal_page: PayPalWorld) -> None:
    page = payer(somebody).opens_pay_page()
    page.get_by_label("Part of it").check()
    page.get_by_label("Amount to pay now").fill("9.21")
    goes_to_paypal(page, paypal_page, "9.21")
    page.get_by_role("button", name="Pay now").click()
    expect(page.locator(".notice-bad")).to_contain_text(
        "PayPal could not take $9.21 from the card or account that you chose"
    )
    stands(page, "Action needed")
    assert paypal_page.taken() == []
    page.get_by_role("link", name="Choose another at PayPal").click()
    expect(page.locator("main")).to_contain_text("declined")
    page.get_by_role("button", name="Pay now").click()
    stands(page, "Succeeded")
    assert (paypal_page.taken(), Payment.objects.count()) == (["9.21"], 1)
    assert check_books()[1] == []


def test_who_closes_the_tab_at_paypal_has_paid_all_the_same(
    somebody: Callable[..., Page], paypal_page: PayPalWorld
) -> None:
    who = payer(somebody)
    page = who.opens_pay_page()
    goes_to_paypal(page, paypal_page)
    at_paypal, context = page.url, page.context
    page.request.post(at_paypal, form={"decision": "pay"}, max_redirects=0)  # pressed, and never led back
    page.close()
    assert paypal_page.taken() == []
    paypal_page.deliver()
    handle_due(timezone.now() + timedelta(seconds=1))
    later = context.new_page()
    later.goto(f"/invoices/{who.invoice.id}")
    stands(later, "Paid")
    assert paypal_page.taken() == ["29.00"]
    assert check_books()[1] == []


def test_who_leaves_paypal_open_finishes_from_the_invoice(
    somebody: Callable[..., Page], paypal_page: PayPalWorld
) -> None:
    who = payer(somebody)
    page = who.opens_pay_page()
    goes_to_paypal(page, paypal_page)
    page.goto(f"/invoices/{who.invoice.id}")
    stands(page, "Action needed")
    page.get_by_role("link", name="Finish at PayPal").click()
    page.get_by_role("button", name="Pay now").click()
    stands(page, "Succeeded")
    assert (paypal_page.taken(), Payment.objects.count()) == (["29.00"], 1)


@pytest.mark.parametrize("width", [1440, 390])
def test_somebody_tells_of_a_wire_and_takes_that_back(
    somebody: Callable[..., Page], paypal_page: PayPalWorld, width: int
) -> None:
    who = payer(somebody, width=width)
    who.page.goto(f"/invoices/{who.invoice.id}")
    who.page.get_by_role("link", name="I have sent a check or wire").click()
    page = who.page
    page.get_by_label("Wire", exact=True).check()
    expect(page.get_by_label("Amount, USD")).to_have_value("29.00")
    page.get_by_label("Number of the check, or text of the wire").fill(who.invoice.remittance_code)
    page.get_by_role("button", name="Tell us that it is sent").click()
    stands(page, "Awaiting review")
    payment = Payment.objects.get()
    assert (payment.method, payment.amount_minor, payment.declared_by_tenant) == ("wire", 2_900, True)
    page.goto(f"/invoices/{who.invoice.id}")
    stands(page, "Awaiting review")
    page.goto(f"/payments/{payment.id}")
    page.get_by_role("button", name="Take it back").click()
    stands(page, "Canceled")
