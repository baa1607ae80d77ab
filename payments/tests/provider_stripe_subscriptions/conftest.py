"""The adapter with the stand-in behind it, whose clock stands at 1 November 2026, and a customer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing_portal.tests.stripe_world import StripeWorld
from payments.tests.provider_stripe_subscriptions.life import FIRST, Life


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[StripeWorld]:
    """The stand-in, the adapter, and the SDK beside it."""
    world = StripeWorld(tmp_path / "stripe")
    world.clock(FIRST)
    yield world
    world.close()


@pytest.fixture
def life(stripe: StripeWorld) -> Life:
    """What its customer does."""
    return Life(stripe)


@pytest.fixture
def long_ago() -> datetime:
    return datetime(2026, 10, 1, tzinfo=UTC)
