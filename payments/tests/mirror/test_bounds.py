"""What dj-stripe would do by itself, and does not here: keep keys and secrets, delete at Stripe, serve addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe
from django.apps import apps
from django.urls import NoReverseMatch, get_resolver, reverse
from djstripe import models
from djstripe.settings import djstripe_settings

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.tests import world
from payments.providers.stripe import mirror
from payments.providers.stripe.client import API_VERSION
from payments.providers.stripe.mirror_app import without_secrets
from payments.tests.mirror.life import KEY, a_life, keep_all, sent, told

pytestmark = pytest.mark.django_db


def test_no_key_no_secret_and_no_account_lands_in_the_database(sandbox: StripeSandbox, api: Any) -> None:
    a_life(api, sandbox, str(world.tenant().id))
    keep_all(sandbox)
    for name in ("APIKey", "WebhookEndpoint", "WebhookEventTrigger", "Account"):
        assert not apps.get_model("djstripe", name).objects.exists(), name
    kept = json.dumps([[row.stripe_data, getattr(row, "data", None)] for row in every_row()])
    assert "_secret_" not in kept and '"client_secret"' not in kept
    assert '"client_secret"' in json.dumps(told(sandbox)), "Stripe sends it, so something was left out"
    assert KEY not in kept
    assert not [line for line in sent(sandbox) if "/v1/account" in line]


def every_row() -> list[Any]:
    kinds = [each for each in apps.get_app_config("djstripe").get_models() if hasattr(each, "stripe_data")]
    rows = [row for kind in kinds for row in kind.objects.all()]
    assert rows
    return rows


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("APIKey", {"type": "secret", "secret": KEY, "livemode": False}),
        ("WebhookEndpoint", {"id": "we_1", "secret": "whsec_1", "enabled_events": []}),
        ("WebhookEventTrigger", {"remote_ip": "10.0.0.1", "headers": {}}),
    ],
)
def test_rows_that_hold_secrets_are_refused_whoever_makes_them(name: str, facts: dict[str, Any]) -> None:
    model = apps.get_model("djstripe", name)
    with pytest.raises(ValueError, match="environment alone"):
        model(**facts).save()
    assert not model.objects.exists()


def test_a_deleted_customer_is_not_deleted_again_at_stripe(sandbox: StripeSandbox, api: Any) -> None:
    customer = api.customers.create({"email": "a@acme.example"}).id
    keep_all(sandbox)
    api.customers.delete(customer)
    asked = len(sent(sandbox))
    (event,) = told(sandbox, "customer.deleted")
    mirror.keep(event)
    assert len(sent(sandbox)) == asked + 1, "one look at the events, by this test"
    assert models.Customer.objects.get().date_purged is None
    assert not models.Event.objects.filter(type="customer.deleted").exists()


def test_with_stripe_off_nothing_is_kept_and_nobody_is_asked(sandbox: StripeSandbox, api: Any, settings: Any) -> None:
    api.customers.create({"email": "a@acme.example"})
    events = told(sandbox)
    asked = len(sent(sandbox))
    settings.STRIPE_SECRET_KEY = ""
    for event in events:
        mirror.keep(event)
    assert len(sent(sandbox)) == asked
    assert not models.Event.objects.exists()


def test_it_speaks_where_and_as_the_adapter_does(settings: Any) -> None:
    assert stripe.api_base == (settings.STRIPE_API_BASE or stripe.DEFAULT_API_BASE)
    assert djstripe_settings.STRIPE_API_VERSION == stripe.api_version == API_VERSION
    assert stripe.max_network_retries == 1


def test_its_addresses_are_not_served() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("djstripe:webhook", args=["x"])
    assert "djstripe" not in get_resolver().app_dict


def test_secrets_are_dropped_at_any_depth() -> None:
    said = {"a": [{"client_secret": "x", "b": 1}], "secret": "y", "data": {"object": {"client_secret": None, "c": 2}}}
    assert without_secrets(said) == {"a": [{"b": 1}], "data": {"object": {"c": 2}}}
    assert said["secret"] == "y"
