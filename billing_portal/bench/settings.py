"""Settings of the measured portal: as in production but without TLS, on servers of its own that lose no commit.

Everything lies in the folder `bench` of DATA_DIR: neither the demo's data nor the tests' cluster is touched. What the
shell says about databases, brokers and providers is not for it.
"""

import os
from pathlib import Path

from billing_portal.bench.places import HOST, free_port
from billing_portal.settings.stand_ins import past_proxies

for _name in (
    "DATABASE_URL",
    "REDIS_URL",
    "DATABASE_POOL_SIZE",
    "DEBUG",
    "LOG_LEVEL",
    "SECRET_KEY",
    "STATIC_ROOT",
    "EMAIL_HOST",
    "STRIPE_JS_ORIGIN",
    "PROVIDER_ENVIRONMENT",
    "CORS_ALLOWED_ORIGINS",
    "CSRF_TRUSTED_ORIGINS",
):
    os.environ.pop(_name, None)

# Kept in the environment, so that the processes started from here find the same.
_ROOT = Path(__file__).resolve().parent.parent.parent
os.environ.setdefault("BENCH_DIR", str(Path(os.environ.get("DATA_DIR") or _ROOT / ".data").resolve() / "bench"))
os.environ.setdefault("BENCH_STUB_PORT", str(free_port()))
os.environ.update(
    DATA_DIR=os.environ["BENCH_DIR"],
    DEMO="0",
    ALLOWED_HOSTS=HOST,
    PUBLIC_URL=f"https://{HOST}",
    SECURE_SSL_REDIRECT="0",
    THROTTLE_CALLER="1000000/min",  # counted as ever, and never reached
    STRIPE_SECRET_KEY="sk_test_" + "b" * 24,
    STRIPE_PUBLISHABLE_KEY="pk_test_" + "b" * 24,
    STRIPE_WEBHOOK_SECRET="whsec_of_the_benchmarks",  # noqa: S106 (opens nothing)
    STRIPE_API_BASE=f"http://{HOST}:{os.environ['BENCH_STUB_PORT']}",
)
past_proxies()

from billing_portal.settings.base import *  # noqa: E402, F403
from billing_portal.settings.base import LOGGING, STATIC_ROOT  # noqa: E402

BENCH_DIR = Path(os.environ["BENCH_DIR"])
# As much is logged as in production, to a file: this terminal shows progress.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
LOGGING["handlers"]["stderr"] = {
    "class": "logging.FileHandler",
    "filename": BENCH_DIR / "lines.log",
    "delay": True,
    "filters": ["mask"],
    "formatter": "json",
}
ROOT_URLCONF = "billing_portal.bench.urls"
