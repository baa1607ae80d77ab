"""django-paypal as an app of this portal: only its IPN part, and under guard.

What the package would do on its own is taken away in `ready`, by means that hold for the pinned version: their tests
are beside the channel's. `paypal.standard.pdt` and `paypal.pro`, which takes card numbers, are not installed.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig

from payments.providers.paypal import ipn_asking, ipn_keeping


class IpnConfig(AppConfig):
    """Comes after `django.contrib.admin` in INSTALLED_APPS: by then the package's own page is registered."""

    name = "paypal.standard.ipn"
    label = "ipn"
    verbose_name = "PayPal IPN"
    # What its migrations say: with another, Django would want one more inside the package.
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        """Where PayPal is asked is said by the settings and not by the message; how, by `ipn_asking`."""
        from paypal.standard.ipn import signals  # noqa: PLC0415 (models come after apps)
        from paypal.standard.ipn.models import PayPalIPN  # noqa: PLC0415

        PayPalIPN.get_endpoint = _endpoint
        PayPalIPN._postback = ipn_keeping.answered  # noqa: SLF001 (there is no public way)
        for signal in (signals.valid_ipn_received, signals.invalid_ipn_received):
            signal.connect(ipn_keeping.noted, dispatch_uid="ipn noted")

        from payments.providers.paypal import ipn_admin  # noqa: PLC0415

        ipn_admin.register()


def _endpoint(self: Any) -> str:  # noqa: ARG001 (whatever the row says)
    return ipn_asking.endpoint()
