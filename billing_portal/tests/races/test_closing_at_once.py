"""The month's close under fire: four at once, calls arriving meanwhile, and processes killed in the middle."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading

import pytest
from django.conf import settings
from django.db import connection, transaction

from billing_portal.embedded import postgres
from billing_portal.testing import at_once, wait_until
from billing_portal.tests import world
from billing_portal.tests.world import at
from payments.actions.recording import verify_manual_payment
from payments.models import Invoice, Payment
from usage.actions.closing import Closing
from usage.models import UsageMonth, UsageRecord

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_hold")]

AFTER = at("2026-10-02 00:00")


def test_four_closes_at_once_bill_each_tenant_once() -> None:
    tenants = [world.subscribed() for _ in range(6)]
    for each in tenants:
        world.call(each, 400, at("2026-09-10 12:00"))

    outcomes = at_once(4, lambda: [world.close(each, "2026-09", AFTER).closing for each in tenants])

    assert outcomes.errors == []
    assert Invoice.objects.count() == len(tenants)
    for closings in zip(*outcomes.results, strict=True):
        assert sorted(closings) == [Closing.CLOSED_BEFORE] * 3 + [Closing.INVOICED]


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def test_a_tenant_whose_payments_are_busy_does_not_hold_up_the_numbers_of_the_others() -> None:
    busy, other, clerk = world.subscribed(), world.subscribed(), world.user(staff=True)
    for each in (busy, other):
        world.call(each, 400, at("2026-09-10 12:00"))
    payment = world.check_for(busy, 100, clerk)
    verify_manual_payment(payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=AFTER)
    held, done = threading.Event(), threading.Event()

    def act(number: int) -> Closing | None:
        if number == 0:  # somebody works on the payment, a refund say, while its tenant's month is closed
            with transaction.atomic():
                Payment.objects.select_for_update().get(id=payment.id)
                held.set()
                assert done.wait(20), "the other tenant's close waited for this payment"
            return None
        held.wait(20)
        if number == 2:
            wait_until(somebody_waits_for_a_lock)
        closed = world.close((busy, other)[number - 1], "2026-09", AFTER)
        if number == 2:
            done.set()
        return closed.closing

    assert at_once(3, act) == [None, Closing.INVOICED, Closing.INVOICED]


def test_a_call_that_arrives_while_its_month_closes_is_billed_once_by_one_month_or_the_next() -> None:
    acme = world.subscribed()
    world.call(acme, 100, at("2026-09-10 12:00"))

    def act(number: int) -> None:
        if number == 0:
            world.close(acme, "2026-09", AFTER)
        else:
            for i in range(10):
                world.call(acme, 7, at("2026-09-30 23:00"), now=AFTER, event_id=f"{number}-{i}")

    assert at_once(5, act).errors == []
    world.close(acme, "2026-10", at("2026-11-02 00:00"))
    billed = sum(line.quantity for invoice in Invoice.objects.all() for line in invoice.lines.all())
    assert billed == 4 * 10 * 7
    assert (
        UsageRecord.objects.filter(billed_in__in=UsageMonth.objects.filter(closed_at=None).values("label")).count() == 0
    )


def test_one_event_sent_fifty_times_from_eight_connections_counts_once() -> None:
    acme = world.subscribed()
    outcomes = at_once(
        8, lambda: [world.call(acme, 3, at("2026-09-10 12:00"), event_id="the same")[1] for _ in range(7)]
    )
    assert outcomes.errors == []
    assert sum(is_new for results in outcomes.results for is_new in results) == 1
    assert UsageRecord.objects.count() == 1


def close_month_process(*, wait: bool) -> subprocess.Popen[str]:
    """`close_month` as a process of its own, on this test's database."""
    environment = {
        **os.environ,
        "DATABASE_URL": postgres.url(settings.DATA_DIR, connection.settings_dict["NAME"]),
        "DJANGO_SETTINGS_MODULE": "billing_portal.settings.test",
        "SECRET_KEY": settings.SECRET_KEY,
    }
    command = [sys.executable, "-m", "billing_portal.tests.mutation", "close_month", "2026-09", "--json"]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
    )
    if wait:
        process.wait(60)
    return process


def closed() -> int:
    return UsageMonth.objects.filter(label="2026-09", closed_at__isnull=False).count()


def test_killed_at_random_moments_and_started_again_each_tenant_has_one_invoice() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    draw = random.Random(seed)
    tenants = [world.subscribed() for _ in range(60)]
    for each in tenants:
        world.call(each, 400, at("2026-09-10 12:00"))

    for _ in range(4):
        process = close_month_process(wait=False)
        enough = closed() + draw.randint(1, 8)
        wait_until(lambda: closed() >= enough or process.poll(), seconds=30, every=draw.uniform(0.0005, 0.004))  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert process.stdout and process.stderr
        process.stdout.close(), process.stderr.close()
    assert closed() < len(tenants), "killed too late to prove anything"

    out, errors = close_month_process(wait=True).communicate(timeout=60)
    assert json.loads(out)["failures"] == [], errors
    assert closed() == len(tenants)
    assert Invoice.objects.values("tenant").distinct().count() == Invoice.objects.count() == len(tenants)
