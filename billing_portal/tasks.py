"""Housekeeping by the clock that belongs to no single app."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from billing_portal.kit.idempotency import forget_before

# The promise is 30 days; the effects of a key are unique for ever, this is only about the stored answers.
ANSWERS_KEPT = timedelta(days=35)


@shared_task(name="billing_portal.forget_old_answers")
def forget_old_answers() -> int:
    """Delete stored answers of idempotency keys that nobody will ask for again; returns how many."""
    return forget_before(timezone.now() - ANSWERS_KEPT)
