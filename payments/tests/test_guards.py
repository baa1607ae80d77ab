"""What the database refuses by itself, whatever the code above it does."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing_portal.tests import world
from billing_portal.tests.world import at
from payments.actions import posting
from payments.actions.posting import Entry
from payments.models import Account, Allocation, Dispute, InvoiceLine, LedgerLeg, Payment, Refund
from subscriptions.models import PlanVersion, SubscriptionTerms
from usage.models import UsageRecord

pytestmark = pytest.mark.django_db

NOW = at("2026-10-03 09:00")


def refused(name: str):
    return pytest.raises(IntegrityError, match=name)


def entry(tenant, *legs: tuple[Account, int], fact=None) -> Entry:
    return Entry(fact or uuid4(), tenant.id, "usd", NOW, "test", list(legs))


def test_an_entry_that_does_not_balance_is_refused_with_all_that_came_with_it() -> None:
    acme = world.tenant()
    good = entry(acme, (Account.RECEIVABLE, 5), (Account.REVENUE_OTHER, -5))
    bad = entry(acme, (Account.RECEIVABLE, 5), (Account.REVENUE_OTHER, -4))
    with refused("does not balance"), transaction.atomic():
        posting.post([good, bad])
    assert not LedgerLeg.objects.exists()


def test_an_entry_of_two_tenants_is_refused() -> None:
    mine, other, fact = world.tenant(), world.tenant(), uuid4()
    rows = [
        LedgerLeg(
            entry_id=fact, tenant=who, account=account, currency="usd", amount_minor=minor, memo="x", occurred_at=NOW
        )
        for who, account, minor in ((mine, "receivable", 5), (other, "revenue_other", -5))
    ]
    with refused("does not balance"), transaction.atomic():
        LedgerLeg.objects.bulk_create(rows)


def test_the_same_fact_can_not_be_posted_twice() -> None:
    acme, fact = world.tenant(), uuid4()
    legs = ((Account.RECEIVABLE, 5), (Account.REVENUE_OTHER, -5))
    posting.post([entry(acme, *legs, fact=fact)])
    with refused("ledger_account_once_per_entry"), transaction.atomic():
        posting.post([entry(acme, *legs, fact=fact)])


APPEND_ONLY = [
    "payments_ledgerleg",
    "payments_allocation",
    "payments_invoiceline",
    "payments_taxline",
    "payments_creditnote",
    "payments_statuschange",
    "subscriptions_planversion",
    "subscriptions_planallowance",
    "subscriptions_planoverageprice",
    "subscriptions_planprice",
    "subscriptions_subscriptionterms",
    "usage_usagerecord",
    "usage_usagerecord_p0",
    "usage_usagerecord_p7",
]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_history_takes_no_update_delete_or_truncate(table: str, statement: str) -> None:
    if "tenant_id" in statement and table.startswith("subscriptions_plan"):
        statement = "UPDATE {} SET id = id"
    with connection.cursor() as cursor:
        # Django's deferred keys alone would refuse a TRUNCATE; settle them, so that it is the guard that speaks.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with refused("append-only"), transaction.atomic():
            cursor.execute(statement.format(table))


def test_the_list_of_append_only_tables_is_the_one_the_flush_knows(settings) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%\\_append\\_only' AND tgparentid = 0"
        )
        guarded = {name for (name,) in cursor.fetchall()}
    assert guarded == set(settings.APPEND_ONLY_TABLES)
    assert guarded >= set(APPEND_ONLY)


def test_an_invoice_can_not_be_allocated_more_than_its_total() -> None:
    invoice = world.overage_invoice(world.subscribed(), cents=1_200)
    clerk = world.user(staff=True)
    payment = world.check_for(invoice.tenant, 5_000, clerk, invoice=invoice)
    allocation = Allocation(tenant=invoice.tenant, invoice=invoice, payment=payment, amount_minor=1_201, created_at=NOW)
    with refused("allocated more than it asks for"), transaction.atomic():
        allocation.save(force_insert=True)


def test_a_payment_can_not_allocate_more_than_it_brought() -> None:
    invoice = world.overage_invoice(world.subscribed(), cents=1_200)
    payment = world.check_for(invoice.tenant, 1_000, world.user(staff=True), invoice=invoice)
    allocation = Allocation(tenant=invoice.tenant, invoice=invoice, payment=payment, amount_minor=1_001, created_at=NOW)
    with refused("allocated more than it brought"), transaction.atomic():
        allocation.save(force_insert=True)


def test_refunds_together_can_not_exceed_their_payment() -> None:
    payment = world.check_for(world.subscribed(), 1_000, world.user(staff=True))
    facts = {"tenant": payment.tenant, "payment": payment, "currency": "usd", "status": "pending", "created_at": NOW}
    Refund.objects.create(amount_minor=600, **facts)
    with refused("give back more than it brought"), transaction.atomic():
        Refund.objects.create(amount_minor=600, **facts)


def test_what_a_bank_holds_can_not_be_refunded() -> None:
    payment = world.check_for(world.subscribed(), 1_000, world.user(staff=True))
    facts = {"tenant": payment.tenant, "payment": payment, "currency": "usd", "status": "open", "opened_at": NOW}
    Dispute.objects.create(provider="stripe", livemode=False, amount_minor=700, withdrawn_minor=700, **facts)
    facts |= {"status": "pending", "created_at": NOW}
    del facts["opened_at"]
    Refund.objects.create(amount_minor=300, **facts)
    with refused("give back more than it brought"), transaction.atomic():
        Refund.objects.create(amount_minor=1, **facts)


def test_the_database_holds_a_refunds_second_person() -> None:
    payment, boss = world.check_for(world.subscribed(), 1_000, world.user(staff=True)), world.user(staff=True)
    row = Refund.objects.create(
        tenant=payment.tenant, payment=payment, currency="usd", amount_minor=5, status="awaiting_approval",
        needs_second_person=True, requested_by=boss, created_at=NOW,
    )  # fmt: skip
    with refused("refund_above_threshold_is_approved"), transaction.atomic():
        Refund.objects.filter(id=row.id).update(status="pending")
    with refused("refund_second_person_is_another"), transaction.atomic():
        Refund.objects.filter(id=row.id).update(status="pending", approved_by=boss)
    Refund.objects.filter(id=row.id).update(status="pending", approved_by=world.user(staff=True))


@pytest.mark.parametrize("child", ["payment", "line", "allocation", "refund", "leg"])
def test_no_row_points_into_another_tenant(child: str) -> None:
    mine, other = world.subscribed(), world.subscribed()
    invoice = world.overage_invoice(other, cents=1_200)
    payment = world.check_for(other, 1_200, world.user(staff=True))
    rows = {
        "payment": lambda: Payment.objects.create(
            tenant=mine, invoice=invoice, amount_minor=1, currency="usd", status="awaiting_review", provider="manual",
            method="check", created_at=NOW, updated_at=NOW,
        ),
        "line": lambda: InvoiceLine.objects.create(
            tenant=mine, invoice=invoice, position=9, title="x", quantity=1, unit_amount=1, amount_minor=1
        ),
        "allocation": lambda: Allocation.objects.create(
            tenant=mine, invoice=invoice, payment=payment, amount_minor=1, created_at=NOW
        ),
        "refund": lambda: Refund.objects.create(
            tenant=mine, payment=payment, amount_minor=1, currency="usd", status="pending", created_at=NOW
        ),
        "leg": lambda: posting.post(
            [Entry(uuid4(), mine.id, "usd", NOW, "x", [(Account.RECEIVABLE, 1), (Account.REVENUE_OTHER, -1)],
                   invoice.id)]
        ),
    }  # fmt: skip
    with refused("same_tenant"), transaction.atomic():
        rows[child]()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_plan_versions_terms_and_records_stay_as_they_were_written() -> None:
    acme = world.subscribed()
    record, _ = world.call(acme, 5, at("2026-09-02 10:00"))
    for change in (
        lambda: PlanVersion.objects.update(trial_days=90),
        lambda: SubscriptionTerms.objects.update(seats=99),
        lambda: UsageRecord.objects.filter(pk=record.pk).update(quantity=1),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
