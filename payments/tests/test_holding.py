"""Collecting that is held back: until when, what the database refuses, what is not charged, and what is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.test import Client

from billing_portal.kit.errors import BadInput
from billing_portal.kit.money import Money
from billing_portal.notices.models import OutboxMessage
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from payments import collect_queries, hold_queries, queries
from payments.actions.charging import start_payment
from payments.actions.holding import exempt, lift, promise
from payments.actions.opening import MethodChoice
from payments.actions.saving_methods import customer_for, set_default
from payments.actions.syncing import sync_payment
from payments.actions.syncing_methods import sync_methods
from payments.errors import AmountExceedsDue, CollectedElsewhere, HoldRuns, InvoiceNotOpen
from payments.models import CollectionHold, Discrepancy, Invoice, Payment
from payments.tests.offline_world import verify_check
from payments.tests.test_dunning import NOW, declined, deliver, save, tried

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
DAY = timedelta(days=1)
# Before the invoice of September is issued, on the second.
AT_ISSUE = datetime(2026, 10, 1, 12, tzinfo=UTC)
TWENTIETH = date(2026, 10, 20)
DECEMBER = datetime(2026, 12, 5, 12, tzinfo=UTC)


@pytest.fixture
def acme(stripe: StripeWorld) -> Any:
    return world.subscribed(slug="acme", time_zone="America/New_York")


@pytest.fixture
def invoice(acme: Any) -> Invoice:
    return world.overage_invoice(acme, cents=4_200)


def promised(invoice: Invoice, last_day: date = TWENTIETH, now: datetime = NOW, **facts: Any) -> CollectionHold:
    by = facts.pop("by", None) or world.user(staff=True)
    note = facts.pop("note", "Said so on the phone")
    return promise(invoice_id=invoice.id, last_day=last_day, note=note, by=by, now=now, **facts)


def exempted(tenant: Any, last_day: date = TWENTIETH, now: datetime = NOW) -> CollectionHold:
    return exempt(tenant_id=tenant.id, last_day=last_day, note="A flood", by=world.user(staff=True), now=now)


# --- What is recorded ---


def test_it_runs_to_the_end_of_the_day_where_the_tenant_is_and_ends_by_itself(invoice: Invoice) -> None:
    hold = promised(invoice)
    assert hold.until == datetime(2026, 10, 21, 4, tzinfo=UTC), "midnight in New York"
    assert hold_queries.hold_of(invoice, hold.until - timedelta(microseconds=1)) == hold
    assert hold_queries.hold_of(invoice, hold.until) is None
    assert CollectionHold.objects.get().lifted_at is None


def test_the_same_day_again_is_the_same_and_another_day_takes_the_place_of_what_was_seen(invoice: Invoice) -> None:
    first = promised(invoice)
    assert promised(invoice, note="Said twice") == first
    with pytest.raises(HoldRuns):
        promised(invoice, date(2026, 10, 25))
    second = promised(invoice, date(2026, 10, 25), NOW + DAY, instead_of=first.id)
    first.refresh_from_db()
    assert (first.lifted_at, second.lifted_at) == (NOW + DAY, None)
    assert hold_queries.hold_of(invoice, NOW + DAY) == second


@pytest.mark.parametrize(
    ("last_day", "note", "field", "code"),
    [
        (date(2026, 10, 4), "x", "until", "in_the_past"),
        (date(2027, 1, 4), "x", "until", "too_far"),
        (date(2026, 10, 20), "  ", "note", "required"),
    ],
)
def test_a_day_that_is_over_or_too_far_and_no_reason_are_refused_by_their_field(
    acme: Any, invoice: Invoice, last_day: date, note: str, field: str, code: str
) -> None:
    by = world.user(staff=True)
    for act in (
        lambda: promise(invoice_id=invoice.id, last_day=last_day, note=note, by=by, now=NOW),
        lambda: exempt(tenant_id=acme.id, last_day=last_day, note=note, by=by, now=NOW),
    ):
        with pytest.raises(BadInput) as refused:
            act()
        assert [(each.field, each.code) for each in refused.value.errors] == [(field, code)]
    assert not CollectionHold.objects.exists()


def test_the_first_and_the_last_day_there_are(invoice: Invoice) -> None:
    first = promised(invoice, date(2026, 10, 5))
    assert promised(invoice, date(2027, 1, 3), instead_of=first.id).until == datetime(2027, 1, 4, 5, tzinfo=UTC)


def test_what_is_paid_or_charged_by_a_provider_is_not_promised(acme: Any, invoice: Invoice) -> None:
    Invoice.objects.filter(id=invoice.id).update(provider="stripe")
    with pytest.raises(CollectedElsewhere):
        promised(invoice)
    Invoice.objects.filter(id=invoice.id).update(provider=None)
    verify_check(world.check_for(acme, 4_200, world.user(staff=True), invoice=invoice, now=NOW), now=NOW)
    with pytest.raises(InvoiceNotOpen):
        promised(invoice)


def test_lifted_once_by_whoever_was_first_and_not_after_it_ran_out(invoice: Invoice) -> None:
    hold, first, second = promised(invoice), world.user(staff=True), world.user(staff=True)
    for by in (first, second):
        lift(hold_id=hold.id, by=by, now=NOW + DAY)
    hold.refresh_from_db()
    assert (hold.lifted_at, hold.lifted_by) == (NOW + DAY, first)
    over = promised(invoice, now=NOW + 2 * DAY)
    lift(hold_id=over.id, by=first, now=over.until)
    over.refresh_from_db()
    assert over.lifted_at is None


def test_every_change_of_it_is_kept(invoice: Invoice) -> None:
    hold = promised(invoice)
    lift(hold_id=hold.id, by=world.user(staff=True), now=NOW + DAY)
    from django.apps import apps

    kept = apps.get_model("payments", "CollectionHoldEvent").objects.filter(id=hold.id).order_by("pgh_id")
    assert [(each.pgh_label, each.lifted_at) for each in kept] == [("insert", None), ("update", NOW + DAY)]


# --- What the database refuses ---


def row(of: Invoice, **facts: Any) -> CollectionHold:
    by = world.user(staff=True)
    kept = {"kind": "promise", "until": NOW + DAY, "created_at": NOW, "note": "x", "created_by": by} | facts
    return CollectionHold.objects.create(tenant=of.tenant, invoice=kept.pop("invoice", of), **kept)


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"until": NOW}, "ends_after_it_begins"),
        ({"note": ""}, "says_why"),
        ({"invoice": None}, "promise_is_of_an_invoice"),
        ({"kind": "exemption"}, "promise_is_of_an_invoice"),
        ({"kind": "other"}, "kind_known"),
        ({"lifted_at": NOW}, "lifted_by_somebody"),
    ],
)
def test_a_row_that_can_not_be_is_refused(invoice: Invoice, facts: dict[str, Any], name: str) -> None:
    with pytest.raises(DatabaseError, match=name), transaction.atomic():
        row(invoice, **facts)


def test_two_that_run_together_are_refused_and_one_after_the_other_is_not(invoice: Invoice) -> None:
    row(invoice)
    with pytest.raises(DatabaseError, match="runs already"), transaction.atomic():
        row(invoice, created_at=NOW + timedelta(hours=1), until=NOW + 3 * DAY)
    row(invoice, created_at=NOW + DAY, until=NOW + 2 * DAY)
    row(invoice, kind="exemption", invoice=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_collectionhold SET until = until + interval '1 day'",
        "UPDATE payments_collectionhold SET note = 'other'",
        "DELETE FROM payments_collectionhold",
    ],
)
def test_history_is_not_rewritten(invoice: Invoice, statement: str) -> None:
    promised(invoice)
    with pytest.raises(DatabaseError, match="a hold is lifted"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_another_tenants_invoice_is_not_held(invoice: Invoice) -> None:
    other = world.tenant()
    with pytest.raises(DatabaseError, match="same_tenant"), transaction.atomic():
        CollectionHold.objects.create(
            tenant=other,
            invoice=invoice,
            kind="promise",
            until=NOW + DAY,
            created_at=NOW,
            note="x",
            created_by=world.user(staff=True),
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db(transaction=True)
def test_two_who_record_at_once_make_one(invoice: Invoice) -> None:
    people = [world.user(staff=True) for _ in range(6)]
    same = at_once(6, lambda number: promised(invoice, by=people[number]).id)
    assert same.errors == [] and len(set(same.results)) == 1
    days = at_once(6, lambda number: promised(invoice, date(2026, 10, 21 + number), by=people[number]))
    assert days.count(HoldRuns) == 6, "nobody of them has seen the one that runs"
    assert CollectionHold.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_rows_written_past_the_verb_at_once_are_one(invoice: Invoice) -> None:
    people = [world.user(staff=True) for _ in range(6)]
    outcomes = at_once(6, lambda number: row(invoice, created_by=people[number]))
    assert len(outcomes.results) == 1 and outcomes.count(DatabaseError) == 5
    assert CollectionHold.objects.count() == 1


# --- What is not charged meanwhile ---


def test_a_promised_invoice_is_not_tried_and_then_once_by_the_pauses_that_follow(
    stripe: StripeWorld, acme: Any
) -> None:
    invoice = declined(stripe, acme)
    promised(invoice, date(2026, 10, 25))
    tries = [number for number in range(45) if tried(number * DAY + timedelta(hours=17))]
    assert tries == [20, 25, 32, 39], "due on the 2nd, tried when the promise has ended; then after 5, 7 and 7 days"
    assert Payment.objects.count() == 5


def test_lifted_it_is_tried_at_once(stripe: StripeWorld, acme: Any) -> None:
    hold = promised(declined(stripe, acme), date(2026, 10, 25))
    assert tried(3 * DAY) == 0
    lift(hold_id=hold.id, by=world.user(staff=True), now=NOW + 3 * DAY)
    assert tried(3 * DAY) == 1


@pytest.mark.parametrize("held", [promised, lambda invoice: exempted(invoice.tenant)], ids=["promise", "exemption"])
def test_a_newly_chosen_method_is_charged_all_the_same(
    stripe: StripeWorld, acme: Any, held: Callable[[Invoice], CollectionHold]
) -> None:
    invoice = declined(stripe, acme)
    held(invoice)
    good = save(stripe, acme, "pm_card_visa", NOW + DAY)
    set_default(tenant=acme, method_ref=good, now=NOW + DAY)
    deliver(NOW + DAY)
    invoice.refresh_from_db()
    assert (invoice.status, stripe.taken()) == ("paid", [4_200])


def test_one_promise_holds_no_other_invoice_back_nor_another_tenants(stripe: StripeWorld, acme: Any) -> None:
    invoice = declined(stripe, acme)
    other = world.subscribed(slug="other")
    exempted(other)
    promised(world.overage_invoice(acme, cents=2_400, month="2026-10"))
    assert hold_queries.hold_of(invoice, NOW) is None
    assert tried(2 * DAY) >= 1


def test_left_alone_the_first_charge_waits_too_and_is_made_when_that_ends(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme, "pm_card_visa")
    hold = exempted(acme, now=AT_ISSUE)
    invoice = world.overage_invoice(acme, cents=4_200)
    deliver()
    assert [tried(number * DAY) for number in range(5)] == [0] * 5
    assert (Payment.objects.count(), stripe.taken()) == (0, [])
    assert collect_queries.withheld_invoices(hold.until) == [invoice]
    assert tried(hold.until - NOW) == 1
    assert tried(hold.until - NOW + DAY) == 0
    assert stripe.taken() == [4_200]


def test_its_mail_says_how_to_pay_and_not_that_it_is_charged(stripe: StripeWorld, acme: Any) -> None:
    from django.core import mail

    save(stripe, acme, "pm_card_visa")
    exempted(acme, now=AT_ISSUE)
    world.overage_invoice(acme, cents=4_200)
    deliver()
    (sent,) = mail.outbox
    assert "charged to" not in sent.body and "It is due on" in sent.body


def test_an_invoice_of_after_the_end_was_never_held(stripe: StripeWorld, acme: Any) -> None:
    exempted(acme, date(2026, 10, 6))
    invoice = world.overage_invoice(acme, cents=4_200, month="2026-10")
    assert hold_queries.ended([invoice], NOW + 60 * DAY) == {}
    assert collect_queries.withheld_invoices(NOW + 60 * DAY) == []


def test_a_small_one_that_is_held_back_is_not_charged_beside_another(stripe: StripeWorld, acme: Any) -> None:
    save(stripe, acme, "pm_card_visa")
    small = world.overage_invoice(acme, cents=12, month="2026-09")
    deliver()
    promised(small, date(2026, 12, 20))
    world.overage_invoice(acme, cents=4_200, month="2026-10")
    deliver(datetime(2026, 11, 5, tzinfo=UTC))
    assert stripe.taken() == [4_200]


@pytest.fixture
def debit(stripe: StripeWorld, acme: Any) -> Callable[[], Payment]:
    """Charges 42.00 on the fifth of December to a bank account, which takes days, with what waits beside it."""
    customer = customer_for(tenant=acme, provider=stripe.provider, now=NOW)
    stripe.bank_account(customer.provider_ref)
    sync_methods(tenant=acme, now=NOW)

    def charged() -> Payment:
        world.overage_invoice(acme, cents=4_200, month="2026-11")
        deliver(DECEMBER)
        return Payment.objects.get(method="us_bank_account")

    return charged


def arrives(stripe: StripeWorld, debit: Payment, now: datetime) -> None:
    stripe.settle(debit.provider_ref or "", "succeeded")
    sync_payment(payment_id=debit.id, actor=world.SYSTEM, now=now)


def two_small(acme: Any) -> tuple[Invoice, Invoice]:
    """Of 0.12 each, the one that is longest due first."""
    first, second = (world.overage_invoice(acme, cents=12, month=month) for month in ("2026-09", "2026-10"))
    return first, second


def states(*invoices: Invoice) -> list[str]:
    return [Invoice.objects.get(id=each.id).status for each in invoices]


def test_what_is_charged_for_one_that_waits_does_not_pay_the_one_that_is_promised(
    stripe: StripeWorld, acme: Any
) -> None:
    save(stripe, acme, "pm_card_visa")
    held, waiting = two_small(acme)
    deliver()
    promised(held, date(2026, 12, 20))
    world.overage_invoice(acme, cents=4_200, month="2026-11")
    deliver(DECEMBER)
    assert (stripe.taken(), states(held, waiting)) == ([4_212], ["open", "paid"])
    assert queries.credit_balance(acme, "usd").minor == 0


def test_promised_while_the_charge_was_reckoned_it_is_reckoned_anew(stripe: StripeWorld, acme: Any) -> None:
    card = save(stripe, acme, "pm_card_visa")
    held, _ = two_small(acme)
    large = world.overage_invoice(acme, cents=4_200, month="2026-11")
    promised(held, date(2026, 12, 20))
    with pytest.raises(AmountExceedsDue):
        start_payment(
            tenant=acme,
            amount=Money(4_224, "usd"),
            choice=MethodChoice("card", method_ref=card),
            invoice_id=large.id,
            off_session=True,
            spreads=True,
            actor=world.SYSTEM,
            now=DECEMBER,
        )
    assert (Payment.objects.count(), stripe.taken()) == (0, [])


def test_what_was_held_back_when_a_debit_began_counts_when_it_arrives(
    stripe: StripeWorld, acme: Any, debit: Callable[[], Payment]
) -> None:
    held, waiting = two_small(acme)
    promised(held, date(2026, 12, 6))
    underway = debit()
    assert underway.amount_minor == 4_212
    arrives(stripe, underway, DECEMBER + 10 * DAY)
    assert states(held, waiting) == ["open", "paid"], "the promise was over by then"


def test_promised_after_a_debit_began_it_is_paid_by_it(
    stripe: StripeWorld, acme: Any, debit: Callable[[], Payment]
) -> None:
    first, second = two_small(acme)
    underway = debit()
    promised(first, date(2026, 12, 20), DECEMBER + DAY)
    arrives(stripe, underway, DECEMBER + 2 * DAY)
    assert (underway.amount_minor, states(first, second)) == (4_224, ["paid", "paid"])


def test_what_a_charge_has_left_is_credit_and_does_not_pay_the_one_that_is_promised(
    stripe: StripeWorld, acme: Any, debit: Callable[[], Payment]
) -> None:
    held, waiting = two_small(acme)
    promised(held, date(2026, 12, 20))
    underway = debit()
    verify_check(world.check_for(acme, 12, world.user(staff=True), invoice=waiting, now=DECEMBER), now=DECEMBER)
    arrives(stripe, underway, DECEMBER + 2 * DAY)
    assert states(held, waiting) == ["open", "paid"]
    assert queries.credit_balance(acme, "usd").minor == 12
    assert Discrepancy.objects.get().kind == "not_needed"


def test_a_new_method_pays_the_promised_one_that_it_is_for_and_what_waits_beside_it(
    stripe: StripeWorld, acme: Any
) -> None:
    invoice = declined(stripe, acme)
    waiting = world.overage_invoice(acme, cents=12, month="2026-10")
    promised(invoice, date(2026, 12, 20))
    good = save(stripe, acme, "pm_card_visa", DECEMBER)
    set_default(tenant=acme, method_ref=good, now=DECEMBER)
    deliver(DECEMBER)
    assert (stripe.taken(), states(invoice, waiting)) == ([4_212], ["paid", "paid"])


# --- What its payer reads ---


def test_its_payer_reads_the_day_and_not_the_note(owner: Client, acme: Any, invoice: Invoice) -> None:
    with time_machine.travel(NOW, tick=False):
        assert "You said you would pay" not in words(owner.get(f"/invoices/{invoice.id}"))
        assert owner.get(f"/api/invoices/{invoice.id}").json()["collectionHold"] is None
        promised(invoice, note="Their treasurer is ill")
        page = words(owner.get(f"/invoices/{invoice.id}"))
        assert "You said you would pay by October 20, 2026" in page
        assert "We will not try to charge before that day is over" in page
        assert "treasurer" not in page
        shown = owner.get("/api/invoices").json()["results"][0]
        assert shown["collectionHold"] == {"kind": "promise", "until": "2026-10-21T04:00:00Z"}
    with time_machine.travel(datetime(2026, 10, 19, tzinfo=UTC), tick=False):
        assert "You said you would pay by October 20, 2026" in words(owner.get("/"))
        assert "you said by Oct 20" in words(owner.get("/invoices"))
    with time_machine.travel(datetime(2026, 10, 21, 4, tzinfo=UTC), tick=False):
        assert "You said" not in words(owner.get(f"/invoices/{invoice.id}"))
        assert "overdue" in words(owner.get("/"))


def test_who_is_left_alone_reads_until_when(owner: Client, acme: Any, invoice: Invoice) -> None:
    exempted(acme)
    with time_machine.travel(datetime(2026, 10, 19, tzinfo=UTC), tick=False):
        assert "You have more time to pay: until October 20, 2026" in words(owner.get(f"/invoices/{invoice.id}"))
        assert "overdue" not in words(owner.get("/"))
        assert owner.get(f"/api/invoices/{invoice.id}").json()["collectionHold"]["kind"] == "exemption"


def test_it_is_told_to_whoever_judges(acme: Any, invoice: Invoice) -> None:
    hold = promised(invoice)
    promised(invoice)
    lift(hold_id=hold.id, by=world.user(staff=True), now=NOW + DAY)
    assert OutboxMessage.objects.filter(topic="collection.held", tenant=acme).count() == 2


def badge(client: Client) -> Any:
    return client.get("/invoices").context["attention_count"]


def test_what_is_held_back_is_not_counted_as_overdue(owner: Client, acme: Any, invoice: Invoice) -> None:
    hold = promised(invoice)
    with time_machine.travel(datetime(2026, 10, 19, tzinfo=UTC), tick=False):
        told = words(owner.get("/invoices"))
        assert "Overdue $0.00 nothing else is late" in told
        assert "Due $42.00 1 invoice with more time, by Oct 20" in told
        assert badge(owner) == 0
        lift(hold_id=hold.id, by=world.user(staff=True), now=datetime(2026, 10, 18, tzinfo=UTC))
        assert "Overdue $42.00 1 invoice" in words(owner.get("/invoices"))
        assert badge(owner) == 1


def test_one_that_is_promised_and_waits_for_its_payers_bank_is_counted(
    stripe: StripeWorld, owner: Client, acme: Any, invoice: Invoice
) -> None:
    promised(invoice)
    with time_machine.travel(datetime(2026, 10, 19, tzinfo=UTC), tick=False):
        body = {"paymentMethod": {"type": "card", "stripePaymentMethodId": "pm_card_authenticationRequired"}}
        made = owner.post(f"/api/invoices/{invoice.id}/pay", body, content_type="application/json")
        assert made.json()["status"] == "requires_action"
        assert badge(owner) == 1


def test_its_history_tells_of_it(owner: Client, acme: Any, invoice: Invoice) -> None:
    first = promised(invoice)
    promised(invoice, date(2026, 10, 25), NOW + DAY, instead_of=first.id)
    exempted(acme, date(2026, 10, 12), NOW + DAY)
    with time_machine.travel(NOW + 2 * DAY, tick=False):
        told = words(owner.get(f"/invoices/{invoice.id}"))
        for title in ("Promised to pay by October 20, 2026", "Promised to pay by October 25, 2026"):
            assert title in told
        assert "More time to pay: until October 12, 2026" in told
        assert "counts no more" not in told, "another day took its place"
        second = CollectionHold.objects.get(kind="promise", lifted_at=None)
        lift(hold_id=second.id, by=world.user(staff=True), now=NOW + 2 * DAY)
    with time_machine.travel(NOW + 3 * DAY, tick=False):
        assert "The promise to pay by October 25, 2026 counts no more" in words(owner.get(f"/invoices/{invoice.id}"))
