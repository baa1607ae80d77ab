"""A setting that could cost money or leak something stops the start, with a hint."""

import pytest
from django.core.checks import run_checks

from billing_portal import checks

GOOD = {
    "DEBUG": False,
    "DEMO": False,
    "BEHIND_TLS": True,
    "ALLOWED_HOSTS": ["billing.example"],
    "PUBLIC_URL": "https://billing.example",
    "SECRET_KEY": "0123456789" * 5,
    "ISSUER_TIME_ZONE": "Europe/Berlin",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
}


@pytest.mark.parametrize(
    ("wrong", "ids"),
    [
        ({}, []),
        ({"DEBUG": True}, ["portal.E001"]),
        ({"DEMO": True}, ["portal.E002"]),
        ({"DEMO": True, "ALLOWED_HOSTS": ["127.0.0.1"], "PUBLIC_URL": "http://127.0.0.1:8000"}, ["portal.W001"]),
        ({"SECRET_KEY": "short"}, ["portal.E003"]),
        ({"SECRET_KEY": "django-insecure-" + "x" * 50}, ["portal.E003"]),
        ({"ALLOWED_HOSTS": []}, ["portal.E004"]),
        ({"PUBLIC_URL": "http://billing.example"}, ["portal.W001"]),
        ({"ISSUER_TIME_ZONE": "Mars/Olympus"}, ["portal.E005"]),
        ({"ISSUER_TIME_ZONE": "../etc/passwd"}, ["portal.E005"]),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, ["portal.W002"]),
    ],
)
def test_what_is_wrong_is_named_and_hinted_at(settings, wrong, ids):
    for name, value in {**GOOD, **wrong}.items():
        setattr(settings, name, value)
    found = run_checks(tags=[checks.TAG])
    assert [message.id for message in found] == ids
    assert all(message.hint for message in found)


def test_an_old_database_is_refused(db, monkeypatch):
    assert list(checks.postgresql_version(["default"])) == []
    monkeypatch.setattr(checks, "OLDEST_POSTGRESQL", 99)
    [message] = checks.postgresql_version(["default"])
    assert message.id == "portal.E006"


@pytest.mark.django_db
def test_the_checks_ask_no_database(django_assert_num_queries):
    """They run before the first migrate, and where there is no database at all."""
    with django_assert_num_queries(0):
        run_checks()
