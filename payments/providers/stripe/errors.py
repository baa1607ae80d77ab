"""Stripe's exceptions in the portal's words. None of them leaves this folder: two don't even survive being pickled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import stripe

from payments.providers.errors import (
    NotInThatState,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundTooLarge,
    UnfitMethod,
    UnknownCustomer,
    UnknownReference,
    Unreadable,
)

log = logging.getLogger(__name__)
_Thing = TypeVar("_Thing")

# What comes of an answer that is no object of Stripe's, or half of one: out of the SDK, and out of our reading.
_UNREADABLE = (KeyError, IndexError, TypeError, AttributeError, ValueError)
# What a refused connection looks like inside the SDK's text: the request never left.
_NEVER_LEFT = ("connection refused", "name or service not known", "failed to establish a new connection", "getaddrinfo")


@contextmanager
def translated(*, moves_money: bool) -> Iterator[None]:
    """Let the body speak to Stripe. A CardError passes through: whoever charges makes a result of it.

    `moves_money`: a lost answer is OutcomeUnknown; else it is ProviderUnavailable, since nothing can have moved.
    """
    try:
        yield
    except stripe.CardError:
        raise
    except stripe.StripeError as error:
        raise _ours(error, moves_money=moves_money) from error
    except _UNREADABLE as error:
        log.exception("Stripe's answer can't be read")
        raise (Unreadable if moves_money else ProviderUnavailable)("Stripe's answer can't be read") from error


@contextmanager
def readable() -> Iterator[None]:
    """Let the body read an answer that came. What it stumbles over is not known to have done nothing: Unreadable."""
    try:
        yield
    except (ProviderRejected, *_UNREADABLE) as error:
        log.exception("Stripe's answer can't be read")
        raise Unreadable(f"Stripe's answer can't be read: {error}") from error


def those_that_can_be_read(page: Any, read: Callable[[Any], _Thing]) -> Iterator[_Thing]:
    """The account may hold what is not ours and nothing we know: it must not hide the rest."""
    for each in page.auto_paging_iter():
        try:
            found = read(each)
        except Unreadable:
            continue
        yield found


def _ours(error: stripe.StripeError, *, moves_money: bool) -> ProviderError:
    facts = {"code": code_of(error), "request_id": error.request_id}
    lost = OutcomeUnknown if moves_money else ProviderUnavailable
    if isinstance(error, stripe.RateLimitError):
        return ProviderUnavailable("Stripe takes no more requests for a moment", **facts)
    if isinstance(error, stripe.APIConnectionError):
        text = str(error).lower()
        if any(words in text for words in _NEVER_LEFT):
            return ProviderUnavailable("Stripe can't be reached", **facts)
        return lost("Stripe gave no answer", **facts)
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        return ProviderMisconfigured("Stripe does not accept our key for this", **facts)
    if isinstance(error, stripe.IdempotencyError):
        return ProviderRejected("This key was sent with other parameters before", **facts)
    if isinstance(error, stripe.InvalidRequestError):
        return _invalid(error, facts)
    return lost(f"Stripe answered {error.http_status}", **facts)


def _invalid(error: stripe.InvalidRequestError, facts: dict[str, str | None]) -> ProviderError:
    code = facts["code"]
    if code == "resource_missing":
        # "a similar object exists in live mode": the id is right and the key is of the other mode.
        if "similar object exists" in str(error):
            return ProviderMisconfigured("The object lives in Stripe's other mode", **facts)
        if error.param == "customer":
            return UnknownCustomer("Stripe knows no such customer", **facts)
        return UnknownReference("Stripe knows no such object", **facts)
    if code in ("charge_already_refunded", "refund_disputed_payment", "charge_disputed") or (
        code is None and error.param == "amount"
    ):
        return RefundTooLarge("Stripe's books have less left of this payment", **facts)
    if code in ("payment_intent_mandate_invalid", "payment_intent_incompatible_payment_method"):
        return UnfitMethod("This method can't be charged like that", **facts)
    if code in ("payment_intent_unexpected_state", "setup_intent_unexpected_state"):
        return NotInThatState("Stripe's object has moved on", **facts)
    return ProviderRejected("Stripe can't do what we sent", **facts)


def code_of(error: stripe.StripeError) -> str | None:
    """The code from the answer's body: the exception's own is missing for some kinds."""
    body = error.error
    return getattr(body, "code", None) if body is not None else None
