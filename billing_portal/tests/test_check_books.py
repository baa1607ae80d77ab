"""check_books sees each kind of damage: the guards are taken off, a row is spoilt, and the right invariant speaks."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from billing_portal.invariants import check_books, invariants
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments.actions.recording import verify_manual_payment

pytestmark = pytest.mark.django_db

LEG = "SELECT id FROM payments_ledgerleg WHERE account = 'receivable' AND amount_minor > 0 LIMIT 1"

DAMAGE = {
    "I1": [f"UPDATE payments_ledgerleg SET amount_minor = amount_minor + 1 WHERE id = ({LEG})"],
    "I2": ["UPDATE payments_creditbalance SET amount_minor = amount_minor + 1"],
    "I4": ["UPDATE payments_allocation SET amount_minor = amount_minor + 100000"],
    "I5": ["UPDATE payments_invoice SET subtotal_minor = subtotal_minor + 1, total_minor = total_minor + 1"],
    "I6": ["UPDATE usage_usagerollup SET billable_quantity = billable_quantity + 60000"],
    "I8": ["UPDATE payments_statuschange SET old = 'failed' WHERE subject = 'payment' AND old IS NOT NULL"],
    "I9": ["UPDATE payments_payment SET tenant_id = (SELECT id FROM tenants_tenant WHERE slug = 'other')"],
    "I13": ["UPDATE payments_invoice SET number_sequence = 7", "UPDATE payments_numberseries SET last = 7"],
    "I14": [f"UPDATE payments_ledgerleg SET currency = 'eur' WHERE id = ({LEG})"],
}


@pytest.fixture
def some_books() -> None:
    """An invoice, a check over it and some to spare."""
    acme, clerk = world.subscribed(), world.user(staff=True)
    world.tenant(slug="other")
    invoice = world.overage_invoice(acme, cents=1_200)
    payment = world.check_for(acme, 1_500, clerk, invoice=invoice)
    verify_manual_payment(
        payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=at("2026-10-05 00:00")
    )


def test_good_books_have_no_breach(some_books: None) -> None:
    out = StringIO()
    call_command("check_books", stdout=out)
    assert out.getvalue() == f"{len(invariants())} invariants checked, 0 breaches.\n"


@pytest.mark.parametrize("code", DAMAGE)
def test_damage_is_seen_and_named(some_books: None, code: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("ledgerleg", "allocation", "statuschange", "payment", "invoice"):
            cursor.execute(f"ALTER TABLE payments_{table} DISABLE TRIGGER ALL")
        for statement in DAMAGE[code]:
            cursor.execute(statement)
    assert code in {breach.split()[0] for breach, _ in check_books()[1]}
    with pytest.raises(CommandError):
        call_command("check_books", stdout=StringIO())


def test_each_promised_invariant_is_checked_and_each_is_damaged_here() -> None:
    promised = {"I1", "I2", "I4", "I5", "I6", "I8", "I9", "I13"}
    checked = {code for code, _, _ in invariants()}
    assert promised <= checked == set(DAMAGE)
