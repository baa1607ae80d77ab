"""Settings for pytest: the tests' own cluster (without fsync), no broker unless a test starts one, cheap passwords."""

import os
from pathlib import Path

os.environ.setdefault("DATA_DIR", str(Path(__file__).resolve().parent.parent.parent / ".data" / "test"))
# Tests must not depend on the shell they run in, nor reach its servers.
for _name in (
    "REDIS_URL",
    "DEBUG",
    "EMAIL_HOST",
    "PORT",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "CORS_ALLOWED_ORIGINS",
    "CSRF_TRUSTED_ORIGINS",
    "SECOND_PERSON_ABOVE",
    "USAGE_CLOSE_GRACE_HOURS",
    "USAGE_LATE_MONTHS",
    "ISSUER_NAME",
    "ISSUER_TIME_ZONE",
    "CLOSE_MONTHS_BY_BEAT",
    "DEFAULT_FROM_EMAIL",
    "DEMO_SCALE",
    "LOG_LEVEL",
    "TRUST_X_FORWARDED_PROTO",
    "TRUSTED_PROXIES",
    "PROVIDER_ENVIRONMENT",
    "STATIC_ROOT",
    *(name for name in list(os.environ) if name.startswith(("STRIPE_", "PAYPAL_"))),
):
    os.environ.pop(_name, None)
os.environ["DEMO"] = "0"

from billing_portal.settings.base import *  # noqa: E402, F403
from billing_portal.settings.base import DATABASES, STORAGES  # noqa: E402

ALLOWED_HOSTS = ["*"]
# The test client and the browser tests speak plain HTTP.
SECURE_SSL_REDIRECT = False
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False

# More threads than the web has: races are run with 40.
DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 60, "timeout": 20}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Messages go nowhere: what must follow is a row, and tests call the sweep that finds it. A test of Celery itself starts
# a broker.
CELERY_BROKER_URL = "memory://"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
# Races send more in a second than a caller may in a minute; the throttle's own tests set a rate.
THROTTLE_RATES = {"caller": "", "message": "", "webhook": ""}
