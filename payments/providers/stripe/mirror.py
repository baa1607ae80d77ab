"""The mirror: hands verified events to dj-stripe, so that people can look at Stripe's objects at the desk.

Nothing of ours reads money from it. It speaks to Stripe while it writes, and may fail: feed it from a task of its own,
after our own commit.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import stripe
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from djstripe.event_handlers import djstripe_receiver
from djstripe.models import Event, Refund

from payments.providers.errors import ProviderError
from payments.providers.stripe.errors import code_of

# At this one dj-stripe would send a DELETE for the customer to Stripe itself.
NEVER_KEPT = frozenset({"customer.deleted"})


class MirrorFailed(ProviderError):
    """The mirror could not keep an event; nothing of it was stored, and it may be given again. Our books don't mind."""


def keep(payload: Mapping[str, Any]) -> None:
    """Store a verified event and read again, from Stripe, the object that it is about. An event known already is done.

    Quietly nothing while Stripe is off, and for an event that must not be kept. `payload` is the event as Stripe sent
    it, and stays as it is. Raises MirrorFailed.
    """
    if not settings.STRIPE_SECRET_KEY or payload.get("type") in NEVER_KEPT:
        return
    try:
        Event.process(copy.deepcopy(dict(payload)), api_key=settings.STRIPE_SECRET_KEY)
    except SoftTimeLimitExceeded:  # the caller's, who has to stop
        raise
    except stripe.StripeError as error:
        raise MirrorFailed(
            "Stripe did not answer the mirror", code=code_of(error), request_id=error.request_id
        ) from error
    except Exception as error:  # what it stumbles over is not ours to foresee, and nothing of ours depends on it
        raise MirrorFailed(f"dj-stripe could not keep {payload.get('id')}: {type(error).__name__}") from error


@djstripe_receiver(["refund.created", "refund.updated", "refund.failed"])
def _keep_refund(event: Event, **_: Any) -> None:
    """dj-stripe looks for refunds inside their charge, where this version of Stripe's API has them no more."""
    told = Refund(id=event.data["object"]["id"]).api_retrieve(api_key=settings.STRIPE_SECRET_KEY)
    Refund.sync_from_stripe_data(told, api_key=settings.STRIPE_SECRET_KEY)
