"""The clock closes months by itself, in each tenant's zone; and a dead broker stops nobody from paying or counting."""

import json

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from billing_portal.celery import app
from billing_portal.invariants import check_books
from billing_portal.notices import outbox
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments.actions.recording import verify_manual_payment
from payments.models import Invoice, Payment
from usage.models import UsageRecord
from usage.tasks import close_due_months

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def by_the_clock(settings) -> None:
    settings.CLOSE_MONTHS_BY_BEAT = True


def test_each_tenants_month_closes_after_its_own_midnight() -> None:
    price = world.plan_price()
    tokyo = world.subscribed(price, time_zone="Asia/Tokyo")
    york = world.subscribed(price, time_zone="America/New_York")
    for each in (tokyo, york):
        world.call(each, 200, at("2026-10-15 12:00"))
    with time_machine.travel(at("2026-10-31 18:00"), tick=False):  # 03:00 on November 1 in Tokyo
        assert close_due_months() == 1
        assert Invoice.objects.get().tenant == tokyo
    with time_machine.travel(at("2026-11-01 07:00"), tick=False):  # 03:00 EDT
        assert close_due_months() == 1
        assert close_due_months() == 0
    assert set(Invoice.objects.values_list("tenant", flat=True)) == {tokyo.id, york.id}
    assert check_books()[1] == []


def test_the_clock_does_not_close_where_it_is_told_not_to(settings) -> None:
    settings.CLOSE_MONTHS_BY_BEAT = False
    world.call(world.subscribed(), 200, at("2026-09-15 12:00"))
    with time_machine.travel(at("2026-10-02 00:00"), tick=False):
        assert close_due_months() == 0


def test_one_tenants_trouble_does_not_stop_the_others(monkeypatch) -> None:
    from usage import tasks

    good, bad = world.subscribed(), world.subscribed()
    for each in (good, bad):
        world.call(each, 200, at("2026-09-15 12:00"))
    close = tasks.close_month

    def sometimes(*, tenant, **facts):
        if tenant == bad:
            raise RuntimeError("this one's terms are broken")
        return close(tenant=tenant, **facts)

    monkeypatch.setattr(tasks, "close_month", sometimes)
    with time_machine.travel(at("2026-10-02 00:00"), tick=False):
        assert close_due_months() == 1
    assert Invoice.objects.get().tenant == good


def test_trouble_in_finding_what_is_due_does_not_stop_the_others_either(monkeypatch) -> None:
    from usage import tasks

    tenants = [world.subscribed(), world.subscribed()]
    for each in tenants:
        world.call(each, 200, at("2026-09-15 12:00"))
    bad = min(tenants, key=lambda each: each.id)
    look = tasks.due_months

    def sometimes(tenant, now):
        if tenant == bad:
            raise RuntimeError("no such zone any more")
        return look(tenant, now)

    monkeypatch.setattr(tasks, "due_months", sometimes)
    with time_machine.travel(at("2026-10-02 00:00"), tick=False):
        assert close_due_months() == 1


def test_with_the_broker_down_usage_and_checks_are_taken_and_the_mails_follow(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(app.conf, "broker_url", f"redis+socket://{tmp_path}/nobody.sock")
    monkeypatch.setattr(app.conf, "broker_write_url", f"redis+socket://{tmp_path}/nobody.sock")
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=1_200)
    _, secret = create_api_key(
        tenant=acme, name="all", scopes=["usage:write", "billing:write"], actor=world.SYSTEM, now=world.START
    )
    server = Client(headers={"Authorization": f"Bearer {secret}"})

    def post(path, body):
        return server.post(path, json.dumps(body), content_type="application/json").status_code

    assert post("/api/subscription/usage", {"recordType": "call_minutes", "quantity": 5}) == 201
    check = {"amount": 1_200, "currency": "usd", "paymentMethod": {"type": "manual"}, "invoiceId": str(invoice.id)}
    assert post("/api/payments", check) == 201
    assert UsageRecord.objects.filter(tenant=acme).count() == 2
    finance, payment = world.user(staff=True), Payment.objects.get()
    verify_manual_payment(payment_id=payment.id, verifier=finance, actor=world.staff_actor(finance), now=timezone.now())
    waiting = OutboxMessage.objects.filter(done_at=None)
    assert sorted(waiting.values_list("topic", flat=True)) == ["invoice.collect", "invoice.issued", "payment.moved"]

    outbox.deliver_due(timezone.now())
    outbox.deliver_due(timezone.now())
    assert not waiting.exists()
    received = next(each for each in mail.outbox if "payment" in each.subject)
    assert received.to == [acme.billing_email]
    assert "$12.00" in received.subject
    assert f"$12.00 went to invoice {invoice.number}." in " ".join(received.body.split())
