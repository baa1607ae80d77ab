"""Terms that were agreed to for a period's end, and calls between that end and the run that enters the next one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.world import SYSTEM, at
from subscriptions import pricing_terms
from subscriptions.actions import pausing
from subscriptions.actions.renewing import renew
from subscriptions.models import Subscription
from subscriptions.terms import Pricing
from subscriptions.tests.plan_world import change, started
from usage.actions.importing import record_many
from usage.actions.metering import UsageEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
MIDNIGHT, ROLLED, CLOSED = at("2026-07-01 00:00"), at("2026-07-01 00:40"), at("2026-08-01 04:00")


@pytest.fixture
def changing() -> Subscription:
    """Two seats with 100 minutes each in June; in July one, that pays 1.2 for each minute beyond."""
    price = world.plan_price(seat=1_000)
    subscription = started(price, "2026-06-01 00:00", seats=2, payment_terms_days=365)
    change(subscription, "2026-06-10 00:00", seats=1)
    assert subscription.pending_at == MIDNIGHT
    return subscription


def counted(of: Tenant, minutes: int, when: datetime, how: str) -> None:
    if how == "one":
        world.call(of, minutes, when)
        return
    event = UsageEvent(meter="call_minutes", quantity=Decimal(minutes), occurred_at=when, event_id=str(minutes))
    record_many(tenant=of, events=[(event, when)])


@pytest.mark.parametrize("how", ["one", "many"])
@pytest.mark.parametrize("rolls_at", [MIDNIGHT, ROLLED])
def test_what_is_used_before_the_next_period_is_entered_is_billed_by_its_terms(
    changing: Subscription, how: str, rolls_at: datetime
) -> None:
    if rolls_at == MIDNIGHT:
        renew(subscription_id=changing.id, actor=SYSTEM, now=rolls_at)
    counted(changing.tenant, 5_000, at("2026-07-01 00:20"), how)
    if rolls_at == ROLLED:
        renew(subscription_id=changing.id, actor=SYSTEM, now=rolls_at)
    counted(changing.tenant, 50, at("2026-07-20 00:00"), how)
    invoice = world.close(changing.tenant, "2026-07", CLOSED).invoice
    assert invoice
    (line,) = invoice.lines.all()
    assert (line.quantity, line.amount_minor) == (4_950, 5_940)
    assert world.close(changing.tenant, "2026-06", CLOSED).invoice is None


def test_what_is_used_before_the_end_or_while_nothing_follows_keeps_its_terms(changing: Subscription) -> None:
    counted(changing.tenant, 150, at("2026-06-30 23:59"), "one")
    pausing.pause_subscription(subscription_id=changing.id, actor=SYSTEM, now=at("2026-06-30 23:59"))
    record, _ = world.call(changing.tenant, 7, at("2026-07-01 00:20"))
    assert record.segment_start == at("2026-06-01 00:00"), "a paused one enters no period"
    assert world.close(changing.tenant, "2026-06", CLOSED).invoice is None


def test_a_period_that_is_entered_between_the_two_reads_is_found(
    changing: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = pricing_terms.coming_pricing

    def late(tenant: Tenant) -> Pricing | None:
        renew(subscription_id=changing.id, actor=SYSTEM, now=ROLLED)
        return read(tenant)

    monkeypatch.setattr(pricing_terms, "coming_pricing", late)
    record, _ = world.call(changing.tenant, 7, at("2026-07-01 00:20"), now=ROLLED)
    assert record.segment_start == MIDNIGHT
