"""One check over several invoices, and checks that clear or bounce, as their tenant sees them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from billing_portal.invariants import check_books
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.reading import queries as queries_of
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from payments.actions.clearing import return_manual_payment
from payments.models import Invoice
from payments.pages.standing import standings
from payments.tests.offline_world import check_over, cleared, clearing, recorded, verify_check
from payments.tests.refund_world import bill, tenant

pytestmark = pytest.mark.django_db

TODAY = at("2026-12-10 09:00")  # the first two are late, the third is not


@pytest.fixture(autouse=True)
def december() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=False):
        yield
    assert check_books()[1] == []


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture
def three(acme: Tenant) -> list[Invoice]:
    """Of 40, 30 and 20 dollars."""
    return [bill(acme, cents, f"2026-{month:02}") for cents, month in ((4_000, 9), (3_000, 10), (2_000, 11))]


def see(client: Client, of: Tenant, path: str) -> str:
    client.force_login(world.member(of))
    answer = client.get(path)
    assert answer.status_code == 200
    return words(answer)  # type: ignore[arg-type]


def to_send(invoices: list[Invoice]) -> list[int]:
    found = standings(Invoice.objects.filter(id__in=[each.id for each in invoices]), TODAY)
    return [found[each.id][0].to_send for each in invoices]


# --- On its way ---


def test_of_each_invoice_only_its_share_is_on_its_way(acme: Tenant, three: list[Invoice]) -> None:
    check_over(three[1:], [1_000, 2_000], amount=6_000, named=three[0])
    assert to_send(three) == [1_000, 2_000, 0]
    verify_check(check_over(three[:1], [500]), clears_later=True)
    assert to_send(three) == [500, 2_000, 0], "what is in clearing has paid, and comes no more"


def test_the_invoice_says_what_of_the_check_is_for_it(client: Client, acme: Tenant, three: list[Invoice]) -> None:
    check_over(three, [4_000, 1_000, 2_000], amount=8_000)
    page = see(client, acme, f"/invoices/{three[1].id}")
    assert "We have your check 20984 for $10.00 and are checking it." in page
    assert "We check your check 20984 $10.00. It is used for this invoice when that is done." in page
    assert "Check 20984 recorded $80.00." in page
    assert f"{three[2].number}" in see(client, acme, "/invoices?tab=on_its_way")


def test_the_payment_says_what_it_is_for(client: Client, acme: Tenant, three: list[Invoice]) -> None:
    check = check_over(three[:2], [4_000, 1_000])
    assert f"It is then used for {three[0]} and {three[1]}." in see(client, acme, f"/payments/{check.id}")


def test_a_late_invoice_asks_only_for_what_is_not_in_the_check(
    client: Client, acme: Tenant, three: list[Invoice]
) -> None:
    check_over(three, [4_000, 1_000, 2_000])
    page = see(client, acme, "/")
    assert "We have your check 20984 for $70.00 and are checking it. Until it is here, $40.00 stays due." in page
    assert "We have your check 20984 for $70.00 and are checking it. $20.00 has been due since" in page
    assert page.count("are checking it") == 2, "it is not told a third time"


def test_a_check_that_is_for_no_late_invoice_is_told_of_once(client: Client, acme: Tenant) -> None:
    invoice = bill(acme, 4_000, "2026-11")
    check_over([invoice], [4_000], amount=5_000)
    assert f"It is used for {invoice} when that is done. You need not pay again." in see(client, acme, "/")


def test_many_invoices_take_as_many_queries_as_one(client: Client, acme: Tenant, three: list[Invoice]) -> None:
    client.force_login(world.member(acme))
    check_over(three[:1], [1_000])
    one = queries_of(client, "/invoices")
    check_over(three, [1_000, 1_000, 1_000])
    assert queries_of(client, "/invoices") == one


def test_money_in_clearing_is_not_to_come(client: Client, acme: Tenant) -> None:
    clearing(acme, 5_000, bill(acme, 4_000))
    for path in ("/", "/invoices"):
        assert "$50.00 is on its way" not in see(client, acme, path)
    assert "On its way $0.00 no payment" in see(client, acme, "/invoices")


# --- Cleared, bounced ---


def test_the_story_of_a_check_that_clears(client: Client, acme: Tenant) -> None:
    invoice = bill(acme, 4_000)
    check = clearing(acme, 5_000, invoice)
    page = see(client, acme, f"/payments/{check.id}")
    assert "Your bank has still to pay it" in page
    assert (
        f"Verified; your bank still has to pay it $40.00 went to {invoice}, which is now paid. "
        "$10.00 became your credit." in page
    )
    cleared(check, TODAY)
    page = see(client, acme, f"/payments/{check.id}")
    assert "Cleared: your bank has paid it" in page
    assert page.count("became your credit") == 1
    page = see(client, acme, f"/invoices/{invoice.id}")
    assert "Verified; your bank still has to pay it" in page and "became your credit" not in page


def test_the_story_of_a_check_that_bounces(client: Client, acme: Tenant) -> None:
    invoice = bill(acme, 4_000)
    check = clearing(acme, 5_000, invoice)
    return_manual_payment(
        payment_id=check.id, reason="Insufficient funds", fee=Money(2_500, "usd"), actor=world.SYSTEM, now=TODAY
    )
    fee = Invoice.objects.get(kind="one_off")
    page = see(client, acme, f"/payments/{check.id}")
    assert "The bank sent it back Insufficient funds" in page
    assert f"$40.00 taken back from {invoice} It is open again." in page
    assert f"{fee} bills a fee $25.00 for the returned check." in page
    page = see(client, acme, f"/invoices/{invoice.id}")
    assert "Open again Insufficient funds" in page and "the bank sent it back Insufficient funds" in page
    page = see(client, acme, "/")
    assert "The bank sent your check for $50.00 back. $40.00 has been due since" in page


def test_what_became_of_it_is_a_notice(client: Client, acme: Tenant) -> None:
    check = verify_check(recorded(acme, 700))
    return_manual_payment(payment_id=check.id, reason="x", actor=world.SYSTEM, now=TODAY)
    page = see(client, acme, "/")
    assert "The bank sent your check for $7.00 back It had become credit, which is gone." in page
    assert "Nothing was booked" not in page
