"""Fixtures of several test modules here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.tests.paypal_payments import owner_of
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
    with time_machine.travel(world.at("2027-01-01 00:00"), tick=False) as clock:
        stories: list[StripeStory] = []

        def begin(moment: str, **facts: Any) -> StripeStory:
            clock.move_to(world.at(moment))
            stories.append(StripeStory(clock, stripe, **facts))
            return stories[-1]

        yield begin
        for story in stories:
            story.books_agree()
