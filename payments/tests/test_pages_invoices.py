"""Bills as their tenant sees them: the list with its tabs, and one bill down to what is still due."""

from uuid import uuid4

import pytest
import time_machine

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.reading import queries, words
from billing_portal.tests.world import at
from payments.actions.crediting import issue_credit_note
from payments.actions.recording import reject_manual_payment, verify_manual_payment
from payments.models import Invoice
from subscriptions.tests import plan_world

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("october")]


@pytest.fixture
def october():
    with time_machine.travel(at("2026-10-24 12:00"), tick=False):
        yield


def verify(payment, when="2026-10-06 09:00"):
    finance = world.user(staff=True, name="Marc Olsen")
    return verify_manual_payment(
        payment_id=payment.id, verifier=finance, actor=world.staff_actor(finance), now=at(when)
    )


def check(tenant, cents, invoice=None, when="2026-10-05 09:00", **choice):
    return world.check_for(
        tenant, cents, world.user(staff=True, name="Priya Nair"), invoice=invoice, now=at(when), **choice
    )


def see(client, tenant, path, role="owner"):
    client.force_login(world.member(tenant, role))
    answer = client.get(path)
    assert answer.status_code == 200
    return words(answer)


def test_the_list_says_what_is_late_with_one_way_on(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=12_000)
    seen = see(client, acme, "/invoices")
    assert "Overdue $120.00 1 invoice, 8 days" in seen
    assert f"{invoice.number} Usage, September 2026 Oct 2, 2026 Overdue Due Oct 16 $120.00 $120.00 How to pay" in seen
    assert "All 1 Unpaid 1 On its way 0 Paid 0 Credit notes 0" in seen


def test_each_tab_holds_what_its_count_says(client):
    acme = world.subscribed(since=at("2026-08-01 00:00"))
    paid = world.overage_invoice(acme, cents=5_000)
    verify(check(acme, 5_000, paid, reference="10482"))
    invoice = world.overage_invoice(acme, cents=7_000, month="2026-08")
    check(acme, 7_000, invoice, reference="20984")
    issue_credit_note(
        invoice_id=invoice.id,
        amount=Money(500, "usd"),
        reason="Lost calls",
        actor=world.SYSTEM,
        now=at("2026-10-07 09:00"),
    )
    everything = see(client, acme, "/invoices")
    assert "All 3 Unpaid 1 On its way 1 Paid 1 Credit notes 1" in everything
    assert f"Credit for {invoice.number} Oct 7, 2026 Credit note Lost calls \N{MINUS SIGN}$5.00 —" in everything
    assert "Paid Oct 6, check 10482 $50.00 —" in everything
    assert paid.number not in words(client.get("/invoices?tab=unpaid"))
    assert invoice.number in words(client.get("/invoices?tab=on_its_way"))
    assert paid.number in words(client.get("/invoices?tab=paid"))
    assert "CN-2026-000001" in words(client.get("/invoices?tab=credit_notes"))
    assert client.get("/invoices?tab=secret").status_code == 404


def test_a_tab_without_bills_offers_to_clear_the_filter(client):
    acme = world.subscribed()
    world.overage_invoice(acme)
    assert "No invoices match Clear the filter" in see(client, acme, "/invoices?tab=paid")


def test_a_new_tenant_reads_when_the_first_bill_comes(client):
    assert "No invoices yet" in see(client, world.tenant(), "/invoices")


def test_long_lists_come_in_pages_that_keep_the_tab(client):
    acme = world.subscribed()
    row = world.overage_invoice(acme)
    for sequence in range(100, 121):
        Invoice.objects.create(
            tenant=acme,
            kind="one_off",
            status="open",
            currency="usd",
            subtotal_minor=1,
            total_minor=1,
            number=f"INV-2026-{sequence:06}",
            number_year=2026,
            number_sequence=sequence,
            remittance_code=f"X-{sequence}",
            created_at=at("2026-10-03 09:00"),
            issued_at=at("2026-10-03 09:00"),
            due_at=at("2026-11-03 09:00"),
        )
    first = see(client, acme, "/invoices?tab=unpaid")
    assert "1 to 20 of 22" in first and row.number not in first
    answer = client.get("/invoices?tab=unpaid&page=2")
    assert row.number in words(answer)
    assert "?tab=unpaid&amp;page=1" in answer.content.decode()


def test_a_line_opens_to_its_sum_and_its_rules(client):
    acme = world.subscribed(seats=2)
    world.call(acme, 151, at("2026-09-05 10:00"))
    world.call(acme, "61.5", at("2026-09-06 10:00"))
    world.call(acme, 7, at("2026-09-06 11:00"), toll_free=True)
    invoice = world.close(acme, "2026-09", at("2026-10-01 04:00")).invoice
    seen = see(client, acme, f"/invoices/{invoice.id}")
    assert "Outbound minutes in September 2 calls, each rounded up to a full minute 213" in seen
    assert "\N{MINUS SIGN} Included 2 seats × 100, pooled 200" in seen
    assert "= Minutes over the allowance 13" in seen
    assert "× Price of an outbound minute $0.012" in seen
    assert "= Amount $0.156, rounded once $0.16" in seen
    assert "The amount is rounded once, at the end, halves up." in seen
    assert "Terms: Professional, version 1, in force since September 1, 2026." in seen
    assert (
        "Toll-free minutes in September 1 call, each rounded up to a full minute 7 × Price of a toll-free minute $0.018"
        in seen
    )


def test_a_part_of_a_month_is_explained_by_its_seconds(client):
    acme = world.subscribed(since=at("2026-09-16 00:00"))
    world.call(acme, 60, at("2026-09-20 09:00"))
    invoice = world.close(acme, "2026-09", at("2026-10-01 04:00")).invoice
    seen = see(client, acme, f"/invoices/{invoice.id}")
    assert "Included 1 seat × 100 × 15/30 of the month 50" in seen
    assert "in force for 1,296,000 of the month's 2,592,000 seconds" in seen


def test_an_adjustment_takes_off_what_was_billed_before(client):
    acme = world.subscribed()
    world.call(acme, 110, at("2026-09-30 22:00"))
    world.close(acme, "2026-09", at("2026-10-01 06:00"))
    world.call(acme, 5, at("2026-09-30 23:10"), now=at("2026-10-02 00:00"))
    invoice = world.close(acme, "2026-10", at("2026-11-01 06:00")).invoice
    seen = see(client, acme, f"/invoices/{invoice.id}")
    assert "Minutes over the allowance 15 \N{MINUS SIGN} Billed before when September was closed 10" in seen
    assert "= Minutes to bill now 5 × Price of an outbound minute $0.012 = Amount $0.06" in seen
    assert "These calls reached us after September 2026 was closed." in seen


def test_a_period_of_seats_opens_to_its_price(client):
    subscription = plan_world.started(plan_world.price(2_900), "2026-10-01 00:00", seats=12)
    (invoice,) = plan_world.invoices(subscription)
    seen = see(client, subscription.tenant, f"/invoices/{invoice.id}")
    assert "Professional, 12 seats, monthly October 1 to 31, 2026 12 seats × $29.00 $348.00" in seen
    assert "Professional, price of a seat a month $29.00 × Seats 12 = Amount $348.00" in seen
    assert "Seats are paid in advance. Terms: Professional, version 1." in seen


def test_what_a_change_charges_and_gives_back_opens_to_what_was_left_of_the_period(client):
    small, _ = plan_world.two_plans()
    subscription = plan_world.started(small, "2026-09-01 00:00", seats=4)
    invoice = plan_world.change(subscription, "2026-09-20 00:00", plan_code="big")
    seen = see(client, subscription.tenant, f"/invoices/{invoice.id}")
    assert "Change of the subscription, September 20 to 30, 2026: $22.00." in seen
    assert (
        "Professional, price of a seat a month $25.00 × Seats 4"
        " × Left of the month 950,400 of 2,592,000 seconds 11/30 = Amount rounded once $36.67" in seen
    )
    assert "11/30 = Given back rounded once \N{MINUS SIGN}$14.67" in seen
    assert "From September 20, 2026 on it is given back, by the second." in seen


def test_a_change_in_the_middle_of_a_day_is_explained_by_its_seconds(client):
    subscription = plan_world.started(plan_world.price(1_000), "2026-09-01 00:00", seats=1)
    invoice = plan_world.change(subscription, "2026-09-16 10:00", seats=2)
    seen = see(client, subscription.tenant, f"/invoices/{invoice.id}")
    assert "Left of the month 1,260,000 of 2,592,000 seconds 48.6111% = Amount rounded once $4.86" in seen


def test_totals_go_down_to_what_is_still_due_with_every_part_and_credit_as_a_row(client):
    acme = world.subscribed(tax_name="Sales tax", tax_percent="6.25")
    verify(check(acme, 1_000, reference="1"), when="2026-09-20 09:00")
    invoice = world.overage_invoice(acme, cents=12_000)
    verify(check(acme, 2_000, invoice, reference="10497"))
    issue_credit_note(
        invoice_id=invoice.id,
        amount=Money(250, "usd"),
        reason="Lost calls",
        actor=world.SYSTEM,
        now=at("2026-10-07 09:00"),
    )
    seen = see(client, acme, f"/invoices/{invoice.id}")
    assert "Subtotal $120.00 Sales tax 6.25% $7.50 Total $127.50" in seen
    assert "Your credit Oct 2, 2026 · from check 1 \N{MINUS SIGN}$10.00" in seen
    assert "Paid by check 10497 Oct 6, 2026 \N{MINUS SIGN}$20.00" in seen
    assert "Credit note CN-2026-000001 Oct 7, 2026 · Lost calls \N{MINUS SIGN}$2.50 Still due $95.00" in seen


def test_the_story_has_what_comes_next_on_top_and_says_who(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=12_000)
    verify(check(acme, 2_000, invoice, reference="10497"))
    lost = check(acme, 900, invoice, when="2026-10-08 09:00", reference="10512")
    reject_manual_payment(payment_id=lost.id, reason="Closed account", actor=world.SYSTEM, now=at("2026-10-09 09:00"))
    check(acme, 9_000, invoice, when="2026-10-20 09:00", reference="20984")
    story = see(client, acme, f"/invoices/{invoice.id}").partition("What happened")[2]
    order = [
        "We check your check 20984 $90.00.",
        "We wait for your payment $10.00, due since October 16, 2026.",
        "Check 20984 recorded",
        "The due date passed",
        "Check 10512: we did not find the money Closed account",
        "$20.00 paid by check 10497 $100.00 was left to pay. Oct 6, 09:00 UTC · checked by Marc Olsen",
        "Check 10497 recorded $20.00. Oct 5, 09:00 UTC · by Priya Nair, our billing desk",
        "Invoice issued Usage, September 2026: $120.00. Oct 2, 00:00 UTC · automatically",
    ]
    places = [story.find(entry) for entry in order]
    assert -1 not in places, order[places.index(-1)] + story
    assert places == sorted(places)


def test_yen_have_no_cents(client):
    kanto = world.subscribed(world.plan_price("jpy", outbound="1.8"))
    world.call(kanto, 1100, at("2026-09-05 10:00"))
    invoice = world.close(kanto, "2026-09", at("2026-10-01 04:00")).invoice
    seen = see(client, kanto, f"/invoices/{invoice.id}")
    assert "1,000 min × ¥1.8 ¥1,800" in seen and "Still due ¥1,800" in seen
    assert "Overdue ¥1,800" in see(client, kanto, "/invoices")


def test_another_tenants_invoice_looks_like_one_that_does_not_exist(client):
    invoice = world.overage_invoice(world.subscribed())
    client.force_login(world.member(world.subscribed()))
    theirs, nobodys = client.get(f"/invoices/{invoice.id}"), client.get(f"/invoices/{uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    assert words(theirs).rpartition("Request")[0] == words(nobodys).rpartition("Request")[0]
    assert invoice.number not in words(theirs)


@pytest.mark.parametrize("path", ["/invoices", "/invoices/{id}"])
def test_an_agent_may_see_no_bill(client, path):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme)
    client.force_login(world.member(acme, "agent"))
    answer = client.get(path.format(id=invoice.id))
    assert answer.status_code == 403
    assert invoice.number not in words(answer)


def test_a_page_takes_as_many_queries_for_many_bills_as_for_few(client):
    acme = world.subscribed(since=at("2026-06-01 00:00"))
    client.force_login(world.member(acme))
    invoice = world.overage_invoice(acme, month="2026-06")
    verify(check(acme, 1_000, invoice))
    few = queries(client, "/invoices"), queries(client, f"/invoices/{invoice.id}")
    for month in ("2026-07", "2026-08", "2026-09"):
        verify(check(acme, 1_000, world.overage_invoice(acme, month=month)))
        verify(check(acme, 1_000, invoice))
    many = queries(client, "/invoices"), queries(client, f"/invoices/{invoice.id}")
    assert many == few
    assert max(many) <= 24
