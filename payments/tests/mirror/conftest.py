"""A stand-in for Stripe that both the adapter's client and dj-stripe speak to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.in_process import ADDRESS, InProcessClient
from payments.providers.stripe.client import build_client
from payments.tests.mirror.life import KEY


@pytest.fixture
def sandbox(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeSandbox]:
    """Stripe is on, and dj-stripe, which uses the SDK's globals, speaks to this stand-in."""
    made = StripeSandbox(tmp_path / "stripe")
    settings.STRIPE_SECRET_KEY = KEY
    monkeypatch.setattr(stripe, "default_http_client", InProcessClient(made))
    yield made
    made.close()


@pytest.fixture
def api(sandbox: StripeSandbox) -> Any:
    return build_client(KEY, api_base=ADDRESS, http_client=InProcessClient(sandbox)).v1
