"""A night that takes long: each subscription is seen by the clock of its own turn, and as it is by then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.utils import timezone

from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.world import SYSTEM, at
from payments.tests.paypal_payments import owner_of
from subscriptions import tasks
from subscriptions.actions import comparing, directing, following
from subscriptions.models import Subscription
from subscriptions.tests import paypal_plans
from subscriptions.tests.plan_world import price
from subscriptions.tests.revised import Revised

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def meanwhile(paypal: PayPalWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`meanwhile(part, act)`: once, while PayPal is being asked for an address that holds this, before it answers."""
    answers = paypal.transport.handle_request

    def once(part: str, act: Callable[[], object]) -> None:
        def slow(request: httpx.Request) -> httpx.Response:
            if part in request.url.path:
                monkeypatch.setattr(paypal.transport, "handle_request", answers)
                act()
            return answers(request)

        monkeypatch.setattr(paypal.transport, "handle_request", slow)

    return once


@pytest.fixture
def other(moment: time_machine.Traveller, paypal: PayPalWorld) -> Subscription:
    """Of another tenant, begun before: its turn comes first."""
    client = owner_of(world.tenant(slug="other"))
    return paypal_plans.agreed(paypal, paypal_plans.begun(client, paypal_plans.at_paypal(price(code="other"))))


@pytest.fixture
def life(other: Subscription, moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client) -> Revised:
    moment.shift(timedelta(minutes=1))
    return Revised(paypal, owner, moment)


def at_paypal(life: Revised) -> str:
    return next(each["status"] for each in life.paypal.objects("subscriptions") if each["id"] == life.row.provider_ref)


def test_terms_hold_from_when_they_were_read_and_not_from_when_the_night_began(
    life: Revised, other: Subscription, moment: time_machine.Traveller, meanwhile: Callable[..., None]
) -> None:
    life.on("2026-06-20 00:00")
    life.asks(seats=5)
    life.agrees()
    life.on("2026-07-01 02:00", is_told=False)
    meanwhile(str(other.provider_ref), lambda: moment.shift(timedelta(minutes=45)))
    life.night()
    assert life.terms() == ("small", 5)
    assert life.row.terms.latest("effective_from").effective_from == at("2026-07-01 02:45")


def ending_both(life: Revised, other: Subscription) -> None:
    for each in (other.id, life.id):
        directing.cancel(subscription_id=each, actor=SYSTEM, now=timezone.now())
    assert at_paypal(life) == "SUSPENDED"


def test_what_its_owner_keeps_while_the_night_runs_is_kept(
    life: Revised, other: Subscription, meanwhile: Callable[..., None]
) -> None:
    life.on("2026-06-10 00:00")
    ending_both(life, other)
    meanwhile(f"{other.provider_ref}/suspend", lambda: life.asks("post", "/resume"))
    life.night()
    assert (life.row.cancel_at_period_end, life.row.status, at_paypal(life)) == (False, "active", "ACTIVE")
    other.refresh_from_db()
    assert other.cancel_at_period_end


def test_what_is_kept_while_its_end_is_said_again_is_kept(
    life: Revised, other: Subscription, meanwhile: Callable[..., None]
) -> None:
    life.on("2026-06-10 00:00")
    ending_both(life, other)
    meanwhile(f"{life.row.provider_ref}/suspend", lambda: life.asks("post", "/resume"))
    life.night()
    assert (life.row.cancel_at_period_end, life.row.status, at_paypal(life)) == (False, "active", "ACTIVE")


@pytest.mark.parametrize("late", [(following, "follow"), (comparing, "compare")], ids=["following", "comparing"])
def test_a_night_whose_time_is_up_stops(life: Revised, monkeypatch: pytest.MonkeyPatch, late: tuple[Any, str]) -> None:
    """Its next run goes on; one that took its limit for one subscription's trouble would never end."""

    def is_up(**_: Any) -> Any:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(*late, is_up)
    with pytest.raises(SoftTimeLimitExceeded):
        tasks.follow_all()
