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
from payments.models import Allocation, CollectionHold, Invoice, Payment, PaymentMethod, Refund
from subscriptions.models import Subscription
from subscriptions.tests.plan_world import moves

pytestmark = pytest.mark.django_db


def test_acme_pays_overage_by_card_once_it_is_left_alone_no_more(tmp_path, stripe, paypal):
    now = timezone.now()
    seeded(tmp_path, now, stripe, paypal)
    acme = Tenant.objects.get(slug="acme")
    methods = [(each.type, each.last4, each.is_default) for each in method_queries.saved_methods(acme)]
    assert methods == [("us_bank_account", "6789", False), ("card", "4242", True)]
    assert PaymentMethod.objects.get(tenant=acme, last4="0341").removed_at, "the one that failed is gone"

    overage = Invoice.objects.filter(tenant=acme, kind="overage").order_by("number_year", "number_sequence")
    over, in_parts, given_back, recovered, *others = overage
    assert [each.status for each in overage] == ["paid"] * 6
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
    alone = CollectionHold.objects.get(tenant=acme)
    assert alone.kind == "exemption" and in_parts.paid_at < alone.until < given_back.issued_at
    last = others[-1]
    assert (last.subtotal_minor, last.tax_minor, last.currency) == (2752, 172, "usd")


def test_subscriptions_are_charged_by_their_providers(tmp_path, stripe, paypal):
    now = timezone.now()
    seeded(tmp_path, now, stripe, paypal)
    by_stripe = Subscription.objects.get(tenant__slug="acme")
    bills = bills_of(by_stripe)
    assert {each.status for each in bills} == {"paid"}
    tries = [[each.status for each in bill.payments.order_by("created_at")] for bill in bills]
    assert tries == [["succeeded"]] * 4 + [["failed", "succeeded"]] + [["succeeded"]] * (len(bills) - 5)
    assert moves(by_stripe) == ["incomplete", "active", "past_due", "active"]
    assert bills[4].paid_at - bills[4].issued_at < timedelta(days=3), "before Stripe tries by itself again"
    [theirs] = [each for each in stripe.objects("subscriptions") if each["id"] == by_stripe.provider_ref]
    assert theirs["default_payment_method"] == method_queries.default_method(by_stripe.tenant).provider_ref

    by_paypal = Subscription.objects.get(tenant__slug="globex")
    assert moves(by_paypal) == ["approval_pending", "active"]
    days = {each.issued_at.astimezone(by_paypal.tenant.zone).day for each in bills_of(by_paypal)}
    assert days == {1}, "in summer and in winter"


def test_afterwards_the_stand_ins_live_in_the_present_and_tell_of_it(tmp_path, stripe, paypal):
    seeded(tmp_path, datetime(2026, 11, 24, 14, 5, tzinfo=UTC), stripe, paypal)
    waiting = stripe.sandbox.webhooks.waiting(), paypal.sandbox.webhooks.waiting(), paypal.sandbox.ipn.waiting()
    assert waiting == (0, 0, 0), "nobody is told of the past"
    made = stripe.api.customers.create({"email": "bills@wonka.example"})
    assert abs(made.created - timezone.now().timestamp()) < 60
    assert stripe.sandbox.webhooks.waiting() == 1
    paypal.panel("POST", "bill", {"subscriptionId": paypal.objects("subscriptions")[0]["id"], "outcome": "paid"})
    assert paypal.sandbox.webhooks.waiting() == paypal.sandbox.ipn.waiting() == 1


@pytest.mark.django_db(transaction=True)
def test_a_seed_that_was_interrupted_leaves_nothing_and_the_next_one_begins_anew(tmp_path, stripe, paypal):
    done = []

    def interrupt():
        done.append(1)
        if len(done) == 28:  # of 32: cards have been charged
            raise KeyboardInterrupt

    now = timezone.now()
    with pytest.raises(KeyboardInterrupt):
        seeded(tmp_path, now, stripe, paypal, told=interrupt)
    assert not Tenant.objects.exists() and not (tmp_path / "accounts.json").exists()
    assert stripe.taken() and paypal.objects("sales") and connection.get_autocommit()
    seeded(tmp_path, now, stripe, paypal)
    assert_books_equal(stripe, paypal)
    assert check_books()[1] == []


def test_where_there_is_no_stand_in_all_is_paid_by_invoice(tmp_path):
    seeded(tmp_path, datetime(2026, 11, 24, 14, 5, tzinfo=UTC))
    assert not Payment.objects.exclude(provider="manual").exists()
    assert set(Subscription.objects.values_list("engine", "status")) == {("invoice", "active")}
    assert overage_of_acme() == [("paid", count) for count in (1, 2, 1, 1, 1, 1)]
    assert check_books()[1] == []


def test_with_a_stand_in_for_paypal_alone_stripe_is_left_alone(tmp_path, paypal):
    now = datetime(2026, 12, 3, 16, 30, tzinfo=UTC)
    seeded(tmp_path, now, paypal=paypal)
    engines = dict(Subscription.objects.values_list("tenant__slug", "engine"))
    assert {slug for slug, engine in engines.items() if engine == "paypal"} == {"globex"}
    assert "stripe" not in engines.values() and not Payment.objects.filter(provider="stripe").exists()
    assert overage_of_acme()[-1] == ("open", 0), "a check that has not come yet does not come"
    assert not Payment.objects.filter(updated_at__gt=now).exists()
    assert check_books()[1] == []


def bills_of(subscription):
    return list(Invoice.objects.filter(subscription_ref=subscription.id).order_by("period_start"))


def overage_of_acme():
    """(status, how many payments), oldest first."""
    rows = Invoice.objects.filter(tenant__slug="acme", kind="overage").order_by("number_year", "number_sequence")
    return [(each.status, each.payments.count()) for each in rows]
