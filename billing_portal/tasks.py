"""Housekeeping by the clock that belongs to no single app."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from billing_portal import invariants
from billing_portal.kit.idempotency import forget_before

log = logging.getLogger(__name__)

# The promise is 30 days; the effects of a key are unique for ever, this is only about the stored answers.
ANSWERS_KEPT = timedelta(days=35)


@shared_task(name="billing_portal.forget_old_answers")
def forget_old_answers() -> int:
    """Delete stored answers of idempotency keys that nobody will ask for again; returns how many."""
    return forget_before(timezone.now() - ANSWERS_KEPT)


@shared_task(name="billing_portal.check_books")
def check_books() -> int:
    """Check the books as `manage.py check_books` does; each breach is an error in the log. Returns how many there
    are."""
    checked, breaches = invariants.check_books()
    for invariant, breach in breaches:
        log.error("The books do not hold together: %s: %s", invariant, breach)
    log.info("%d invariants checked, %d breaches", len(checked), len(breaches))
    return len(breaches)
