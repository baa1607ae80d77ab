"""Health says what an operator needs to know, and no more."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from billing_portal import health

NOBODY = "redis+socket:///tmp/nobody-listens-here.sock"


@pytest.fixture(autouse=True)
def forget_migrations():
    health._migrated.clear()
    yield
    health._migrated.clear()


def test_the_process_lives_even_without_a_database(client):
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_probe_only_reads(path, method):
    answer = Client(enforce_csrf_checks=True).generic(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert (answer["Content-Type"], answer["Allow"]) == ("application/problem+json", "GET, HEAD")


def test_ready_with_everything(client, db, live_broker, settings):
    settings.REDIS_URL = live_broker
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "ok", "migrations": "ok"})
    assert "no-store" in answer["Cache-Control"]


def test_a_dead_broker_is_only_degraded(client, db, settings):
    settings.REDIS_URL = NOBODY
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "broker": "degraded", "migrations": "ok"})


def test_a_missing_migration_is_not_ready(client, db, settings, monkeypatch):
    settings.REDIS_URL = NOBODY
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda self, targets: ["one"])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, "pending")


def test_a_dead_database_is_not_ready(client, settings, monkeypatch):
    settings.REDIS_URL = NOBODY
    monkeypatch.setitem(connection.settings_dict, "HOST", "/tmp/nobody-listens-here")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "unavailable", "broker": "degraded", "migrations": "unknown"}
