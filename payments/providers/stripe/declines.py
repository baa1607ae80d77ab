"""A card that its bank refuses before anything began, as the portal's exception."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from payments.providers.recurring import MethodDeclined
from payments.providers.stripe.errors import readable
from payments.providers.stripe.reading import declined


@contextmanager
def declines() -> Iterator[None]:
    """Let the body ask for what is done wholly or not at all, so that a decline leaves nothing behind."""
    try:
        yield
    except stripe.CardError as error:
        with readable():
            result = declined(error)
        facts = {"code": result.failure_code, "request_id": result.request_id}
        raise MethodDeclined("The method was declined", declined=result, **facts) from error
