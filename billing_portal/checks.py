"""Start-up checks: a wrong setting that could cost money or leak something stops the process, with a hint how to mend
it.

Run by every management command, by Celery's worker, and by the web server (`wsgi`). The database's version is asked by
`migrate` and `check --database default`, as Django does with all that needs a connection.
"""

import zoneinfo
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 (Django's name)
from django.db import connections

from payments.inbox.registry import KEPT_FOR_LATER, handler_of
from payments.providers import registry
from payments.providers.base import SendsEvents

TAG = "portal"
OLDEST_POSTGRESQL = 18
SHORTEST_SECRET = 32
STRIPES_OWN = "https://api.stripe.com"
PAYPALS_OWN = "https://api-m.paypal.com"
LOCAL = {"127.0.0.1", "localhost", "[::1]", "::1", "testserver"}


@register(TAG)
def only_local_when_open(**_: Any) -> Iterable[CheckMessage]:
    """DEBUG shows source and settings, the demo has passwords that everybody knows: neither for others than this
    machine."""
    hosts = {*settings.ALLOWED_HOSTS, urlsplit(settings.PUBLIC_URL).hostname}
    public = sorted(str(host) for host in hosts - LOCAL if host)
    for number, name in ((1, "DEBUG"), (2, "DEMO")):
        if getattr(settings, name) and public:
            yield Error(
                f"{name} is on while the portal answers for {', '.join(public)}.",
                hint=f"Set {name}=0, or take these out of ALLOWED_HOSTS and PUBLIC_URL.",
                id=f"portal.E00{number}",
            )


@register(TAG)
def secret_key(**_: Any) -> Iterable[CheckMessage]:
    """Sessions, CSRF tokens and signed links stand on it."""
    if len(settings.SECRET_KEY) < SHORTEST_SECRET or settings.SECRET_KEY.startswith("django-insecure"):
        yield Error(
            f"SECRET_KEY is too easy to guess: {SHORTEST_SECRET} characters or more, from a random source.",
            hint="python3 -c 'import secrets; print(secrets.token_urlsafe(50))'",
            id="portal.E003",
        )


@register(TAG)
def hosts(**_: Any) -> Iterable[CheckMessage]:
    """Without a host every request would be refused; with any, links in mails could lead elsewhere."""
    if not settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS is empty.",
            hint="Name the portal's own host: ALLOWED_HOSTS=billing.example.com",
            id="portal.E004",
        )
    if settings.BEHIND_TLS and urlsplit(settings.PUBLIC_URL).scheme != "https":
        yield Warning(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: links in mails begin with it, and lead past TLS.",
            hint="PUBLIC_URL=https://billing.example.com",
            id="portal.W001",
        )


@register(TAG)
def issuer(**_: Any) -> Iterable[CheckMessage]:
    """The year of an invoice number is a matter of the issuer's zone."""
    try:
        zoneinfo.ZoneInfo(settings.ISSUER_TIME_ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield Error(
            f"ISSUER_TIME_ZONE is {settings.ISSUER_TIME_ZONE!r}, which is no time zone.",
            hint="A name of the IANA database: Europe/Berlin",
            id="portal.E005",
        )


@register(TAG)
def mail(**_: Any) -> Iterable[CheckMessage]:
    """Invoices that are only printed reach nobody."""
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        yield Warning("No mail is sent: EMAIL_HOST is not set.", hint="EMAIL_HOST=smtp.example.com", id="portal.W002")


@register(TAG)
def stripe_secrets(**_: Any) -> Iterable[CheckMessage]:
    """Without its secret no event could be told from a forged one; keys of two modes speak of two sets of customers."""
    if settings.STRIPE_SECRET_KEY and not any(secret.strip() for secret in settings.STRIPE_WEBHOOK_SECRETS):
        yield Error(
            "Stripe is on without the secret that its webhooks are signed with.",
            hint="STRIPE_WEBHOOK_SECRET=whsec_…, from the endpoint's page in Stripe's dashboard.",
            id="portal.E007",
        )
    publishable = settings.STRIPE_PUBLISHABLE_KEY
    is_live = publishable.startswith("pk_live_")
    if settings.STRIPE_SECRET_KEY and publishable and is_live != settings.STRIPE_LIVEMODE:
        yield Error(
            "Of Stripe's two keys one is live and one is for tests: what a browser begins could not be ended here.",
            hint="Take STRIPE_PUBLISHABLE_KEY and STRIPE_SECRET_KEY from the same page of Stripe's dashboard.",
            id="portal.E008",
        )


@register(TAG)
def paypal_webhook(**_: Any) -> Iterable[CheckMessage]:
    """The id of the webhook is part of what PayPal signs: without it no event could be told from a forged one."""
    if settings.PAYPAL_CLIENT_ID and not settings.PAYPAL_WEBHOOK_ID.strip():
        yield Error(
            "PayPal is on without the id of its webhook.",
            hint="PAYPAL_WEBHOOK_ID=…, from the app's page in PayPal's developer dashboard.",
            id="portal.E012",
        )
    if settings.PAYPAL_CLIENT_ID and not settings.PAYPAL_CLIENT_SECRET.strip():
        yield Error(
            "PAYPAL_CLIENT_ID is set without PAYPAL_CLIENT_SECRET: nobody could sign in with it.",
            hint="Take both from the same app in PayPal's developer dashboard.",
            id="portal.E013",
        )


@register(TAG)
def real_money(**_: Any) -> Iterable[CheckMessage]:
    """A live key moves real money: not from a demo or a debugging session, and it is shown to nobody but Stripe."""
    if not settings.STRIPE_LIVEMODE:
        return
    for name in ("DEBUG", "DEMO"):
        if getattr(settings, name):
            yield Error(
                f"{name} is on beside a live key of Stripe's.",
                hint=f"Set {name}=0, or use a key that begins with sk_test_.",
                id="portal.E009",
            )
    if settings.STRIPE_API_BASE not in ("", STRIPES_OWN):
        yield Error(
            f"A live key of Stripe's would be sent to {settings.STRIPE_API_BASE}.",
            hint=f"Unset STRIPE_API_BASE: a live key belongs to {STRIPES_OWN} alone.",
            id="portal.E010",
        )


@register(TAG)
def real_money_at_paypal(**_: Any) -> Iterable[CheckMessage]:
    """As above. PayPal's credentials don't say whether they are live; PAYPAL_ENVIRONMENT does."""
    if not (settings.PAYPAL_LIVEMODE and settings.PAYPAL_CLIENT_ID):
        return
    for name in ("DEBUG", "DEMO"):
        if getattr(settings, name):
            yield Error(
                f"{name} is on beside a live account of PayPal's.",
                hint=f"Set {name}=0, or PAYPAL_ENVIRONMENT=sandbox with an app of PayPal's sandbox.",
                id="portal.E014",
            )
    if settings.PAYPAL_API_BASE not in ("", PAYPALS_OWN):
        yield Error(
            f"A live account of PayPal's would sign in at {settings.PAYPAL_API_BASE}.",
            hint=f"Unset PAYPAL_API_BASE: live credentials belong to {PAYPALS_OWN} alone.",
            id="portal.E015",
        )


@register(TAG)
def every_topic_has_a_handler(**_: Any) -> Iterable[CheckMessage]:
    """An event that an adapter says to know and nobody handles would be money that nobody hears of."""
    for provider in registry.able(SendsEvents):
        for topic in sorted(set(provider.topics.values()) - KEPT_FOR_LATER):
            if handler_of(topic) is None:
                yield Error(
                    f"Events of {provider.name} about {topic.value!r} have no handler.",
                    hint="Register one with payments.inbox.registry.handles in an app's event_handlers.py.",
                    id="portal.E011",
                )


@register(Tags.database)
def postgresql_version(databases: Iterable[str] | None = None, **_: Any) -> Iterable[CheckMessage]:
    """`uuidv7()` and the guards that keep the books right need it."""
    for alias in databases or []:
        version = connections[alias].cursor().connection.info.server_version // 10_000
        if version < OLDEST_POSTGRESQL:
            yield Error(
                f"PostgreSQL {version} is too old: {OLDEST_POSTGRESQL} or newer is needed.",
                hint="Upgrade the server behind DATABASE_URL; the embedded one is new enough.",
                id="portal.E006",
            )
