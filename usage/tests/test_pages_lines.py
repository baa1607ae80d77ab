"""The records behind a line: in their order, each with its part beyond the allowance, summing to the line."""

import csv
import io
from decimal import Decimal
from uuid import uuid4

import pytest

from billing_portal.tests import world
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from subscriptions.actions.planning import define_plan
from subscriptions.terms import Rounding
from usage.behind import billed_records, records_behind

pytestmark = pytest.mark.django_db


def october():
    """100 minutes included, 130 used: the second call crosses, the third is beyond."""
    acme = world.subscribed()
    world.call(acme, 90, at("2026-10-05 10:00"), event_id="first")
    world.call(acme, 30, at("2026-10-06 10:00"), event_id="second", dimensions={"queue": "Renewals", "agentId": "mo"})
    world.call(acme, 10, at("2026-10-07 10:00"), event_id="third")
    world.call(acme, 500, at("2026-10-07 11:00"), direction="inbound")
    return acme, world.close(acme, "2026-10", at("2026-11-01 04:00")).invoice


def lines_of_csv(answer):
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_each_record_has_its_part_beyond_the_allowance_in_the_order_of_the_calls():
    line = october()[1].lines.get()
    parts = [(record.event_id, record.charged, record.billed) for record in records_behind(line)]
    assert parts == [("first", 90, 0), ("second", 30, 20), ("third", 10, 10)]
    assert sum(record.billed for record in billed_records(line)) == line.quantity == 30


def test_the_page_lists_what_was_billed_and_says_where_the_allowance_ended(client):
    acme, invoice = october()
    client.force_login(world.member(acme))
    seen = words(client.get(f"/usage/lines/{invoice.lines.get().id}"))
    assert "2 calls billed on this line of 3 calls in the month" in seen
    assert "Oct 6, 10:00:00 Renewals mo 30:00 20 of 30 min" in seen
    assert "The first crossed the allowance: 10 of its 30 minutes were still included." in seen
    assert "All 2 calls 30 min" in seen


@pytest.mark.parametrize(
    ("before", "crossing", "said"),
    [
        (99, 7, "1 of its 7 minutes was still included."),
        (98, 7, "2 of its 7 minutes were still included."),
    ],
)
def test_the_call_that_crossed_is_told_of_in_good_grammar(client, before, crossing, said):
    acme = world.subscribed()
    world.call(acme, before, at("2026-10-05 10:00"))
    world.call(acme, crossing, at("2026-10-06 10:00"))
    line = world.close(acme, "2026-10", at("2026-11-01 04:00")).invoice.lines.get()
    client.force_login(world.member(acme))
    assert said in words(client.get(f"/usage/lines/{line.id}"))


def test_the_invoice_loads_the_first_calls_as_a_part(client):
    acme, invoice = october()
    client.force_login(world.member(acme))
    answer = client.get(f"/usage/lines/{invoice.lines.get().id}", headers={"HX-Request": "true"})
    assert "<html" not in answer.content.decode()
    assert "20 of 30 min" in words(answer)
    assert "HX-Request" in answer["Vary"]


def test_the_csv_holds_all_calls_and_its_last_column_sums_to_the_line(client):
    acme, invoice = october()
    client.force_login(world.member(acme))
    answer = client.get(f"/usage/lines/{invoice.lines.get().id}.csv")
    rows = lines_of_csv(answer)
    assert f'filename="{invoice.number}-line-1.csv"' in answer["Content-Disposition"]
    assert [row["charged_minutes"] for row in rows] == ["90", "30", "10"]
    assert sum(Decimal(row["billed_minutes"]) for row in rows) == 30
    assert rows[1]["started_at"] == "2026-10-06T10:00:00+00:00"
    assert rows[1]["queue"] == "Renewals"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_what_a_caller_sent_is_no_formula_in_a_spreadsheet(client, text):
    acme = world.subscribed()
    world.call(acme, 110, at("2026-10-05 10:00"), description=text, dimensions={"queue": text})
    line = world.close(acme, "2026-10", at("2026-11-01 04:00")).invoice.lines.get()
    client.force_login(world.member(acme))
    row = lines_of_csv(client.get(f"/usage/lines/{line.id}.csv"))[0]
    assert row["description"] == row["queue"] == f"'{text}"


def test_parts_sum_exactly_where_calls_are_charged_by_the_second():
    version = define_plan(
        code="seconds",
        name="By the second",
        now=world.START,
        allowances={("call_minutes", "outbound"): Decimal("0.5")},
        overage={("call_minutes", "outbound", "usd"): Decimal(90)},
        prices={("monthly", "usd"): (0, 1)},
        rounding=Rounding(1, 1, 0),
    )
    acme = world.subscribed(version.prices.get(), since=at("2026-09-13 07:11"))
    for number in range(50):
        world.call(acme, str(Decimal(7 + number % 13) / 60)[:8], at(f"2026-09-20 10:{number:02}"))
    line = world.close(acme, "2026-09", at("2026-10-01 04:00")).invoice.lines.get()
    assert sum(record.billed for record in records_behind(line)) == line.quantity


def test_an_adjustment_goes_on_where_the_month_stood_when_it_was_closed(client):
    acme = world.subscribed()
    world.call(acme, 95, at("2026-10-05 10:00"))
    world.close(acme, "2026-10", at("2026-11-01 04:00"))
    world.call(acme, 8, at("2026-10-30 10:00"), now=at("2026-11-02 00:00"), event_id="late")
    world.call(acme, 4, at("2026-10-02 10:00"), now=at("2026-11-03 00:00"), event_id="later, of an earlier day")
    invoice = world.close(acme, "2026-11", at("2026-12-01 04:00")).invoice
    line = invoice.lines.get()
    parts = [(record.event_id, record.billed) for record in records_behind(line)]
    assert parts == [("later, of an earlier day", 0), ("late", 7)]
    assert line.quantity == 7
    client.force_login(world.member(acme))
    assert "1 call billed on this line" in words(client.get(f"/usage/lines/{line.id}"))


def test_another_tenants_line_looks_like_one_that_does_not_exist(client):
    line = october()[1].lines.get()
    client.force_login(world.member(world.tenant()))
    for path in (f"/usage/lines/{line.id}", f"/usage/lines/{line.id}.csv"):
        theirs, nobodys = client.get(path), client.get(path.replace(str(line.id), str(uuid4())))
        assert theirs.status_code == nobodys.status_code == 404
        assert "There is nothing here" in words(theirs)


@pytest.mark.parametrize("ending", ["", ".csv"])
def test_an_agent_may_not_see_them(client, ending):
    acme, invoice = october()
    client.force_login(world.member(acme, "agent"))
    assert client.get(f"/usage/lines/{invoice.lines.get().id}{ending}").status_code == 403
