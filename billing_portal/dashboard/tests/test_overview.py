"""The overview: what needs attention, what was used, what it will cost, what was billed and paid."""

import pytest
import time_machine

from billing_portal.tests import world
from billing_portal.tests.reading import data, queries, words
from billing_portal.tests.world import at
from payments.actions.recording import reject_manual_payment, verify_manual_payment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


@pytest.fixture
def november():
    with time_machine.travel(at("2026-11-16 00:00"), tick=False):
        yield


def page(client, tenant, role="owner"):
    client.force_login(world.member(tenant, role))
    answer = client.get("/")
    assert answer.status_code == 200
    return answer


def test_the_month_so_far_and_where_it_is_heading(client):
    acme = world.subscribed()
    world.call(acme, 80, at("2026-11-05 10:00"))
    world.call(acme, 10, at("2026-11-05 11:00"), toll_free=True)
    seen = words(page(client, acme))
    assert "November 1 to 30, 2026 · 14 days left" in seen
    assert "80 of 100 included 20 minutes left" in seen
    assert "At this pace by November 30: 160" in seen
    assert "Outbound 80 min 100 $0.00 $0.72" in seen
    assert "Toll-free 10 min none $0.18 $0.36" in seen
    assert "Before tax $0.18 $1.08" in seen
    assert "At this pace you go about 60 outbound minutes over, at $0.012 each." in seen


def test_the_next_invoice_is_a_sum_with_tax_late_calls_and_credit(client):
    acme = world.subscribed(tax_name="Sales tax", tax_percent="10")
    clerk = world.user(staff=True)
    world.call(acme, 100, at("2026-10-05 10:00"))
    world.close(acme, "2026-10", at("2026-11-01 04:00"))
    world.call(acme, 50, at("2026-10-06 10:00"), now=at("2026-11-02 00:00"))
    world.call(acme, 150, at("2026-11-05 10:00"))
    check = world.check_for(acme, 100, clerk)
    verify_manual_payment(
        payment_id=check.id, verifier=clerk, actor=world.staff_actor(clerk), now=at("2026-11-02 00:00")
    )
    seen = words(page(client, acme)).partition("Next invoice")[2]
    assert "$3.30 expected; $1.32 with the calls so far" in seen
    assert "Outbound over the allowance about 200 min × $0.012 $2.40" in seen
    assert "Adjustment for October 2026: outbound minutes over the allowance 50 min × $0.012 $0.60" in seen
    assert "Sales tax 10% $0.30 Expected total $3.30" in seen
    assert "Your credit pays of it \N{MINUS SIGN}$1.00 Expected to pay $2.30" in seen


def test_months_show_what_was_billed_and_what_is_not_closed(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=12_000)
    world.call(acme, 150, at("2026-10-05 10:00"))
    world.call(acme, 80, at("2026-11-05 10:00"))
    answer = page(client, acme)
    seen, chart = words(answer), data(answer, "months-data")
    assert "November so far 80 100 0 $0.00" in seen
    assert "October not closed 150 100 50 $0.60" in seen
    assert "September 10,100 100 10,000 $120.00" in seen
    assert f'href="/invoices/{invoice.id}">$120.00</a>' in answer.content.decode()
    assert "October 2026 is over and not billed yet: $0.60 before tax." in seen
    assert chart == {
        "labels": ["Sep", "Oct", "Nov"],
        "within": [100, 100, 80],
        "over": [10_000, 50, 0],
        "expected": [0, 0, 20],
        "expectedOver": [0, 0, 60],
        "allowance": 100,
        "allowanceLabel": "100 included",
    }


def test_a_late_invoice_comes_first_with_its_cause_and_how_to_pay(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=12_000)
    clerk = world.user(staff=True)
    lost = world.check_for(acme, 9_000, clerk, invoice=invoice, now=at("2026-10-08 09:00"), reference="10512")
    reject_manual_payment(payment_id=lost.id, reason="Closed account", actor=world.SYSTEM, now=at("2026-10-09 09:00"))
    wire = world.check_for(acme, 5_000, clerk, now=at("2026-11-10 09:00"), reference="20984")
    seen = words(page(client, acme))
    assert (
        f"Invoice {invoice.number} is 31 days overdue We did not find the money of your check 10512 for $90.00:"
        f" Closed account. $120.00 has been due since October 16, 2026. Pay by check or wire with the code"
        f" {invoice.remittance_code}. How to pay $120.00"
    ) in seen
    assert f"We have your check {wire.reference} for $50.00 and are checking it" in seen
    assert "Invoices 1 need attention" in seen


def test_a_late_invoice_that_a_check_covers_in_part_asks_for_the_rest(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=9_000)
    world.check_for(acme, 4_000, world.user(staff=True), invoice=invoice, reference="77")
    text = words(page(client, acme))
    assert "We have your check 77 for $40.00 and are checking it. $50.00 has been due since" in text
    assert "How to pay $50.00" in text


def test_a_check_that_we_did_not_find_waits_before_the_invoice_is_late(client):
    acme = world.subscribed()
    world.call(acme, 200, at("2026-10-05 10:00"))
    invoice = world.close(acme, "2026-10", at("2026-11-10 04:00")).invoice
    lost = world.check_for(
        acme, 120, world.user(staff=True), invoice=invoice, now=at("2026-11-12 09:00"), reference="7"
    )
    reject_manual_payment(payment_id=lost.id, reason="Not ours", actor=world.SYSTEM, now=at("2026-11-13 09:00"))
    seen = words(page(client, acme))
    assert f"Check 7 did not pay invoice {invoice.number}" in seen
    assert "Invoices 1 need attention" in seen


def test_at_most_three_notices_and_the_rest_by_number(client):
    acme = world.subscribed(since=at("2026-05-01 00:00"))
    for month in ("2026-06", "2026-07", "2026-08", "2026-09"):
        world.overage_invoice(acme, month=month)
    answer = page(client, acme)
    assert answer.content.decode().count('<article class="notice') == 3
    assert "2 more need your attention See unpaid invoices" in words(answer)
    assert "Invoices 4 need attention" in words(answer)


def test_without_trouble_there_is_no_box(client):
    acme = world.subscribed()
    world.call(acme, 10, at("2026-11-05 10:00"))
    answer = page(client, acme)
    assert "Needs your attention" not in answer.content.decode()
    assert "need attention" not in words(answer)


def test_the_subscription_and_the_last_payments(client):
    acme = world.subscribed(seats=3)
    world.check_for(acme, 5_000, world.user(staff=True), now=at("2026-11-10 09:00"), reference="20984")
    seen = words(page(client, acme))
    assert (
        "Subscription Active Plan Professional, monthly Seats 3 × $0.00 Renews December 1, 2026"
        " Change plan or seats See all of it" in seen
    )
    assert "Check 20984 $50.00 Nov 10, 2026 Awaiting review" in seen


def test_a_new_tenant_reads_what_will_be_here_and_the_next_step(client):
    answer = page(client, world.tenant())
    seen = words(answer)
    assert "No plan yet" in seen
    assert '<a class="more" href="/subscription">See the plans</a>' in answer.content.decode()
    assert "No calls yet" in seen


def test_who_may_not_pay_is_not_asked_to(client):
    acme = world.subscribed()
    world.overage_invoice(acme, cents=12_000)
    for role, asked in (("viewer", False), ("owner", True)):
        answer = page(client, acme, role=role)
        assert "31 days overdue" in words(answer)
        assert ("btn-main" in answer.content.decode()) is asked


def test_a_reference_keeps_its_letters_at_the_beginning_of_a_notice(client):
    acme = world.subscribed(payment_terms_days=60)
    invoice = world.overage_invoice(acme)
    lost = world.check_for(acme, 120, world.user(staff=True), invoice=invoice, reference="CHK-1")
    reject_manual_payment(payment_id=lost.id, reason="Not ours", actor=world.SYSTEM, now=at("2026-11-13 09:00"))
    assert f"Check CHK-1 did not pay invoice {invoice.number}" in words(page(client, acme))


def test_a_plan_without_calls_shows_zeros(client):
    seen = words(page(client, world.subscribed()))
    assert "0 of 100 included 100 minutes left" in seen
    assert "$0.00 expected: a month within the allowance is not billed" in seen


def test_yen_have_no_cents(client):
    kanto = world.subscribed(world.plan_price("jpy", outbound="1.8"))
    world.call(kanto, 200, at("2026-11-05 10:00"))
    seen = words(page(client, kanto))
    assert "100 over × ¥1.8 = ¥180" in seen
    assert "¥540 expected; ¥180 with the calls so far" in seen


def test_an_agent_is_told_that_the_role_does_not_allow_it(client):
    client.force_login(world.member(world.subscribed(), "agent"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert 'action="/logout"' in answer.content.decode()


def test_a_viewer_sees_it_and_nobody_else_without_logging_in(client):
    assert client.get("/").headers["Location"] == "/login"
    page(client, world.subscribed(), role="viewer")


def test_it_takes_as_many_queries_for_many_months_as_for_few(client):
    acme = world.subscribed(since=at("2026-05-01 00:00"))
    client.force_login(world.member(acme))
    world.overage_invoice(acme, month="2026-06")
    client.get("/")  # makes the running month's row
    few = queries(client, "/")
    for month in ("2026-07", "2026-08", "2026-09"):
        world.overage_invoice(acme, month=month)
    assert queries(client, "/") == few <= 31
