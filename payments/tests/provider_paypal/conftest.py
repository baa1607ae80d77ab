"""The adapter with its stand-in, and a genuine delivery of a webhook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from payments.providers.paypal.certificates import Certificates
from payments.tests.provider_paypal.adapter import Delivered, PayPalAdapter


@pytest.fixture
def paypal() -> Iterator[PayPalAdapter]:
    """The adapter; with `.sandbox` behind it and `.wire` between them."""
    made = PayPalAdapter()
    yield made
    made.close()


@pytest.fixture
def long_ago() -> datetime:
    """Before everything that a test does."""
    return datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def authority(paypal: PayPalAdapter, tmp_path: Path) -> str:
    """The file with the stand-in's root."""
    file = tmp_path / "root.pem"
    file.write_text(paypal.sandbox.root_pem)
    return str(file)


@pytest.fixture
def trusting(paypal: PayPalAdapter, authority: str) -> Certificates:
    """Certificates by the stand-in's authority."""
    return paypal.certificates(ca_file=authority)


@pytest.fixture
def delivered(paypal: PayPalAdapter) -> Delivered:
    """A genuine delivery, of a capture. The wire has forgotten what came before."""
    paypal.paid()
    found = next(each for each in paypal.deliveries() if b'"PAYMENT.CAPTURE.COMPLETED"' in each[0])
    paypal.wire.requests.clear()
    return found
