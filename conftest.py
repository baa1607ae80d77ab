"""What every test stands on: the tests' own PostgreSQL cluster, a flush that gets past the append-only guards, the
browser."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from billing_portal.embedded import postgres, valkey
from billing_portal.embedded.child import stop
from billing_portal.kit import context
from billing_portal.testing import Outcomes, at_once

CHROMIUM = Path("/usr/bin/chromium")
SERVER = pytest.StashKey[subprocess.Popen[bytes] | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the database before anything asks for it. With xdist the controller owns it; workers find it by its
    address."""
    if not hasattr(config, "workerinput") and settings.EMBEDDED_DATABASE:
        config.stash[SERVER] = postgres.start(settings.DATA_DIR, *postgres.WITHOUT_SAFETY)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the database if it was started here."""
    if server := config.stash.get(SERVER, None):
        stop(server)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests need Debian's Chromium: without it they are skipped, and say why.

    Playwright runs an event loop in the tests' thread from its first test to the end of the run, where Django would
    refuse to speak to the database.
    """
    if any(item.get_closest_marker("browser") for item in items):
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    if not CHROMIUM.exists():
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=f"there is no {CHROMIUM}: apt-get install chromium"))


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_guards() -> Iterator[None]:
    """Let the flush after a transactional test empty the tables whose triggers refuse TRUNCATE.

    The owner may switch the triggers off; it happens in one transaction with the TRUNCATE, and they are on again after
    it.
    """
    from django.db import connection  # noqa: PLC0415 (settings come first)

    operations: Any = type(connection.ops)
    plain = operations.sql_flush

    def sql_flush(self: Any, style: Any, tables: list[str], **options: Any) -> list[str]:
        statements = plain(self, style, tables, **options)
        # A partition is emptied with its parent, and has a guard of its own.
        guarded = [name for name in settings.APPEND_ONLY_TABLES if name in tables or name.rpartition("_p")[0] in tables]
        return statements and [
            *(f'ALTER TABLE "{table}" DISABLE TRIGGER USER' for table in guarded),
            *statements,
            *(f'ALTER TABLE "{table}" ENABLE TRIGGER USER' for table in guarded),
        ]

    operations.sql_flush = sql_flush
    yield
    operations.sql_flush = plain


@pytest.fixture
def live_db(transactional_db: None) -> Callable[..., Outcomes[Any]]:
    """A database whose changes are committed and seen by other threads. The fixture is `at_once`: `live_db(8,
    verb)`."""
    return at_once


@pytest.fixture
def live_broker(tmp_path: Path) -> Iterator[str]:
    """The address of a Valkey of the test's own."""
    server = valkey.start(tmp_path)
    assert server
    yield valkey.url(tmp_path)
    stop(server, signal.SIGTERM)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright drives Debian's Chromium: its own download fails on closed networks."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses its sandbox to root
    return {**browser_type_launch_args, "executable_path": str(CHROMIUM), "args": ["--disable-dev-shm-usage", *sandbox]}


@pytest.fixture(autouse=True)
def nobody_asked() -> Iterator[None]:
    """No test begins inside the request of the one before it: an answer that named itself leaves its id behind."""
    with context.bind(request_id=None, tenant_id=None, actor_label=None):
        yield


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Any]:
    """Stripe is on: its stand-in inside the process, spoken to by the real SDK. See `tests/stripe_world.py`."""
    from billing_portal.tests.stripe_world import StripeWorld, turned_on  # noqa: PLC0415 (settings come first)

    world = StripeWorld()
    off = turned_on(world, monkeypatch, settings)
    yield world
    world.close()
    off()


@pytest.fixture
def paypal(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Any]:
    """PayPal is on: its stand-in inside the process. See `tests/paypal_world.py`."""
    from billing_portal.tests.paypal_world import PayPalWorld, turned_on  # noqa: PLC0415 (settings come first)

    world = PayPalWorld()
    off = turned_on(world, monkeypatch, settings)
    yield world
    world.close()
    off()


@pytest.fixture
def books_hold() -> Iterator[None]:
    """The providers are called whatever the test before met, and at the end of the test every invariant holds."""
    from billing_portal.invariants import check_books  # noqa: PLC0415 (settings come first)
    from payments.providers import breaker  # noqa: PLC0415

    breaker.forget()
    yield
    assert check_books()[1] == []
