"""One month of billing as its people live it: over HTTP, on real PostgreSQL, with the clock held still."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing_portal.invariants import check_books
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tests import world
from billing_portal.tests.reading import hidden
from payments.models import Payment

pytestmark = pytest.mark.django_db


class Story:
    """A tenant, its call center's server, its owner, and two people at the desk; `on` moves the clock."""

    def __init__(self) -> None:
        self.acme = world.subscribed(
            world.plan_price(included=500, outbound="1.2"), seats=2, time_zone="America/New_York"
        )
        _, self.secret = create_api_key(
            tenant=self.acme, name="call center", scopes=["usage:write"], actor=world.SYSTEM, now=world.START
        )
        self.owner = world.member(self.acme)
        self.clerk = world.user(staff=True, groups=("clerk",))
        self.finance = world.user(staff=True, groups=("finance",))
        self.clock = time_machine.travel(world.START, tick=False)
        self.traveller = self.clock.start()

    def on(self, moment: str) -> Story:
        self.traveller.move_to(world.at(moment))
        return self

    def server_posts(self, body: dict[str, Any], **headers: str) -> Any:
        return Client(headers={"Authorization": f"Bearer {self.secret}", **headers}).post(
            "/api/subscription/usage", json.dumps(body), content_type="application/json"
        )

    def owner_reads(self, path: str) -> Any:
        client = Client()
        client.force_login(self.owner)
        answer = client.get(path)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def owner_posts(self, path: str, body: dict[str, Any], **headers: str) -> Any:
        client = Client(headers=headers)
        client.force_login(self.owner)
        return client.post(path, json.dumps(body), content_type="application/json")

    def owner_sees(self, path: str) -> str:
        client = Client()
        client.force_login(self.owner)
        answer = client.get(path)
        assert answer.status_code == 200, path
        return answer.content.decode()

    def month_closes(self, label: str) -> dict[str, Any]:
        out = StringIO()
        call_command("close_month", label, "--json", stdout=out)
        return json.loads(out.getvalue())

    def at_the_desk(self, who: Any, path: str, form: dict[str, Any]) -> Any:
        client = Client()
        client.force_login(who)
        return client.post(path, form)

    def clerk_records(self, amount: str, reference: str, invoice: dict[str, Any]) -> Payment:
        form = {
            "tenant": str(self.acme.id),
            "kind": "check",
            "reference": reference,
            "received_on": timezone.now().date().isoformat(),
            "amount": amount,
            "invoice": invoice["id"],
            "key": str(uuid4()),
        }
        answer = self.at_the_desk(self.clerk, "/admin/payments/payment/add/", form)
        assert answer.status_code == 302, answer.context["form"].errors
        return Payment.objects.get(reference=reference)

    def verifies(self, who: Any, payment: Payment) -> None:
        """Reads what would be booked, and presses the button of that page."""
        path = reverse("admin:payments_payment_verify", args=[payment.id])
        client = Client()
        client.force_login(who)
        client.post(path, hidden(client.get(path)))

    def finance_verifies(self, payment: Payment) -> None:
        self.verifies(self.finance, payment)


@pytest.fixture
def story() -> Iterator[Story]:
    told = Story()
    yield told
    told.clock.stop()
    assert check_books()[1] == []


def test_calls_become_an_invoice_that_opens_to_its_formula(story: Story) -> None:
    story.on("2026-10-05 14:00")
    # The guide's own body, unchanged.
    guide = {"recordType": "call_minutes", "quantity": 120, "description": "Conference call usage"}
    assert story.server_posts(guide).status_code == 201
    first = story.server_posts(
        {**guide, "quantity": "900.5", "eventId": "call-1", "occurredAt": "2026-10-20T09:00:00-04:00"}
    )
    assert first.status_code == 400, "the future is refused"
    story.on("2026-10-20 14:00")
    body = {**guide, "quantity": "900.5", "eventId": "call-1", "occurredAt": "2026-10-20T09:00:00-04:00"}
    first, again = story.server_posts(body), story.server_posts(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["billableQuantity"] == "901"

    summary = story.owner_reads("/api/subscription/usage/summary")
    assert summary["meters"][0]["used"] == "1021"
    assert summary["meters"][0]["included"] == "1000"
    assert summary["overageTotal"] == 25

    story.on("2026-11-01 06:59")  # an hour and a minute short of midnight plus grace in New York
    assert story.month_closes("2026-10")["outcomes"]["not_due"] == 1
    story.on("2026-11-01 08:00")
    assert story.month_closes("2026-10")["outcomes"]["invoiced"] == 1
    assert story.month_closes("2026-10")["outcomes"]["closed_before"] == 1

    (listed,) = story.owner_reads("/api/invoices")["results"]
    invoice = story.owner_reads(f"/api/invoices/{listed['id']}")
    assert (invoice["number"], invoice["total"], invoice["amountDue"]) == ("INV-2026-000001", 25, 25)
    (line,) = invoice["lines"]
    derivation = line["derivation"]
    assert (line["quantity"], line["unitAmountDecimal"], line["unitAmount"]) == ("21", "1.2", None)
    assert (derivation["used"], derivation["included"], derivation["overage"]) == ("1021", "1000", "21")
    assert (derivation["exact"], derivation["amount"]) == ("25.2", 25)

    page = story.owner_sees(f"/invoices/{invoice['id']}")
    assert "INV-2026-000001" in page
    assert "How this was computed" in page
    assert invoice["remittanceCode"] in page


def test_a_declared_check_waits_for_staff_and_then_pays_the_invoice(story: Story) -> None:
    story.on("2026-10-05 14:00").server_posts({"recordType": "call_minutes", "quantity": 11_000})
    story.on("2026-11-01 12:00").month_closes("2026-10")
    (invoice,) = story.owner_reads("/api/invoices")["results"]

    body = {
        "amount": invoice["amountDue"],
        "currency": "usd",
        "paymentMethod": {"type": "manual", "kind": "check", "reference": "20984"},
        "invoiceId": invoice["id"],
    }
    declared = story.on("2026-11-03 15:00").owner_posts("/api/payments", body, **{"Idempotency-Key": "check-20984"})
    again = story.owner_posts("/api/payments", body, **{"Idempotency-Key": "check-20984"})
    assert declared.status_code == again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert declared.json()["status"] == "awaiting_review"

    payment = Payment.objects.get()
    story.on("2026-11-04 15:00").finance_verifies(payment)
    shown = story.owner_reads(f"/api/payments/{payment.id}")
    assert [(each["from"], each["to"]) for each in shown["history"]] == [
        (None, "awaiting_review"),
        ("awaiting_review", "succeeded"),
    ]
    paid = story.owner_reads(f"/api/invoices/{invoice['id']}")
    assert (paid["status"], paid["amountDue"], paid["amountPaid"]) == ("paid", 0, invoice["total"])


def test_staff_record_checks_in_part_and_over_and_the_rest_pays_the_next_month(story: Story) -> None:
    story.on("2026-10-05 14:00").server_posts({"recordType": "call_minutes", "quantity": 1_001_000})
    story.on("2026-11-01 12:00").month_closes("2026-10")
    (invoice,) = story.owner_reads("/api/invoices")["results"]
    assert invoice["total"] == 1_200_000

    part = story.on("2026-11-03 15:00").clerk_records("2000.00", "1001", invoice)
    story.finance_verifies(part)
    assert story.owner_reads(f"/api/invoices/{invoice['id']}")["amountDue"] == 1_000_000
    rest = story.on("2026-11-10 15:00").clerk_records("10000.50", "1002", invoice)
    story.verifies(story.clerk, rest)
    assert story.owner_reads(f"/api/payments/{rest.id}")["status"] == "awaiting_review", "the clerk may not"
    story.finance_verifies(rest)
    paid = story.owner_reads(f"/api/invoices/{invoice['id']}")
    assert (paid["status"], paid["amountDue"]) == ("paid", 0)
    assert "Paid" in story.owner_sees(f"/invoices/{invoice['id']}")

    story.on("2026-11-20 14:00").server_posts({"recordType": "call_minutes", "quantity": 1_100})
    story.on("2026-12-01 12:00").month_closes("2026-11")
    newest = story.owner_reads("/api/invoices")["results"][0]
    assert (newest["total"], newest["amountPaid"], newest["amountDue"]) == (120, 50, 70)


def test_calls_that_come_late_are_adjusted_on_the_next_invoice(story: Story) -> None:
    story.on("2026-10-31 20:00").server_posts({"recordType": "call_minutes", "quantity": 1_010})
    story.on("2026-11-01 12:00").month_closes("2026-10")
    late = {"recordType": "call_minutes", "quantity": 5, "occurredAt": "2026-10-31T23:10:00Z", "eventId": "late"}
    story.on("2026-11-02 12:00").server_posts(late)
    story.on("2026-12-01 12:00").month_closes("2026-11")
    newest = story.owner_reads("/api/invoices")["results"][0]
    (line,) = story.owner_reads(f"/api/invoices/{newest['id']}")["lines"]
    assert line["title"] == "Adjustment for October 2026: outbound minutes over the allowance"
    assert (line["quantity"], line["amount"]) == ("5", 6)
    (record,) = [r for r in story.owner_reads("/api/subscription/usage")["results"] if r["eventId"] == "late"]
    assert record["invoiceId"] == newest["id"]
