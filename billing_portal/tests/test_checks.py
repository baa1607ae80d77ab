"""A setting that could cost money or leak something stops the start, with a hint."""

import pytest
from django.core.checks import run_checks

from billing_portal import checks
from payments.inbox import registry as inbox
from payments.providers import registry
from payments.providers.facts import Topic

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
STRIPE = {
    "STRIPE_SECRET_KEY": "sk_test_1",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_1",
    "STRIPE_WEBHOOK_SECRETS": ["whsec_1"],
    "STRIPE_API_BASE": "",
    "STRIPE_LIVEMODE": False,
}
LIVE = {
    **STRIPE,
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_1",
    "STRIPE_LIVEMODE": True,
}
PAYPAL = {
    "PAYPAL_CLIENT_ID": "of the sandbox",
    "PAYPAL_CLIENT_SECRET": "its secret",
    "PAYPAL_WEBHOOK_ID": "1JE4291016473214C",
    "PAYPAL_API_BASE": "",
    "PAYPAL_LIVEMODE": False,
}
LIVE_PAYPAL = {**PAYPAL, "PAYPAL_LIVEMODE": True}
LOCAL = {"ALLOWED_HOSTS": ["127.0.0.1"], "PUBLIC_URL": "https://127.0.0.1:8000"}


@pytest.fixture(autouse=True)
def providers_of_these_settings():
    registry.providers.cache_clear()
    yield
    registry.providers.cache_clear()


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
        (STRIPE, []),
        (LIVE, []),
        ({**STRIPE, "STRIPE_API_BASE": "http://127.0.0.1:8100", **LOCAL, "DEMO": True}, []),
        ({**STRIPE, "STRIPE_WEBHOOK_SECRETS": []}, ["portal.E007"]),
        ({**STRIPE, "STRIPE_WEBHOOK_SECRETS": ["", "  "]}, ["portal.E007"]),
        ({"STRIPE_WEBHOOK_SECRETS": []}, []),
        ({**STRIPE, "STRIPE_PUBLISHABLE_KEY": "pk_live_1"}, ["portal.E008"]),
        ({**LIVE, "STRIPE_PUBLISHABLE_KEY": "pk_test_1"}, ["portal.E008"]),
        ({**LIVE, **LOCAL, "DEBUG": True}, ["portal.E009"]),
        ({**LIVE, **LOCAL, "DEMO": True}, ["portal.E009"]),
        ({**LIVE, "STRIPE_API_BASE": "http://127.0.0.1:8100"}, ["portal.E010"]),
        ({**LIVE, "STRIPE_API_BASE": "https://api.stripe.com.evil.example"}, ["portal.E010"]),
        ({**LIVE, "STRIPE_API_BASE": "https://api.stripe.com"}, []),
        (PAYPAL, []),
        (LIVE_PAYPAL, []),
        ({**PAYPAL, "PAYPAL_API_BASE": "http://127.0.0.1:8100", **LOCAL, "DEMO": True}, []),
        ({**PAYPAL, "PAYPAL_WEBHOOK_ID": " "}, ["portal.E012"]),
        ({"PAYPAL_WEBHOOK_ID": "", "PAYPAL_LIVEMODE": True, **LOCAL, "DEBUG": True}, []),
        ({**PAYPAL, "PAYPAL_CLIENT_SECRET": ""}, ["portal.E013"]),
        ({**LIVE_PAYPAL, **LOCAL, "DEBUG": True}, ["portal.E014"]),
        ({**LIVE_PAYPAL, **LOCAL, "DEMO": True}, ["portal.E014"]),
        ({**LIVE_PAYPAL, "PAYPAL_API_BASE": "http://127.0.0.1:8100"}, ["portal.E015"]),
        ({**LIVE_PAYPAL, "PAYPAL_API_BASE": "https://api-m.paypal.com.evil.example"}, ["portal.E015"]),
        ({**LIVE_PAYPAL, "PAYPAL_API_BASE": "https://api-m.paypal.com"}, []),
    ],
)
def test_what_is_wrong_is_named_and_hinted_at(settings, wrong, ids):
    for name, value in {**GOOD, **wrong}.items():
        setattr(settings, name, value)
    found = run_checks(tags=[checks.TAG])
    assert [message.id for message in found] == ids
    assert all(message.hint for message in found)


@pytest.mark.parametrize("topic", sorted(Topic))
def test_a_topic_without_a_handler_is_named_unless_it_is_kept_for_later(settings, monkeypatch, topic):
    for name, value in {**GOOD, **STRIPE}.items():
        setattr(settings, name, value)
    monkeypatch.delitem(inbox._handlers, topic, raising=False)
    found = run_checks(tags=[checks.TAG])
    if topic in inbox.KEPT_FOR_LATER:
        assert found == []
    else:
        [message] = found
        assert message.id == "portal.E011"
        assert repr(topic.value) in message.msg


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
