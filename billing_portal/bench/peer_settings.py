"""Settings of the peer: a plain Django project with dj-stripe in it, as its documentation sets it up.

The portal's own mirror refuses the rows that dj-stripe's webhook view needs (`mirror_app`), hence a project, a process
and a database of its own. Server and cluster are as the portal's; so is the pool of connections, or there is none,
which is Django's default.
"""

import os
from pathlib import Path

from billing_portal.bench.places import HOST, PEER_DATABASE
from billing_portal.embedded import postgres
from billing_portal.settings import env

SECRET_KEY = "only-for-measuring-0123456789-abcdefghijklmnopqrstuvwxyz"  # noqa: S105 (protects nothing)
ALLOWED_HOSTS = [HOST]
ROOT_URLCONF = "billing_portal.bench.peer_urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "djstripe",
]
# What `startproject` writes.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

DATABASES = {
    "default": {
        **env.database(postgres.url(Path(os.environ["BENCH_DIR"]), os.environ["BENCH_PEER_DATABASE"])),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
    },
}
# Without one Django connects anew for each request: that is the plain peer.
if os.environ["BENCH_PEER_DATABASE"] == PEER_DATABASE:
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 16, "timeout": 10}
# Tables are made from the models at once: replaying dj-stripe's migrations takes most of a minute.
MIGRATION_MODULES = dict.fromkeys(("auth", "contenttypes", "sessions", "djstripe"))

DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
STRIPE_LIVE_MODE = False
STRIPE_TEST_SECRET_KEY = "sk_test_" + "b" * 24
STRIPE_API_HOST = f"http://{HOST}:{os.environ['BENCH_STUB_PORT']}"
