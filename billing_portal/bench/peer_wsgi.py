"""The peer's WSGI application: makes its tables and its webhook endpoint's row, then serves dj-stripe's own view."""

import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
call_command("migrate", run_syncdb=True, verbosity=0)

from djstripe.models import WebhookEndpoint  # noqa: E402 (the apps are ready by now)

WebhookEndpoint.objects.create(
    id="we_bench",
    livemode=False,
    enabled_events=["*"],
    status="enabled",
    url="https://billing.example/stripe/webhook",
    secret=os.environ["STRIPE_WEBHOOK_SECRET"],
    djstripe_uuid=os.environ["BENCH_PEER_ENDPOINT"],
)
