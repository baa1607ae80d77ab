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

TAG = "portal"
OLDEST_POSTGRESQL = 18
SHORTEST_SECRET = 32
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
