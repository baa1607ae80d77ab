"""Settings for everything that runs: read from the environment, safe by default. `.env.example` lists the variables.

With neither DATABASE_URL nor REDIS_URL set, the addresses of the embedded servers are computed from DATA_DIR alone;
nothing is started here. Who starts them: `manage.py`, its command `demo`, and the tests' `conftest.py`.
"""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from billing_portal.embedded import postgres, valkey
from billing_portal.logs import logging_config
from billing_portal.settings import env
from billing_portal.settings.api import *  # noqa: F403
from billing_portal.settings.desk import unfold
from billing_portal.settings.mirror import *  # noqa: F403
from billing_portal.settings.places import *  # noqa: F403
from billing_portal.settings.places import BASE_DIR, DATA_DIR, DEMO, EMBEDDED_DATABASE, PORT
from billing_portal.settings.providers import *  # noqa: F403
from billing_portal.settings.tasks import *  # noqa: F403

# --- Where things are; the rest of it: `settings.places` --------------------------------------------------------------

DATABASE_URL = env.text("DATABASE_URL", postgres.url(DATA_DIR, "billing"))
REDIS_URL = env.text("REDIS_URL", valkey.url(DATA_DIR))

DEBUG = env.flag("DEBUG", default=False)
# Where people reach the portal: links in mails begin with it, and its host is allowed.
PUBLIC_URL = env.text("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")

if EMBEDDED_DATABASE:
    SECRET_KEY = env.text("SECRET_KEY") or env.kept_secret(DATA_DIR / "secret_key")
else:
    SECRET_KEY = env.text("SECRET_KEY")
    if not SECRET_KEY:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )

# --- Django -----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "pgtrigger",
    "pghistory",
    "csp",
    "corsheaders",
    "billing_portal.kit",
    "billing_portal.tenants",
    "billing_portal.notices",
    "payments.providers.stripe.mirror_app.MirrorConfig",  # dj-stripe
    "payments.providers.paypal.ipn_app.IpnConfig",  # django-paypal, its IPN part alone
    "payments",
    "subscriptions",
    "usage",
    "billing_portal",  # last: its post_migrate handler hands out everybody's permissions
]

MIDDLEWARE = [
    "billing_portal.middleware.RequestContext",  # first: every answer carries its request id, and its line in the log
    "billing_portal.middleware.ApiAnswersAreNotKept",
    "corsheaders.middleware.CorsMiddleware",  # answers a preflight before anybody redirects or refuses it
    # Outside of what may refuse a request, so that a refusal has their headers too.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "billing_portal.middleware.ContentSecurityPolicy",
    "billing_portal.middleware.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "billing_portal.middleware.OptionalTrailingSlash",
    "billing_portal.middleware.BodyInBounds",  # before the CSRF check, which reads the body
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "billing_portal.tenants.middleware.TenantMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "billing_portal.middleware.BillingErrors",
    "pghistory.middleware.HistoryMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "billing_portal.tenants.context_processors.portal",
                "payments.context_processors.attention",
                "payments.context_processors.offers",
            ],
        },
    },
]

ROOT_URLCONF = "billing_portal.urls"
WSGI_APPLICATION = "billing_portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "billing_portal.formats"
USE_TZ = True
TIME_ZONE = "UTC"  # Django's own default is America/Chicago

# ATOMIC_REQUESTS stays off: a charge commits its own row before it calls a provider.
# The pool doubles the rate of short requests; it replaces lasting connections, hence CONN_MAX_AGE 0.
DATABASES: dict[str, dict[str, Any]] = {
    "default": {**env.database(DATABASE_URL), "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True},
}
DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", 16)  # connections for each process; 0: no pool
if DATABASE_POOL_SIZE:
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": DATABASE_POOL_SIZE, "timeout": 10}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.cache_url(REDIS_URL),
        "KEY_PREFIX": "cache",  # the broker's queues live in the same database
        # A broker that hangs or is gone must not hold up the request that asks for a rate limit: one retry (a
        # connection may be stale after a restart), where redis-py would try for seconds.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2, "retry": Retry(NoBackoff(), 1)},
    },
}

# --- People and security ----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["billing_portal.tenants.backends.LimitedPasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_REDIRECT_URL = "/"
SESSION_ENGINE = "billing_portal.tenants.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 7
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", *(["127.0.0.1", "localhost", "[::1]"] if DEMO or DEBUG else []))
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "billing_portal.kit.problems.csrf_failure"
# The demo is plain HTTP on 127.0.0.1; everything else is behind TLS, and says so.
BEHIND_TLS = not (DEBUG or DEMO)
SESSION_COOKIE_SECURE = BEHIND_TLS
CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_SSL_REDIRECT = BEHIND_TLS and env.flag("SECURE_SSL_REDIRECT", default=True)
# Probes come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_HSTS_PRELOAD = BEHIND_TLS
# Only where the proxy in front sets or strips this header: a client could lie with it.
if env.flag("TRUST_X_FORWARDED_PROTO", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# It looks for SecurityMiddleware by its name alone; `middleware.SecurityHeaders` is one.
SILENCED_SYSTEM_CHECKS = ["security.W001"]
# The largest body that is read, in bytes; see `middleware.BodyInBounds`.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Strict everywhere; `billing_portal.middleware` loosens it for the admin and /api/docs alone.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Static files -----------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(DATA_DIR / "static")))
# The demo serves the sources as they are: nothing to collect, nothing stale. Production has hashed, compressed copies.
WHITENOISE_USE_FINDERS = DEMO or DEBUG
_HASHED = "whitenoise.storage.CompressedManifestStaticFilesStorage"
_PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _PLAIN if WHITENOISE_USE_FINDERS else _HASHED},
}

# --- Celery; the rest of it: `settings.tasks` -------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL

# --- Mail -------------------------------------------------------------------------------------------------------------

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, at_least=1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10
EMAIL_FILE_PATH = DATA_DIR / "mails"
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased' if DEMO else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "billing@localhost")

# --- The domain -------------------------------------------------------------------------------------------------------

# A manual payment above this needs a second person to verify it: smallest units per currency. A currency that is not
# named has no threshold of its own: every manual payment in it needs the second person.
SECOND_PERSON_ABOVE = env.amounts("SECOND_PERSON_ABOVE", {"usd": 1_000_000, "eur": 1_000_000, "jpy": 1_500_000})
# How long after its end a usage month waits for late calls before it is closed.
USAGE_CLOSE_GRACE_HOURS = env.integer("USAGE_CLOSE_GRACE_HOURS", 3)
# How many days before a period begins its invoice is issued, where a subscription is paid by invoice.
RENEWAL_INVOICE_DAYS = env.integer("RENEWAL_INVOICE_DAYS", 7)
# How many days a subscription stays past due, with access kept, before it is `unpaid` or `canceled`.
PAST_DUE_GRACE_DAYS = env.integer("PAST_DUE_GRACE_DAYS", 21)
PAST_DUE_ENDS_IN = env.one_of("PAST_DUE_ENDS_IN", "unpaid", "canceled")
# How many days ahead the last day of a promise to pay, or of leaving a tenant alone, may lie.
HOLD_MOST_DAYS = env.integer("HOLD_MOST_DAYS", 90)
# How many months back a late usage record is still taken, and billed as an adjustment.
USAGE_LATE_MONTHS = env.integer("USAGE_LATE_MONTHS", 13)
# Who issues the invoices, and the zone whose calendar gives their year and number.
ISSUER_NAME = env.text("ISSUER_NAME", "Cloud Call Center")
ISSUER_TIME_ZONE = env.text("ISSUER_TIME_ZONE", "UTC")
# Whether beat closes usage months that are due. Off in the demo, where closing one by hand is part of the tour.
CLOSE_MONTHS_BY_BEAT = env.flag("CLOSE_MONTHS_BY_BEAT", default=not DEMO)

# --- What the tests need to know
# ----------------------------------------------------------------------------------------

# Tables whose triggers refuse TRUNCATE: the tests' flush, and nothing else, lifts the guard for its own transaction.
APPEND_ONLY_TABLES: tuple[str, ...] = (
    "payments_ledgerleg",
    "payments_allocation",
    "payments_invoiceline",
    "payments_taxline",
    "payments_creditnote",
    "payments_statuschange",
    "payments_refundpart",
    "payments_attempt",
    "payments_paymentshare",
    "subscriptions_planversion",
    "subscriptions_planallowance",
    "subscriptions_planoverageprice",
    "subscriptions_planprice",
    "subscriptions_subscriptionterms",
    "usage_usagerecord",
    *(f"usage_usagerecord_p{n}" for n in range(8)),
)

# --- Logs and look
# ------------------------------------------------------------------------------------------------------

LOGGING = logging_config(level=env.text("LOG_LEVEL", "INFO").upper())

UNFOLD = unfold(ISSUER_NAME)
