"""Collecting held back at the desk: recorded on an invoice, for a whole tenant, seen, replaced, lifted, and by whom."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from billing_portal.tests import world
from billing_portal.tests.reading import words
from payments.models import CollectionHold, Invoice

pytestmark = pytest.mark.django_db
ADD = "/admin/payments/collectionhold/add/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(world.at("2026-10-05 12:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def invoice() -> Invoice:
    return world.overage_invoice(world.subscribed(slug="acme"), cents=9_000)


def at_the_desk(*groups: str) -> Client:
    client = Client()
    client.force_login(world.user(f"{groups[0]}@portal.example", staff=True, groups=groups))
    return client


@pytest.fixture
def finance() -> Client:
    return at_the_desk("finance")


def url(obj: Any, what: str = "change") -> str:
    return reverse(f"admin:payments_{obj._meta.model_name}_{what}", args=[obj.pk])


def sent(client: Client, path: str, **changes: Any) -> Any:
    return client.post(path, {"until": "2026-12-12", "note": "Ms. Li, by phone", **changes})


def test_a_promise_is_recorded_and_shown(finance: Client, invoice: Invoice) -> None:
    path = url(invoice, "promise")
    assert "dunning goes on where it was" in words(finance.get(path))
    assert sent(finance, path).url == url(invoice)
    hold = CollectionHold.objects.get()
    assert (hold.invoice, hold.until) == (invoice, world.at("2026-12-13 00:00"))
    assert hold.created_by.email == "finance@portal.example"
    page = words(finance.get(url(invoice)))
    assert f"Promise to pay: {invoice}, until December 12, 2026, said by finance@portal.example" in page
    assert "Ms. Li, by phone" in page


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"until": "2026-10-04"}, "until", "over already"),
        ({"until": "2027-02-01"}, "until", "90 days ahead"),
        ({"until": "12.12.2026"}, "until", "valid date"),
        ({"note": ""}, "note", "required"),
        ({"note": "card 4242 4242 4242 4242"}, "note", "card number"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(
    finance: Client, invoice: Invoice, changes: dict[str, str], field: str, told: str
) -> None:
    for path, more in ((url(invoice, "promise"), {}), (ADD, {"tenant": str(invoice.tenant_id)})):
        form = sent(finance, path, **more, **changes).context["asked"].form
        assert told in " ".join(form.errors[field])
    assert not CollectionHold.objects.exists()


def test_another_day_takes_the_place_of_the_one_that_was_seen(finance: Client, invoice: Invoice) -> None:
    path = url(invoice, "promise")
    sent(finance, path)
    first = CollectionHold.objects.get()
    asked = finance.get(path)
    assert "Another day takes its place" in words(asked)
    sent(finance, path, until="2026-12-20", seen=asked.context["asked"].form["seen"].value())
    first.refresh_from_db()
    assert first.lifted_at and CollectionHold.objects.count() == 2


def test_who_has_not_seen_the_other_day_reads_of_it_first(finance: Client, invoice: Invoice) -> None:
    path = url(invoice, "promise")
    sent(finance, path)
    answer = sent(finance, path, until="2026-12-20")
    assert "finance@portal.example has named another day meanwhile" in words(answer)
    assert CollectionHold.objects.count() == 1
    sent(finance, path, until="2026-12-20", seen=answer.context["asked"].form["seen"].value())
    assert CollectionHold.objects.filter(lifted_at=None).get().until == world.at("2026-12-21 00:00")


def test_a_tenant_is_left_alone_from_an_invoices_page(finance: Client, invoice: Invoice) -> None:
    led = finance.get(url(invoice, "leave_alone")).url
    page = finance.get(led)
    assert page.context["asked"].form["tenant"].value() == invoice.tenant_id
    sent(finance, led, tenant=str(invoice.tenant_id))
    hold = CollectionHold.objects.get()
    assert (hold.kind, hold.tenant, hold.invoice) == ("exemption", invoice.tenant, None)
    assert "Left alone: Acme, until December 12, 2026" in words(finance.get(url(invoice)))
    assert "Another day takes its place" in words(finance.get(led))


def test_the_list_shows_what_is_in_force_and_one_is_lifted_once(finance: Client, invoice: Invoice, clock: Any) -> None:
    sent(finance, url(invoice, "promise"))
    hold = CollectionHold.objects.get()
    listed = "/admin/payments/collectionhold/"
    assert finance.get(f"{listed}?runs=yes").context["cl"].result_count == 1
    assert "charged and asked for again" in words(finance.get(url(hold, "lift")))
    assert CollectionHold.objects.filter(lifted_at=None).exists(), "looking lifts nothing"
    finance.post(url(hold, "lift"))
    hold.refresh_from_db()
    assert hold.lifted_by and hold.lifted_by.email == "finance@portal.example"
    assert [finance.get(f"{listed}?runs={word}").context["cl"].result_count for word in ("yes", "no")] == [0, 1]
    assert url(hold, "lift") not in finance.get(url(hold)).content.decode()
    assert finance.post(url(hold, "lift")).status_code == 302


def test_it_leaves_the_list_by_itself(finance: Client, invoice: Invoice, clock: Any) -> None:
    sent(finance, url(invoice, "promise"), until="2026-10-06")
    clock.move_to(world.at("2026-10-07 00:00"))
    assert finance.get("/admin/payments/collectionhold/?runs=yes").context["cl"].result_count == 0
    assert "In force" not in words(finance.get(url(CollectionHold.objects.get())))


def test_what_a_provider_charges_has_no_such_button(finance: Client, invoice: Invoice) -> None:
    Invoice.objects.update(provider="stripe")
    assert url(invoice, "promise") not in finance.get(url(invoice)).content.decode()
    assert sent(finance, url(invoice, "promise")).status_code == 302
    assert not CollectionHold.objects.exists()


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_only_finance_holds_back(finance: Client, invoice: Invoice, group: str) -> None:
    sent(finance, url(invoice, "promise"))
    hold, other = CollectionHold.objects.get(), at_the_desk(group)
    page = other.get(url(invoice)).content.decode()
    assert url(invoice, "promise") not in page and url(invoice, "leave_alone") not in page
    refused = [
        sent(other, url(invoice, "promise"), until="2026-12-20"),
        other.get(url(invoice, "leave_alone")),
        other.get(ADD),
        sent(other, ADD, tenant=str(invoice.tenant_id)),
        other.post(url(hold, "lift")),
    ]
    assert [each.status_code for each in refused] == [403] * 5
    assert CollectionHold.objects.filter(lifted_at=None).count() == 1
    assert "Ms. Li" in words(other.get(url(hold))), "everybody of the staff may read it"


@pytest.mark.parametrize("path", [ADD, "/admin/subscriptions/subscription/add/"])
def test_the_forms_that_search_for_a_tenant_bring_what_searches(finance: Client, path: str) -> None:
    page = finance.get(path).content.decode()
    assert "admin/js/autocomplete.js" in page and "select2" in page


def test_the_desks_first_page_tells_what_is_held_back_apart(invoice: Invoice, clock: time_machine.Traveller) -> None:
    clock.move_to(world.at("2026-12-01 12:00"))
    finance = at_the_desk("finance")
    assert "Overdue invoices: 1" in words(finance.get("/admin/"))
    sent(finance, url(invoice, "promise"))
    told = words(finance.get("/admin/"))
    assert "Overdue invoices: 0, and 1 held back" in told and "Nothing else is overdue." in told


def of_tenant(invoice: Invoice, what: str) -> str:
    return reverse(f"admin:tenants_tenant_{what}", args=[invoice.tenant_id])


def test_a_tenants_page_leads_to_leaving_it_alone(finance: Client, invoice: Invoice) -> None:
    page = finance.get(of_tenant(invoice, "change")).content.decode()
    assert of_tenant(invoice, "leave_alone") in page
    to = finance.get(of_tenant(invoice, "leave_alone"))
    assert to.url == f"{ADD}?tenant={invoice.tenant_id}"
    assert invoice.tenant.name in words(finance.get(to.url))


def test_who_may_hold_nothing_back_has_no_such_button(invoice: Invoice) -> None:
    auditor = at_the_desk("auditor")
    assert "leave_alone" not in auditor.get(of_tenant(invoice, "change")).content.decode()
    assert auditor.get(of_tenant(invoice, "leave_alone")).status_code == 403
