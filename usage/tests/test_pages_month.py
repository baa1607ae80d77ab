"""The usage page: a month against its plan, day by day, and what it leaves out and says so."""

import pytest
import time_machine

from billing_portal.tests import world
from billing_portal.tests.reading import data, queries, words
from billing_portal.tests.world import at
from usage import days

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("november")]


@pytest.fixture
def november():
    with time_machine.travel(at("2026-11-24 14:05"), tick=False):
        yield


def acme_in_october(**facts):
    """Two seats, 200 minutes included: 240 outbound, 30 inbound, 10 toll-free."""
    acme = world.subscribed(seats=2, **facts)
    named = {"queue": "Renewals", "agentId": "mo", "country": "US"}
    world.call(acme, 150, at("2026-10-05 10:00"), dimensions=named)
    world.call(acme, 60, at("2026-10-06 15:42"), dimensions={**named, "queue": "Win-back", "country": "CA"})
    world.call(acme, 30, at("2026-10-07 10:00"))
    world.call(acme, 30, at("2026-10-07 11:00"), direction="inbound")
    world.call(acme, 10, at("2026-10-07 12:00"), toll_free=True)
    return acme


def page(client, tenant, query="", role="owner"):
    client.force_login(world.member(tenant, role))
    return client.get(f"/usage{query}")


def test_a_closed_month_names_its_invoice_and_shows_overage_as_arithmetic(client):
    acme = acme_in_october()
    invoice = world.close(acme, "2026-10", at("2026-11-01 04:00")).invoice
    seen = words(page(client, acme, "?month=2026-10"))
    assert f"October 1 to 31, 2026 · closed, billed on {invoice.number}" in seen
    assert "240 outbound minutes, 200 included" in seen
    assert "40 over × $0.012 = $0.48" in seen
    assert "Inbound 30 min $0.00, included without limit" in seen
    assert "Toll-free 10 min $0.18 at $0.018 each" in seen
    assert f"Charged for usage $0.66 before tax, on {invoice.number}" in seen
    assert "The allowance was used up on October 6, 2026 at 15:42" in seen


def test_the_days_sum_to_the_month_and_the_chart_holds_the_same_numbers(client):
    answer = page(client, acme_in_october(), "?month=2026-10&days=all")
    seen, chart = words(answer), data(answer, "days-data")
    assert "Tue, Oct 6 1 0 60 0 210 10 $0.12" in seen
    assert "Wed, Oct 7 3 30 30 10 240 30 $0.54" in seen
    assert "October 2026 5 30 240 10 240 40 $0.66" in seen
    assert "All 31 days." in seen
    assert (chart["within"][5], chart["over"][5], chart["crossed"]) == (50, 10, 5)
    assert sum(chart["within"]) + sum(chart["over"]) == 240
    assert data(answer, "running-data")["running"][-1] == 240


def test_only_the_latest_days_are_listed_until_all_are_asked_for(client):
    seen = words(page(client, acme_in_october(), "?month=2026-10"))
    assert "Latest 8 of 31 days." in seen and "Show all 31 days" in seen
    assert "Tue, Oct 6" not in seen


def test_shares_by_queue_and_country_sum_to_the_charge(client):
    acme = acme_in_october()
    by_queue = words(page(client, acme, "?month=2026-10"))
    assert "Queue Minutes Share of $0.48 Renewals 150 $0.30 Win-back 60 $0.12 No queue named 30 $0.06" in by_queue
    by_country = words(page(client, acme, "?month=2026-10&by=country"))
    assert "United States 150 $0.30 Canada 60 $0.12 No country named 30 $0.06" in by_country


def test_more_names_than_fit_end_in_one_row_for_the_rest():
    acme = world.subscribed()
    for number in range(12):
        world.call(acme, 10, at("2026-10-05 10:00"), dimensions={"agentId": f"agent-{number:02}"})
    from usage.actions.months import ensure_month

    found = days.shares(acme, ensure_month(acme, "2026-10"), rate_class="outbound", by="agent", amount_minor=100)
    assert len(found) == 9
    assert (found[-1].name, found[-1].minutes) == ("", 40)
    assert sum(share.amount_minor for share in found) == 100


def test_the_running_month_says_how_long_it_is_open(client):
    acme = world.subscribed()
    world.call(acme, 20, at("2026-11-05 10:00"))
    seen = words(page(client, acme))
    assert "open until December 1, 2026" in seen
    assert "20 outbound minutes, 100 included 80 minutes left" in seen


def test_months_follow_the_tenants_zone(client):
    acme = world.subscribed(time_zone="America/New_York", since=at("2026-09-01 04:00"))
    world.call(acme, 7, at("2026-11-01 03:59"))
    answer = page(client, acme, "?month=2026-10&days=all")
    assert "Sat, Oct 31 1 7 7 0 $0.00" in words(answer)


def test_what_came_late_and_what_no_plan_covered_is_said(client):
    acme = world.subscribed(since=at("2026-10-10 00:00"))
    world.call(acme, 5, at("2026-10-02 10:00"))
    world.call(acme, 110, at("2026-10-20 10:00"))
    world.close(acme, "2026-10", at("2026-11-01 04:00"))
    world.call(acme, 9, at("2026-10-21 10:00"), now=at("2026-11-03 10:00"))
    seen = words(page(client, acme, "?month=2026-10"))
    assert "1 call of this month came after it was closed. They are billed with November 2026" in seen
    assert "1 call (5 minutes) of this month came while no plan was in force" in seen
    assert "110 outbound minutes" in seen


@pytest.mark.parametrize("query", ["?month=2026-13", "?month=garbage", "?month=2031-01", "?month=2026-10&by=salary"])
def test_what_does_not_exist_is_404(client, query):
    assert page(client, acme_in_october(), query).status_code == 404


def test_another_tenants_calls_are_not_counted(client):
    acme_in_october()
    other = world.subscribed()
    world.call(other, 3, at("2026-11-05 10:00"))
    assert "3 outbound minutes" in words(page(client, other))
    assert client.get("/usage?month=2026-10").status_code == 404


def test_yen_have_no_cents(client):
    kanto = world.subscribed(world.plan_price("jpy", outbound="1.8"))
    world.call(kanto, 200, at("2026-11-05 10:00"))
    assert "100 over × ¥1.8 = ¥180" in words(page(client, kanto))


def test_a_tenant_without_a_plan_reads_what_will_be_here(client):
    answer = page(client, world.tenant())
    assert answer.status_code == 200
    assert "No plan in this month" in words(answer)


def test_an_agent_may_not_see_it(client):
    answer = page(client, acme_in_october(), role="agent")
    assert answer.status_code == 403
    assert "outbound" not in words(answer)


def test_it_takes_as_many_queries_for_many_calls_as_for_few(client):
    acme = acme_in_october()
    client.force_login(world.member(acme))
    client.get("/usage")  # makes the running month's row
    few = queries(client, "/usage?month=2026-10")
    for day in range(8, 28):
        world.call(acme, 9, at(f"2026-10-{day:02} 10:00"), dimensions={"queue": f"queue {day}"})
    assert queries(client, "/usage?month=2026-10") == few <= 24
