"""In a real browser: a clerk splits a check over invoices while the page follows, finance verifies it, its bank returns
it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.browser.paying_world import logged_in
from payments.models import Invoice, Payment
from payments.tests.refund_world import bill, tenant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ADD = "/admin/payments/payment/add/"


def beside(page: Page, invoice: Invoice) -> Any:
    return page.get_by_label(f"Of it for {invoice}")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_check_is_split_verified_and_returned(somebody: Callable[..., Page], width: int) -> None:
    acme = tenant()
    three = [bill(acme, cents, f"2026-{month:02}") for cents, month in ((4_000, 9), (3_000, 10), (2_000, 11))]
    clerk, finance = (world.user(staff=True, groups=(group,)) for group in ("clerk", "finance"))
    desk = logged_in(somebody, clerk, width=width)
    desk.goto(f"{ADD}?tenant={acme.id}")
    desk.locator("[name=reference]").fill("20984")
    desk.locator("[name=amount]").press_sequentially("75.00")
    expect(desk.locator("#record-split")).to_contain_text(f"$40.00 pays {three[0]}, $35.00 becomes credit.")

    # Typed while the page follows: nothing of it is lost, and the keyboard stays where it is.
    beside(desk, three[1]).press_sequentially("10", delay=300)
    beside(desk, three[1]).press_sequentially(".00", delay=300)
    expect(desk.locator("#record-split")).to_contain_text(f"$10.00 goes to {three[1]} ($20.00 stays due)")
    expect(beside(desk, three[1])).to_have_value("10.00")
    expect(beside(desk, three[1])).to_be_focused()
    beside(desk, three[2]).fill("20.01")
    expect(desk.locator("#record-invoices")).to_contain_text(f"Only $20.00 of {three[2]} is open.")
    beside(desk, three[2]).fill("20.00")
    expect(desk.locator("#record-split")).to_contain_text("$5.00 becomes credit.")

    desk.get_by_role("button", name="Spread, oldest first").click()
    expect(beside(desk, three[1])).to_have_value("30.00")
    expect(beside(desk, three[2])).to_have_value("5.00")
    assert not Payment.objects.exists()
    desk.locator("[name=reference]").press("Enter")
    expect(desk.locator("body")).to_contain_text("awaits review")
    payment = Payment.objects.get()
    assert [share.amount_minor for share in payment.shares.all()] == [4_000, 3_000, 500]

    bank = logged_in(somebody, finance, width=width)
    bank.goto(f"/admin/payments/payment/{payment.id}/verify/")
    bank.get_by_label("It still has to clear").check()
    bank.get_by_role("button", name="Verify and book it").click()
    expect(bank.locator("body")).to_contain_text("Its bank has still to pay it.")
    bank.goto(f"/admin/payments/payment/{payment.id}/bounced/")
    bank.get_by_label("Reason").fill("Insufficient funds")
    bank.get_by_label("Returned check fee, USD").fill("25.00")
    bank.get_by_role("button", name="See what will be booked").click()
    bank.get_by_role("button", name="It was returned").click()
    expect(bank.locator("body")).to_contain_text("bills the fee of $25.00")
    assert {each.status for each in Invoice.objects.all()} == {"open"}
    assert check_books()[1] == []
