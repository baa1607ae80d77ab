"""The cards of the demo's seed: what is charged, declined and given back, in our books and in the stand-in's."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from billing_portal.invariants import check_books
from billing_portal.tenants.models import Tenant
from billing_portal.tests.seeded import assert_books_equal, seeded
from payments import method_queries
from payments.models import Allocation, Invoice, Payment, PaymentMethod, Refund

pytestmark = pytest.mark.django_db


def test_acme_pays_by_card_since_it_has_one(tmp_path, stripe):
    now = timezone.now()
    seeded(tmp_path, now, stripe)
    acme = Tenant.objects.get(slug="acme")
    methods = [(each.type, each.last4, each.is_default) for each in method_queries.saved_methods(acme)]
    assert methods == [("us_bank_account", "6789", False), ("card", "4242", True)]
    assert PaymentMethod.objects.get(tenant=acme, last4="0341").removed_at, "the one that failed is gone"

    over, in_parts, given_back, recovered, *others = Invoice.objects.filter(tenant=acme).order_by("number")
    assert [each.status for each in Invoice.objects.filter(tenant=acme)] == ["paid"] * 6
    [overpaid], parts = over.payments.all(), in_parts.payments.all()
    assert (overpaid.method, overpaid.amount_minor > over.total_minor, len(parts)) == ("check", True, 2)
    used = Allocation.objects.filter(payment=overpaid, invoice=in_parts).aggregate(used=Sum("amount_minor"))["used"]
    assert used == overpaid.amount_minor - over.total_minor

    [charged] = given_back.payments.all()
    refund = Refund.objects.get()
    assert (refund.payment, refund.amount_minor, refund.status) == (charged, 500, "succeeded")
    assert refund.requested_by.email == "finance@portal.example"
    declined, paid = recovered.payments.order_by("created_at")
    assert (declined.status, declined.off_session, declined.method_last4) == ("failed", True, "0341")
    assert (paid.status, paid.off_session, paid.method_last4) == ("succeeded", False, "4242")
    for invoice in (given_back, *others):
        [charged] = invoice.payments.all()
        assert (charged.method_last4, charged.off_session) == ("4242", True)
        assert timedelta(0) < invoice.paid_at - invoice.issued_at < timedelta(minutes=5)
    last = others[-1]
    assert (last.subtotal_minor, last.tax_minor, last.currency) == (2752, 172, "usd")


def test_afterwards_the_stand_in_lives_in_the_present_and_tells_of_it(tmp_path, stripe):
    seeded(tmp_path, datetime(2026, 11, 24, 14, 5, tzinfo=UTC), stripe)
    assert stripe.sandbox.webhooks.waiting() == 0, "nobody is told of the past"
    made = stripe.api.customers.create({"email": "bills@wonka.example"})
    assert abs(made.created - timezone.now().timestamp()) < 60
    assert stripe.sandbox.webhooks.waiting() == 1


@pytest.mark.django_db(transaction=True)
def test_a_seed_that_was_interrupted_leaves_nothing_and_the_next_one_begins_anew(tmp_path, stripe):
    done = []

    def interrupt():
        done.append(1)
        if len(done) == 30:  # of 35: cards have been charged
            raise KeyboardInterrupt

    now = timezone.now()
    with pytest.raises(KeyboardInterrupt):
        seeded(tmp_path, now, stripe, told=interrupt)
    assert not Tenant.objects.exists() and not (tmp_path / "accounts.json").exists()
    assert stripe.taken() and connection.get_autocommit()
    seeded(tmp_path, now, stripe)
    assert_books_equal(stripe)
    assert check_books()[1] == []


def test_where_there_is_no_stand_in_checks_come_instead(tmp_path):
    seeded(tmp_path, timezone.now())
    assert not Payment.objects.exclude(provider="manual").exists()
    acme = Invoice.objects.filter(tenant__slug="acme").order_by("number")
    assert [(each.status, each.payments.count()) for each in acme] == [("paid", n) for n in (1, 2, 1, 1, 1, 1)]
    assert check_books()[1] == []
