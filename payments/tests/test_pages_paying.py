"""What a tenant is asked to pay: only what nobody has sent yet, and only who may pay."""

import pytest
import time_machine

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from payments.actions.crediting import issue_credit_note
from payments.tests.test_pages_invoices import check, see, verify

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("october")]


@pytest.fixture
def october():
    with time_machine.travel(at("2026-10-24 12:00"), tick=False):
        yield


def test_how_to_pay_stands_only_where_something_is_due(client):
    acme = world.subscribed(address_lines="210 Summer Street\nBoston")
    invoice = world.overage_invoice(acme, cents=12_000)
    seen = see(client, acme, f"/invoices/{invoice.id}")
    assert f"write this code on it, so that it finds this invoice. {invoice.remittance_code} Copy" in seen
    assert "Billed to " + acme.name + " 210 Summer Street Boston" in seen
    verify(check(acme, 12_000, invoice))
    paid = words(client.get(f"/invoices/{invoice.id}"))
    assert "Still due $0.00" in paid
    assert "How to pay" not in paid and invoice.remittance_code not in paid


def credit(invoice, cents, when="2026-10-07 09:00"):
    issue_credit_note(
        invoice_id=invoice.id, amount=Money(cents, "usd"), reason="Lost calls", actor=world.SYSTEM, now=at(when)
    )


def test_credited_is_not_paid(client):
    acme = world.subscribed(payment_terms_days=60)
    invoice = world.overage_invoice(acme, cents=12_000)
    credit(invoice, 500)
    seen = see(client, acme, "/invoices")
    assert "Due in 38 days $5.00 credited; due Dec 1 $120.00 $115.00 How to pay" in seen
    verify(check(acme, 2_000, invoice))
    assert "Partly paid $20.00 paid, $5.00 credited; due Dec 1" in words(client.get("/invoices"))


@pytest.mark.parametrize("terms", [14, 60], ids=["late", "in time"])
def test_while_a_check_for_all_of_it_is_checked_nothing_is_asked_for(client, terms):
    acme = world.subscribed(payment_terms_days=terms)
    invoice = world.overage_invoice(acme, cents=12_000)
    credit(invoice, 500)
    check(acme, 11_500, invoice, reference="1178")
    seen = see(client, acme, f"/invoices/{invoice.id}")
    assert "We have your check 1178 for $115.00 and are checking it. You need not send anything more." in seen
    for asked in ("How to pay", "Send $", "Still to send", "We wait for", "by check or wire", invoice.remittance_code):
        assert asked not in seen, asked
    assert "Still due $115.00" in seen
    assert "How to pay" not in words(client.get("/invoices"))


def test_while_a_check_for_a_part_is_checked_only_the_rest_is_asked_for(client):
    acme = world.subscribed(payment_terms_days=60)
    invoice = world.overage_invoice(acme, cents=12_000)
    check(acme, 10_000, invoice, reference="1178")
    seen = see(client, acme, f"/invoices/{invoice.id}")
    assert "We have your check 1178 for $100.00 and are checking it. Send the rest, $20.00, by December 1, 2026" in seen
    assert "How to pay $20.00" in seen and "Still to send $20.00" in seen
    assert "You need not send" not in seen
    assert "How to pay" in words(client.get("/invoices"))


def test_who_may_not_pay_reads_how_and_is_not_asked_to(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=12_000)
    for role, asked in (("viewer", False), ("billing", True)):
        seen = see(client, acme, f"/invoices/{invoice.id}", role)
        assert f"write this code on it, so that it finds this invoice. {invoice.remittance_code}" in seen
        for path in (f"/invoices/{invoice.id}", "/invoices"):
            assert ("btn-main" in client.get(path).content.decode()) is asked, (role, path)
