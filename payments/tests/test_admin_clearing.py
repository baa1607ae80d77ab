"""Checks at the desk after they were found: verified to be collected, cleared, sent back with a fee."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.reading import hidden, words
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Discrepancy, Invoice, Payment
from payments.tests.offline_world import (
    check_over,
    cleared,
    clearing,
    open_of,
    paid_out,
    recorded,
    returned,
    verify_check,
)
from payments.tests.refund_world import (
    accounts_of,
    bill,
    card_payment,
    check_payment,
    credit_of,
    refund,
    tenant,
)  # fmt: skip
from payments.tests.test_admin_verifying import LIST, at_the_desk, confirmed, status, told, url, verify

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
REASON = "Insufficient funds"


@pytest.fixture
def finance() -> Client:
    return at_the_desk("finance")


@pytest.fixture
def acme() -> Tenant:
    return tenant()


def bounce(client: Client, payment: Payment, fee: str = "", reason: str = REASON) -> Any:
    """Fill in the form, read what would be booked, and press the button of that page."""
    asked = client.post(url(payment, "bounced"), {"reason": reason, "fee": fee})
    return client.post(url(payment, "bounced"), hidden(asked))


def offered(client: Client, payment: Payment) -> set[str]:
    page = client.get(url(payment, "change")).content.decode()
    return {what for what in ("verify", "reject", "cleared", "bounced", "refund") if f'"{url(payment, what)}"' in page}


# --- Verified, and its bank has still to pay it ---


def test_a_check_is_verified_to_be_collected(finance: Client, acme: Tenant) -> None:
    invoice = bill(acme, 6_000)
    check = recorded(acme, 8_000, invoice)
    page = finance.get(url(check, "verify"))
    assert "It still has to clear" in words(page)
    answer = finance.post(url(check, "verify"), {**hidden(page), "clears_later": "on"})
    assert "Its bank has still to pay it." in told(answer)
    assert (status(check), open_of(invoice), credit_of(acme)) == ("clearing", ("paid", 0), 2_000)
    assert accounts_of(check)["undeposited"] == 8_000
    assert "nothing of it can be given back until it has cleared" in words(finance.get(url(check, "change")))
    assert offered(finance, check) == {"cleared", "bounced"}


def test_who_comes_second_hears_that_it_was_verified(finance: Client, acme: Tenant) -> None:
    check, other = recorded(acme, 8_000), at_the_desk("finance", "finance2@portal.example")
    page = finance.get(url(check, "verify"))
    finance.post(url(check, "verify"), {**hidden(page), "clears_later": "on"})
    for client in (finance, other):
        answer = client.post(url(check, "verify"), hidden(page))
        assert "was verified already by finance@portal.example" in told(answer)
    assert status(check) == "clearing"
    returned(check)
    assert "was verified already" in told(other.get(url(check, "verify")))


def test_only_checks_are_asked_about(finance: Client, acme: Tenant) -> None:
    wire = recorded(acme, 500)
    Payment.objects.filter(id=wire.id).update(method="wire")
    page = finance.get(url(wire, "verify"))
    assert "clears_later" not in page.content.decode()
    finance.post(url(wire, "verify"), {**hidden(page), "clears_later": "on"})
    assert status(wire) == "succeeded"


def test_of_several_only_the_checks_are_collected(finance: Client, acme: Tenant) -> None:
    check, wire = recorded(acme, 500), recorded(acme, 700)
    Payment.objects.filter(id=wire.id).update(method="wire")
    confirmed(finance, "verify_chosen", [check, wire], clears_later="on")
    assert (status(check), status(wire)) == ("clearing", "succeeded")


def test_what_changed_meanwhile_is_shown_again_with_the_box_as_it_was_ticked(finance: Client, acme: Tenant) -> None:
    invoice = bill(acme, 6_000)
    check = recorded(acme, 6_000, invoice)
    page = finance.get(url(check, "verify"))
    verify_check(recorded(acme, 1_000, invoice))
    again = finance.post(url(check, "verify"), {**hidden(page), "clears_later": "on"})
    assert "has changed meanwhile" in words(again)
    assert again.context["asked"].form["clears_later"].value() is True
    assert status(check) == "awaiting_review"
    finance.post(url(check, "verify"), {**hidden(again), "clears_later": "on"})
    assert status(check) == "clearing"


# --- Cleared ---


def test_a_check_that_cleared_moves_to_the_bank_account_once(finance: Client, acme: Tenant) -> None:
    check = clearing(acme, 6_000, bill(acme, 6_000))
    assert "Has the bank paid this check?" in words(finance.get(url(check, "cleared")))
    assert status(check) == "clearing", "a GET books nothing"
    assert "has cleared" in told(finance.post(url(check, "cleared")))
    assert (status(check), accounts_of(check)) == ("succeeded", {"cash_bank": 6_000, "receivable": -6_000})
    for answer in (finance.post(url(check, "cleared")), finance.get(url(check, "cleared"))):
        assert "was cleared already by finance@portal.example" in told(answer)
    assert offered(finance, check) == {"bounced", "refund"}


def test_a_day_of_checks_clears_together(finance: Client, acme: Tenant) -> None:
    checks = [clearing(acme, cents) for cents in (500, 700)]
    not_verified = recorded(acme, 900)
    page, answer = confirmed(finance, "clear_chosen", [*checks, not_verified])
    assert "Has the bank paid these 2 checks?" in words(page) and "$12.00" in words(page)
    assert "is not verified yet" in words(page)
    assert answer.status_code == 302
    assert [status(each) for each in (*checks, not_verified)] == ["succeeded", "succeeded", "awaiting_review"]
    assert "Nothing to clear" in words(
        finance.post(LIST, {"action": "clear_chosen", "_selected_action": [str(not_verified.id)]})
    )


def test_what_is_no_check_in_clearing_is_refused(finance: Client, stripe: StripeWorld, acme: Tenant) -> None:
    for payment in (card_payment(acme, 500), recorded(acme, 600)):
        before = payment.status
        finance.post(url(payment, "cleared"))
        bounce(finance, payment)
        assert status(payment) == before
        assert not offered(finance, payment) & {"cleared", "bounced"}


# --- Returned ---


def test_a_check_that_bounced_opens_its_invoices_again_and_bills_the_fee(finance: Client, acme: Tenant) -> None:
    invoices = [bill(acme, cents, f"2026-{month:02}") for cents, month in ((4_000, 9), (3_000, 10))]
    check = verify_check(check_over(invoices, [4_000, 1_000], amount=6_000), clears_later=True)
    check_payment(acme, 700)
    first = words(finance.get(url(check, "bounced")))
    assert f"{invoices[0]} $40.00 is open again $40.00" in first
    assert f"{invoices[1]} $10.00 stays open $30.00" in first
    assert f"The credit of {acme} $10.00 is lowered $7.00" in first
    page = finance.post(url(check, "bounced"), {"reason": REASON, "fee": "25"})
    text = words(page)
    assert "$25.00 $7.00 $18.00" in text and f"“{REASON}”" in text
    assert status(check) == "clearing", "only the button books"
    answer = finance.post(url(check, "bounced"), hidden(page))
    fee = Invoice.objects.get(kind="one_off")
    assert answer.url == url(check, "change")
    assert f"{fee} bills the fee of $25.00" in told(answer) and "the credit is $10.00 less" in told(answer)
    assert [open_of(each) for each in (*invoices, fee)] == [("open", 4_000), ("open", 3_000), ("open", 1_800)]
    assert (status(check), credit_of(acme)) == ("returned", 0)
    assert OutboxMessage.objects.get(topic="payment.returned").payload["reason"] == REASON
    page = words(finance.get(answer.url))
    assert REASON in page and "Returned" in page
    assert offered(finance, check) == set()


def test_the_fee_has_the_tax_that_the_tenant_has(finance: Client) -> None:
    acme = tenant(tax_percent=Decimal(10))
    check = clearing(acme, 500)
    page = finance.post(url(check, "bounced"), {"reason": REASON, "fee": "25.00"})
    assert "$27.50 $0.00 $27.50" in words(page)
    finance.post(url(check, "bounced"), hidden(page))
    assert Invoice.objects.get(kind="one_off").total_minor == 2_750


def test_twice_is_once_and_no_second_fee(finance: Client, acme: Tenant) -> None:
    check = clearing(acme, 500)
    page = finance.post(url(check, "bounced"), {"reason": REASON, "fee": "25"})
    first, second = (finance.post(url(check, "bounced"), hidden(page)) for _ in range(2))
    assert "is returned" in told(first) and "was returned already by finance@portal.example" in told(second)
    assert Invoice.objects.filter(kind="one_off").count() == 1


@pytest.mark.parametrize("sent", [{"reason": " "}, {"reason": "4242424242424242"}, {"fee": "1e3"}, {"fee": "0"}])
def test_what_can_not_be_taken_is_named(finance: Client, acme: Tenant, sent: dict[str, str]) -> None:
    check = clearing(acme, 500)
    page = finance.post(url(check, "bounced"), {"reason": REASON, "fee": "", **sent})
    assert list(page.context["asked"].form.errors) == list(sent)
    assert status(check) == "clearing"


def test_what_changed_meanwhile_is_shown_before_it_is_booked(finance: Client, acme: Tenant) -> None:
    check = clearing(acme, 5_000)
    page = finance.post(url(check, "bounced"), {"reason": REASON, "fee": "25"})
    later = bill(acme, 2_000)
    again = finance.post(url(check, "bounced"), hidden(page))
    assert "has changed meanwhile" in words(again) and f"{later} $20.00 is open again" in words(again)
    assert (status(check), credit_of(acme), Invoice.objects.count()) == ("clearing", 3_000, 1)
    finance.post(url(check, "bounced"), hidden(again))
    assert (status(check), open_of(later), credit_of(acme)) == ("returned", ("open", 2_000), 0)


def test_other_credit_that_came_meanwhile_is_shown_before_it_pays_the_fee(finance: Client, acme: Tenant) -> None:
    check = clearing(acme, 5_000)
    page = finance.post(url(check, "bounced"), {"reason": REASON, "fee": "25"})
    check_payment(acme, 1_000)
    again = finance.post(url(check, "bounced"), hidden(page))
    assert "has changed meanwhile" in words(again) and "$25.00 $10.00 $15.00" in words(again)
    assert (credit_of(acme), Invoice.objects.count()) == (6_000, 0)


def test_a_refund_that_waits_to_be_sent_is_seen_to_first(finance: Client, acme: Tenant) -> None:
    check = check_payment(acme, 5_000)
    page = finance.post(url(check, "bounced"), {"reason": REASON, "fee": ""})
    refund(check, 1_000)
    late = finance.post(url(check, "bounced"), hidden(page))
    for answer in (finance.get(url(check, "bounced")), late):
        assert "waits to be sent" in words(answer) and not answer.context["asked"].button
    assert status(check) == "succeeded"


def test_a_refund_that_nobody_approved_is_canceled_and_that_is_said(finance: Client, acme: Tenant) -> None:
    large = verify_check(world.check_for(acme, 1_500_000, world.user(staff=True), now=world.at("2026-11-03 09:00")))
    refund(large, 1_200_000)
    page = finance.get(url(large, "bounced"))
    assert "nobody has approved is canceled" in words(page) and f"The credit of {acme} $15,000.00" in words(page)
    bounce(finance, large)
    assert (status(large), credit_of(acme)) == ("returned", 0)


def test_what_had_been_paid_out_is_said_to_be_lost(finance: Client, acme: Tenant) -> None:
    check = check_payment(acme, 5_000)
    paid_out(refund(check, 1_000))
    assert "$10.00 of it had been refunded" in words(finance.get(url(check, "bounced")))
    bounce(finance, check)
    assert Discrepancy.objects.get(payment=check).amount_minor == 1_000


def test_cash_does_not_bounce(finance: Client, acme: Tenant) -> None:
    cash = check_payment(acme, 500)
    Payment.objects.filter(id=cash.id).update(method="cash")
    bounce(finance, cash)
    assert (status(cash), "bounced" in offered(finance, cash)) == ("succeeded", False)


# --- Who may, and where it waits ---


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_who_may_not_verify_neither_clears_nor_returns(acme: Tenant, group: str) -> None:
    check, client = clearing(acme, 500), at_the_desk(group)
    assert not offered(client, check)
    for what in ("cleared", "bounced"):
        assert client.get(url(check, what)).status_code == 403
        assert client.post(url(check, what), {"reason": "x", "shown": ""}).status_code == 403
    client.post(LIST, {"action": "clear_chosen", "_selected_action": [str(check.id)], "confirmed": "yes"})
    assert status(check) == "clearing"


def test_the_first_page_and_a_filter_show_what_waits_to_clear(finance: Client, acme: Tenant) -> None:
    check, here = clearing(acme, 500), cleared(clearing(acme, 700))
    page = finance.get("/admin/")
    table = next(each for each in page.context["tables"] if each.title.startswith("Checks to clear"))
    assert (table.title, table.foot) == ("Checks to clear: 1", [("Together", "", "", "", "$5.00")])
    listed = finance.get(LIST, {"status__exact": "clearing"})
    assert [each.id for each in listed.context["cl"].result_list] == [check.id]
    assert url(here, "change") not in listed.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["cleared", "bounced"])
def test_eight_hands_at_once_do_it_once(live_db: Any, what: str) -> None:
    acme, finance = tenant(), world.user("f@portal.example", staff=True, groups=("finance",))
    check = clearing(acme, 5_000, bill(acme, 4_000))
    clients = [Client() for _ in range(8)]
    for client in clients:
        client.force_login(finance)
    sent = {}
    if what == "bounced":
        sent = hidden(clients[0].post(url(check, what), {"reason": REASON, "fee": "25"}))
    answers = live_db(8, lambda number: clients[number].post(url(check, what), sent))
    assert not answers.errors
    assert {answer.status_code for answer in answers} == {302}
    assert sum("already" not in told(answer) for answer in answers) == 1
    assert status(check) == {"cleared": "succeeded", "bounced": "returned"}[what]
    assert Invoice.objects.filter(kind="one_off").count() == (1 if what == "bounced" else 0)


def test_it_is_verified_as_before_without_the_box(finance: Client, acme: Tenant) -> None:
    check = recorded(acme, 500)
    verify(finance, check)
    assert status(check) == "succeeded"
