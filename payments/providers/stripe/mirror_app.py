"""dj-stripe as an app of this portal: under one name at the desk, and kept from storing secrets.

It ships as an app that owns the talk with Stripe; here it is a mirror and no more. What it would do beyond that is
taken away in `ready`, by means that hold for the pinned version: their tests are beside the mirror's.
"""

from __future__ import annotations

from typing import Any

import stripe
from django.conf import settings
from django.core.checks.registry import registry
from django.db.models.signals import pre_save
from djstripe.apps import DjstripeAppConfig

from payments.providers.stripe.client import API_VERSION, WEB_TIMEOUTS

# Rows that would hold a secret in plain text, or that only its own webhook address needs.
_REFUSED = ("APIKey", "WebhookEndpoint", "WebhookEventTrigger")
# Whoever holds one of these can go on where the payer's browser stands.
_SECRETS = frozenset({"client_secret", "secret"})


class MirrorConfig(DjstripeAppConfig):
    """Comes after `django.contrib.admin` in INSTALLED_APPS: by then dj-stripe's own pages are registered."""

    name = "djstripe"
    verbose_name = "Stripe mirror"

    def ready(self) -> None:
        """Point the SDK's globals, which dj-stripe uses, where the adapter's client points."""
        super().ready()
        stripe.api_version = API_VERSION
        stripe.api_base = settings.STRIPE_API_BASE or stripe.DEFAULT_API_BASE
        stripe.default_http_client = stripe.RequestsClient(timeout=WEB_TIMEOUTS)
        stripe.max_network_retries = 1
        _ask_no_database_at_checks()
        _never_look_for_the_account()
        for name in _REFUSED:
            pre_save.connect(_refuse, sender=f"djstripe.{name}", dispatch_uid=f"mirror refuses {name}")
        for model in self.get_models():
            pre_save.connect(_drop_secrets, sender=model, dispatch_uid=f"mirror drops secrets {model.__name__}")

        from payments.providers.stripe import mirror_admin  # noqa: PLC0415 (its models are there by now)

        mirror_admin.register()


def _ask_no_database_at_checks() -> None:
    """Two of its checks read webhook endpoints: `manage.py check` would wait for a database, to find none."""
    from djstripe import checks  # noqa: PLC0415 (it registers itself when the app is ready)

    for check in (checks.check_webhook_validation, checks.check_webhook_endpoint_has_secret):
        registry.registered_checks.discard(check)


def _never_look_for_the_account() -> None:
    """To learn whose an object is, dj-stripe asks Stripe for the key's account and stores the key in plain text."""
    from djstripe.models.base import StripeModel  # noqa: PLC0415 (models come after apps)

    def nobody(cls: Any, data: Any, api_key: Any = None, livemode: Any = None) -> None:  # noqa: ARG001
        return None

    StripeModel._find_owner_account = classmethod(nobody)  # noqa: SLF001 (there is no public way)


def _refuse(sender: Any, **_: Any) -> None:
    raise ValueError(f"{sender.__name__} rows are not kept: keys and secrets live in the environment alone")


def _drop_secrets(instance: Any, **_: Any) -> None:
    for name in ("stripe_data", "data"):
        if isinstance(held := getattr(instance, name, None), dict):
            setattr(instance, name, without_secrets(held))


def without_secrets(held: Any) -> Any:
    """What Stripe said, without what would let its reader finish a payment; `held` itself stays as it is."""
    if isinstance(held, dict):
        return {key: without_secrets(each) for key, each in held.items() if key not in _SECRETS}
    if isinstance(held, list):
        return [without_secrets(each) for each in held]
    return held
