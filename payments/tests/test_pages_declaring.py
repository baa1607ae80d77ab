"""The page on which a tenant tells of a check or wire that was sent."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing_portal.tests import world
from billing_portal.tests.reading import hidden, words
from billing_portal.tests.world import at
from payments.models import Payment
from payments.tests.paying_pages import CENTS, Paying, paying

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("october")]


@pytest.fixture
def october() -> Any:
    with time_machine.travel(at("2026-10-05 12:00"), tick=False):
        yield


@pytest.fixture
def acme() -> Paying:
    return paying()


def url(acme: Paying) -> str:
    return f"/invoices/{acme.invoice.id}/declare"


def form(acme: Paying, **fields: Any) -> dict[str, Any]:
    key = hidden(acme.client.get(url(acme)))["key"][0]
    return {"key": key, "kind": "check", "amount": "120.00", "reference": "20984", "dated": "2026-10-02"} | fields


def test_a_form_whose_key_no_database_takes_is_refused_and_no_error_of_ours(acme: Paying) -> None:
    answer = acme.client.post(url(acme), form(acme, key="a\0b"))
    assert answer.status_code == 400 and "nothing was changed" in words(answer)
    assert not Payment.objects.exists()


def test_a_check_is_told_of_once_and_waits_for_staff(acme: Paying) -> None:
    assert "I have sent a check or wire" in words(acme.client.get(f"/invoices/{acme.invoice.id}"))
    assert 'value="120.00"' in acme.client.get(url(acme)).content.decode()
    filled = form(acme)
    answers = [acme.client.post(url(acme), filled) for _ in range(2)]
    payment = Payment.objects.get()
    assert {each.headers["Location"] for each in answers} == {f"/payments/{payment.id}"}
    assert (payment.status, payment.method, payment.amount_minor) == ("awaiting_review", "check", CENTS)
    assert (payment.reference, payment.received_on, payment.declared_by_tenant) == ("20984", date(2026, 10, 2), True)
    told = words(acme.client.get(f"/payments/{payment.id}"))
    assert "We look for your check 20984 for $120.00" in told and "Take it back" in told
    assert "You told us about check 20984 $120.00, dated October 2, 2026." in told
    assert "We have your check 20984 for $120.00 and are checking it." in words(
        acme.client.get(f"/invoices/{acme.invoice.id}")
    )
    nothing_left = acme.client.get(url(acme))
    assert nothing_left.headers["Location"] == f"/invoices/{acme.invoice.id}"


def test_what_was_told_can_be_taken_back_and_told_anew(acme: Paying) -> None:
    acme.client.post(url(acme), form(acme))
    payment = Payment.objects.get()
    acme.client.post(f"/payments/{payment.id}/give-up")
    payment.refresh_from_db()
    assert payment.status == "canceled"
    acme.client.post(url(acme), form(acme, kind="wire", reference="", amount="20"))
    again = Payment.objects.get(status="awaiting_review")
    assert (again.method, again.reference, again.amount_minor) == ("wire", None, 2_000)
    assert "$100.00 is still to be sent" in words(acme.client.get(url(acme)))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"amount": "120.01"}, "That is more than is still to be sent: $120.00 is the most."),
        ({"amount": "much"}, "Write the amount like 1234.56 or 1,234.56"),
        ({"amount": ""}, "Write how much you have sent."),
        ({"dated": "2026-10-07"}, "This day has not come yet."),
        ({"dated": "yesterday"}, "Write the date like"),
        ({"reference": "4242 4242 4242 4242"}, "This looks like a card number."),
        ({"reference": "a\x07b"}, "Write one line of text."),
        ({"kind": "card"}, "card is not one of the available choices"),
        ({"key": "x"}, "This page was not sent as a whole."),
    ],
)
def test_what_cannot_be_taken_down_is_said(acme: Paying, fields: dict[str, str], told: str) -> None:
    answer = acme.client.post(url(acme), form(acme, **fields))
    assert (answer.status_code, Payment.objects.count()) == (200, 0)
    assert told in words(answer)


def test_who_only_reads_is_not_asked(acme: Paying) -> None:
    viewer = Client()
    viewer.force_login(world.member(acme.tenant, "viewer"))
    assert "I have sent a check or wire" not in words(viewer.get(f"/invoices/{acme.invoice.id}"))
    assert [viewer.get(url(acme)).status_code, viewer.post(url(acme)).status_code] == [403, 403]
