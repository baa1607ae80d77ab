"""Fixtures of several test modules here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.tests.paypal_payments import owner_of
from subscriptions.tests.paypal_story import PayPalStory
from subscriptions.tests.revised import Revised
from subscriptions.tests.story_there import stories_of
from subscriptions.tests.stripe_story import StripeStory


@pytest.fixture
def acme() -> Tenant:
    """Without a subscription."""
    return world.tenant(slug="acme")


@pytest.fixture
def owner(acme: Tenant) -> Client:
    """The browser of somebody who may do all that the tenant's people may."""
    return owner_of(acme)


@pytest.fixture
def by_stripe(settings: Any, stripe: StripeWorld) -> Iterator[Callable[..., StripeStory]]:
    """`by_stripe("2027-01-31 15:00")`: the story of a tenant from that moment on. At the end both books agree."""
    settings.SESSION_COOKIE_AGE = 10**9  # the clock is moved by years
    with stories_of(StripeStory, stripe) as begin:
        yield begin


@pytest.fixture
def by_paypal(settings: Any, paypal: PayPalWorld) -> Iterator[Callable[..., PayPalStory]]:
    """As `by_stripe`."""
    settings.SESSION_COOKIE_AGE = 10**9
    with stories_of(PayPalStory, paypal) as begin:
        yield begin


@pytest.fixture
def moment(settings: Any) -> Iterator[time_machine.Traveller]:
    """The clock, from 1 June 2026 on."""
    settings.SESSION_COOKIE_AGE = 10**9  # the clock is moved by months
    with time_machine.travel(at("2026-06-01 00:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def life(moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client) -> Revised:
    """By PayPal, and to be changed."""
    return Revised(paypal, owner, moment)
