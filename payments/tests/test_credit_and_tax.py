"""Credit notes lessen what is asked or give it back; tax is rounded once and spread to the cent."""

from decimal import Decimal

import pytest

from billing_portal.invariants import check_books
from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments import queries
from payments.actions.crediting import issue_credit_note
from payments.actions.recording import verify_manual_payment
from payments.errors import CreditExceedsInvoice
from payments.models import CreditNote, Invoice, LedgerLeg

pytestmark = pytest.mark.django_db

NOW = at("2026-10-03 09:00")


def credit(invoice: Invoice, cents: int) -> CreditNote:
    return issue_credit_note(
        invoice_id=invoice.id, amount=Money(cents, "usd"), reason="Bad line", actor=world.SYSTEM, now=NOW
    )


def legs_of(memo: str) -> dict[str, int]:
    return dict(LedgerLeg.objects.filter(memo=memo).values_list("account", "amount_minor"))


def test_a_note_on_an_open_invoice_reduces_what_is_due() -> None:
    invoice = world.overage_invoice(world.subscribed(), cents=1_200)
    note = credit(invoice, 200)
    assert (note.number, note.effect) == ("CN-2026-000001", "reduces_due")
    assert queries.amounts(invoice).open == 1_000
    assert legs_of("Credit note CN-2026-000001") == {"credit_notes": 200, "receivable": -200}
    assert check_books()[1] == []


def test_a_note_over_all_that_is_due_pays_the_invoice_off() -> None:
    invoice = world.overage_invoice(world.subscribed(), cents=1_200)
    credit(invoice, 1_200)
    invoice.refresh_from_db()
    assert invoice.status == "paid"
    with pytest.raises(CreditExceedsInvoice):
        credit(invoice, 1)
    assert check_books()[1] == []


def test_a_note_on_a_paid_invoice_becomes_credit_that_the_next_invoice_uses() -> None:
    acme, clerk = world.subscribed(), world.user(staff=True)
    invoice = world.overage_invoice(acme, cents=1_200)
    payment = world.check_for(acme, 1_200, clerk, invoice=invoice)
    verify_manual_payment(payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=NOW)
    note = credit(invoice, 500)
    assert note.effect == "credited"
    assert queries.credit_balance(acme, "usd") == Money(500, "usd")
    following = world.overage_invoice(acme, cents=1_200, month="2026-10")
    assert following.allocations.get().credit_note == note
    assert queries.amounts(following).open == 700
    assert check_books()[1] == []


def test_more_than_is_left_to_credit_is_refused() -> None:
    invoice = world.overage_invoice(world.subscribed(), cents=1_200)
    credit(invoice, 700)
    with pytest.raises(CreditExceedsInvoice):
        credit(invoice, 501)


def test_tax_is_rounded_once_and_spread_over_the_lines() -> None:
    acme = world.subscribed(tax_percent=Decimal("6.25"), tax_name="Sales tax")
    world.call(acme, 101, at("2026-09-10 12:00"))  # 1.2 cents → 1
    world.call(acme, 7, at("2026-09-10 13:00"), toll_free=True)  # 12.6 cents → 13
    invoice = world.close(acme, "2026-09", at("2026-10-02 00:00")).invoice
    assert invoice is not None
    assert (invoice.subtotal_minor, invoice.tax_minor, invoice.total_minor) == (14, 1, 15)
    assert [(line.amount_minor, line.tax_minor) for line in invoice.lines.all()] == [(1, 0), (13, 1)]
    assert legs_of(f"Invoice {invoice.number}") == {"receivable": 15, "revenue_overage": -14, "tax_payable": -1}
    assert check_books()[1] == []


def test_the_notes_of_a_wholly_credited_invoice_carry_its_whole_tax() -> None:
    acme = world.subscribed(tax_percent=Decimal("6.25"))
    invoice = world.overage_invoice(acme, cents=1_000)
    notes = [credit(invoice, cents) for cents in (333, 333, invoice.total_minor - 666)]
    assert sum(note.tax_minor for note in notes) == invoice.tax_minor == 63
    assert check_books()[1] == []


def test_yen_invoices_have_no_cents() -> None:
    kanto = world.subscribed(world.plan_price("jpy", outbound="2"), tax_percent=Decimal(10))
    world.call(kanto, 100 + 1_234, at("2026-09-10 12:00"))
    invoice = world.close(kanto, "2026-09", at("2026-10-02 00:00")).invoice
    assert invoice is not None
    assert (invoice.currency, invoice.total_minor, str(invoice.total)) == ("jpy", 2_468 + 247, "2715 JPY")
