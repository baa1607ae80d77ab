"""check_books sees each kind of damage: the guards are taken off, a row is spoilt, and the right invariant speaks."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from billing_portal.invariants import check_books, invariants
from billing_portal.tasks import check_books as check_books_by_night
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.actions.holding import promise
from payments.actions.recording import verify_manual_payment
from payments.tests.offline_world import check_over, paid_out, returned, verify_check
from payments.tests.refund_world import card_payment, check_payment, refund, synced
from subscriptions.actions.renewing import renew
from subscriptions.tests.coupon_world import coupon
from subscriptions.tests.plan_world import started

pytestmark = pytest.mark.django_db

OTHER = "(SELECT id FROM tenants_tenant WHERE slug = 'other')"
LEG = "SELECT id FROM payments_ledgerleg WHERE account = 'receivable' AND amount_minor > 0 LIMIT 1"
OF_COUPON = "WHERE derivation ->> 'kind' = 'coupon'"
OFF = f"unit_amount = unit_amount - 1 {OF_COUPON}"

# What is done to the books → how the invariant that must speak begins.
DAMAGE = {
    f"UPDATE payments_ledgerleg SET amount_minor = amount_minor + 1 WHERE id = ({LEG})": "I1 Every",
    f"UPDATE payments_ledgerleg SET tenant_id = {OTHER} WHERE id = ({LEG})": "I1 Every",
    "UPDATE payments_creditbalance SET amount_minor = amount_minor + 1": "I2 Each tenant's credit balance equals its",
    "DELETE FROM payments_allocation": "I2 Each tenant's credit balance equals what",
    "UPDATE payments_allocation SET amount_minor = amount_minor + 100000": "I4 No payment gives back",
    "UPDATE payments_payment SET status = 'rejected'": "I4 Each payment's cash",
    "UPDATE payments_payment SET returned_minor = 1 WHERE status = 'succeeded'": (
        "I2 Each tenant's credit balance equals what"
    ),
    "DELETE FROM payments_refundpart WHERE invoice_id IS NULL": "I2 Credit on its way back",
    "UPDATE payments_refund SET amount_minor = 100000": "I4 No payment gives back",
    "UPDATE payments_payment SET fee_minor = 7": "I4 Each payment's cash",
    "UPDATE payments_dispute SET withdrawn_minor = 1": "I4 What is booked as disputed",
    "UPDATE payments_refundpart SET amount_minor = amount_minor + 1": "I4 Each refund says",
    "DELETE FROM payments_creditnote WHERE effect = 'refunded'": "I4 Each refund says",
    "UPDATE payments_refund SET status = 'failed' WHERE status = 'succeeded'": "I4 Each refund says",
    "DELETE FROM payments_allocation WHERE payment_id IN (SELECT payment_id FROM payments_refund)": (
        "I4 No refund to a source"
    ),
    "UPDATE payments_creditnote SET amount_minor = 100000": "I5 No invoice gives back",
    "UPDATE payments_creditnote SET tax_minor = 1": "I5 No invoice gives back",
    "UPDATE payments_ledgerleg SET payment_id = NULL": "I4 No cash",
    "UPDATE payments_ledgerleg SET payment_id = NULL WHERE account = 'undeposited'": "I4 No cash",
    "UPDATE payments_payment SET status = 'awaiting_review' WHERE status = 'clearing'": "I4 Each payment's cash",
    "UPDATE payments_payment SET status = 'succeeded' WHERE status = 'clearing'": "I4 What is undeposited",
    "UPDATE payments_ledgerleg SET account = 'cash_bank' WHERE account = 'undeposited'": "I4 What is undeposited",
    "UPDATE payments_refund SET payment_id = (SELECT id FROM payments_payment WHERE status = 'clearing')": (
        "I4 What is undeposited"
    ),
    "DELETE FROM payments_allocation WHERE payment_id IN (SELECT payment_id FROM payments_paymentshare)": (
        "I2 Each tenant's credit balance equals what"
    ),
    "UPDATE payments_paymentshare SET amount_minor = 100000": "I4 No payment is meant",
    "UPDATE payments_refund SET status = 'succeeded' WHERE status = 'pending'": "I4 Each payment's cash",
    "DROP INDEX invoice_one_overage_per_month; UPDATE payments_invoice SET usage_month = '2026-09'": "I5 At most one",
    "UPDATE payments_ledgerleg SET account = 'provider_fees' WHERE account = 'bad_debt'": "I4 What is booked as lost",
    "UPDATE payments_invoice SET tax_minor = 1, total_minor = total_minor + 1": "I5 Each invoice's",
    "UPDATE payments_invoiceline SET amount_minor = amount_minor * 10": "I5 Each line is",
    "UPDATE payments_invoice SET status = 'open'": "I5 An invoice is paid when",
    f"DELETE FROM payments_ledgerleg WHERE entry_id = (SELECT entry_id FROM payments_ledgerleg WHERE id = ({LEG}))": (
        "I5 The receivable"
    ),
    "UPDATE payments_invoice SET period_end = '2030-01-01 00:00Z' WHERE kind = 'subscription'": "I5 The periods",
    f"UPDATE payments_invoiceline SET amount_minor = amount_minor - 1, {OFF}": "I5 A coupon takes",
    f"UPDATE payments_invoiceline SET derivation = jsonb_set(derivation, '{{period}}', '9') {OF_COUPON}": (
        "I5 A coupon takes"
    ),
    f"UPDATE payments_invoiceline SET derivation = jsonb_set(derivation, '{{period}}', '1') {OF_COUPON}": (
        "I5 Each period that is billed after"
    ),
    "UPDATE subscriptions_subscription SET coupon_id = (SELECT id FROM subscriptions_coupon)": (
        "I5 A coupon is redeemed"
    ),
    "UPDATE usage_usagerollup SET quantity = quantity + 60000": "I6 Raw usage",
    "UPDATE payments_invoiceline SET derivation = '{}'": "I6 A metered line",
    "UPDATE payments_invoiceline SET quantity = quantity + 1": "I6 A metered line",
    "DELETE FROM payments_invoiceline": "I6 What each closed month owed",
    "UPDATE usage_usagerollup SET billable_quantity = billable_quantity + 60000": "I6 What each closed month owed",
    "UPDATE usage_usagemonth SET label = '2026-01' WHERE label = '2026-09'": "I6 Every record",
    "UPDATE usage_usagemonth SET starts_at = '2026-09-30 00:00Z' WHERE label = '2026-10'": "I6 Usage months",
    "UPDATE payments_statuschange SET new = 'failed' WHERE subject = 'payment' AND old IS NOT NULL": "I8 Status only",
    "UPDATE payments_statuschange SET old = 'clearing' WHERE subject = 'payment' AND old IS NOT NULL": "I8 Each move",
    "UPDATE payments_statuschange SET new = 'succeeded' WHERE new = 'clearing'": "I8 Each state",
    "UPDATE payments_payment SET status = 'returned'": "I8 Each state",
    "UPDATE payments_dispute SET status = 'inquiry'": "I8 Each state",
    "UPDATE subscriptions_subscription SET came_alive_at = started_at - interval '1 day'": "I8 A subscription",
    f"UPDATE payments_payment SET tenant_id = {OTHER}": "I9 No row's",
    f"UPDATE payments_refundpart SET tenant_id = {OTHER}": "I9 No row's",
    f"UPDATE payments_dispute SET tenant_id = {OTHER}": "I9 No row's",
    f"UPDATE payments_paymentshare SET tenant_id = {OTHER}": "I9 No row's",
    f"UPDATE payments_collectionhold SET tenant_id = {OTHER}": "I9 No row's",
    "UPDATE payments_invoice SET number_sequence = number_sequence + 7": "I13 Invoice numbers",
    "UPDATE payments_numberseries SET last = 7": "I13 Each series",
    f"UPDATE payments_ledgerleg SET currency = 'eur' WHERE id = ({LEG})": "I14 No entry",
    "UPDATE payments_payment SET currency = 'eur'": "I14 No entry",
    """UPDATE payments_invoiceline SET derivation = derivation || '{"currency": "eur"}'""": "I14 No entry",
}


@pytest.fixture
def some_books(stripe: StripeWorld) -> None:
    """An invoice, a check over it and some to spare; cards of which something was given back, is about to be, or is
    disputed; a check over two invoices that has not cleared; one that bounced, and one that people will refund; seats
    with a coupon."""
    acme, clerk = world.subscribed(), world.user(staff=True)
    world.tenant(slug="other")
    invoice = world.overage_invoice(acme, cents=1_200)
    world.overage_invoice(acme, cents=2_400, month="2026-10")
    payment = world.check_for(acme, 1_500, clerk, invoice=invoice)
    verify_manual_payment(
        payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=at("2026-10-05 00:00")
    )
    refund(card_payment(acme, 600, invoice=world.overage_invoice(acme, cents=1_200, month="2026-11")), 200)
    refund(card_payment(acme, 900, method="pm_card_pendingRefund"), 400)
    refund(check_payment(acme, 500), 300)
    two = [world.overage_invoice(acme, cents=9_600, month=f"2027-0{month}") for month in (1, 2)]
    over_two = check_over(two, [5_000, 600], clerk)
    verify_check(over_two, clears_later=True)
    returned(verify_check(world.check_for(acme, 700, clerk)), fee=25)
    bounced = check_payment(acme, 400)
    paid_out(refund(bounced, 100))
    returned(bounced)
    seats = started(world.plan_price(seat=2_900), "2026-09-01 00:00", coupon=coupon(max_redemptions=1).code)
    renew(subscription_id=seats.id, actor=world.SYSTEM, now=at("2026-10-02 00:00"))
    promise(invoice_id=two[1].id, last_day=date(2026, 12, 1), note="By phone", by=clerk, now=at("2026-11-20 00:00"))
    disputed = card_payment(acme, 800)
    stripe.settle(disputed.provider_ref or "", "disputed")
    synced(disputed)


def test_good_books_have_no_breach(some_books: None) -> None:
    out = StringIO()
    call_command("check_books", stdout=out)
    assert out.getvalue() == f"{len(invariants())} invariants checked, 0 breaches.\n"


@pytest.mark.parametrize(("damage", "speaks"), DAMAGE.items())
def test_damage_is_seen_and_named(some_books: None, damage: str, speaks: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE tablename ~ '^(payments|usage)_'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        cursor.execute(damage)
    assert speaks in {breach[: len(speaks)] for breach, _ in check_books()[1]}
    with pytest.raises(CommandError):
        call_command("check_books", stdout=StringIO())


def test_the_nightly_check_tells_the_log(some_books: None, caplog: pytest.LogCaptureFixture) -> None:
    assert check_books_by_night() == 0
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments_creditbalance SET amount_minor = amount_minor + 1")
    assert check_books_by_night() == 2
    assert [record.levelname for record in caplog.records if "I2" in record.getMessage()] == ["ERROR", "ERROR"]


def test_each_invariant_is_damaged_here() -> None:
    titles = {f"{code} {title}" for code, title, _ in invariants()}
    silent = {title for title in titles if not any(title.startswith(speaks) for speaks in DAMAGE.values())}
    assert silent == {"I1 The whole ledger sums to zero in each currency"}, "which follows from its entries"
    assert {"I1", "I2", "I4", "I5", "I6", "I8", "I9", "I13"} <= {title.split()[0] for title in titles}
