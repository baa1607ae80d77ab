"""In a real browser: an owner reads the invoice, staff record and verify a check, the invoice shows paid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing_portal.invariants import check_books
from billing_portal.tests import world
from payments.models import Payment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def logs_in(page: Page, who: Any) -> Page:
    page.get_by_label("Email").fill(who.email)
    page.get_by_label("Password").fill("secret for tests")
    page.get_by_role("button", name="Log in").click()
    return page


def at_the_admin(page: Page, who: Any) -> Page:
    page.locator("[name=username]").fill(who.email)
    page.locator("[name=password]").fill("secret for tests")
    page.locator("[type=submit]").first.click()
    return page


@pytest.mark.parametrize("width", [1440, 390])
def test_an_invoice_is_read_paid_by_check_and_shows_paid(somebody: Callable[..., Page], width: int) -> None:
    acme = world.subscribed(slug="acme", tax_percent=None)
    world.call(acme, 10, world.at("2026-09-11 12:00"), toll_free=True)  # 18 cents, on a line of its own
    invoice = world.overage_invoice(acme, cents=1_200_000)
    owner = world.member(acme)
    clerk = world.user("clerk@portal.example", staff=True, groups=("clerk",))
    finance = world.user("finance@portal.example", staff=True, groups=("finance",))

    reader = logs_in(somebody("/login", width=width), owner)
    reader.goto("/invoices")
    reader.get_by_role("link", name=str(invoice)).first.click()
    expect(reader.get_by_role("heading", level=1)).to_contain_text(str(invoice))
    reader.locator("summary").filter(has_text="How this was computed").first.click()
    expect(reader.locator("details[open] .formula").first).to_contain_text("1,000,000")
    expect(reader.locator("body")).to_contain_text("$12,000.18")
    expect(reader.locator("body")).to_contain_text(invoice.remittance_code)

    desk = at_the_admin(somebody(f"/admin/payments/payment/add/?tenant={acme.id}&invoice={invoice.id}"), clerk)
    desk.locator("[name=reference]").fill("20984")
    desk.locator("[name=received_on]").fill("2026-10-05")
    desk.locator("[name=amount]").fill("12000.18")
    desk.get_by_role("button", name="Save for review").click()
    expect(desk.locator("body")).to_contain_text("20984")
    payment = Payment.objects.get()
    assert (payment.status, payment.needs_second_person, payment.invoice) == ("awaiting_review", True, invoice)

    verifier = at_the_admin(somebody(f"/admin/payments/payment/{payment.id}/change/"), finance)
    verifier.get_by_role("link", name="Verify").first.click()
    verifier.get_by_role("button", name="Verify and book it").click()
    expect(verifier.locator("body")).to_contain_text("verified and booked")

    reader.reload()
    expect(reader.locator(".page-head .badge")).to_have_text("Paid")
    assert check_books()[1] == []
