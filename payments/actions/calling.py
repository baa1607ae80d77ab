"""Every call to a provider goes through here: through the breaker, with no transaction open, and leaves an attempt."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from payments.models import Attempt
from payments.providers import breaker
from payments.providers.base import Provider
from payments.providers.errors import OutcomeUnknown, ProviderError, ProviderUnavailable, UnderWay, Unreadable
from payments.providers.facts import PaymentResult

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


def call(
    operation: str,
    request: Callable[[], _Answer],
    *,
    provider: Provider,
    tenant_id: UUID,
    now: datetime,
    payment_id: UUID | None = None,
    refund_id: UUID | None = None,
) -> _Answer:
    """What `request` (one method of the adapter's) answers; `operation` is its name in the row and in the log.

    Raises what the adapter raises, ProviderUnavailable while the breaker is open, and RuntimeError inside a
    transaction: nobody's locks wait for a network.
    """
    with transaction.atomic(durable=True):
        pass  # raises when a transaction is open
    if not breaker.lets_pass(provider.name):
        raise ProviderUnavailable(f"{provider.name} has not been answering; nothing was sent")
    began = time.monotonic()
    error: ProviderError | None = None
    answer: _Answer | None = None
    came = False
    try:
        answer = request()
        came = True  # also when it says nothing: what is forgotten or not found has no more to tell
    except ProviderError as raised:
        error = raised
        raise
    finally:
        (breaker.failed if _is_silence(error, came=came) else breaker.answered)(provider.name)
        # Also for what nobody foresaw: an attempt that can't be told is one whose outcome is unknown.
        _note(
            Attempt(
                tenant_id=tenant_id,
                payment_id=payment_id,
                refund_id=refund_id,
                provider=provider.name,
                operation=operation,
                milliseconds=round((time.monotonic() - began) * 1000),
                at=now,
                **_facts(answer, error, came=came),
            )
        )
    return answer


def _facts(answer: object, error: ProviderError | None, *, came: bool) -> dict[str, str | None]:
    if error is not None:
        return {"outcome": _outcome(error), "code": error.code, "request_id": error.request_id}
    if not came:
        return {"outcome": Attempt.Outcome.UNKNOWN}
    request_id = getattr(answer, "request_id", None)
    if isinstance(answer, PaymentResult) and answer.failure_code:
        return {
            "outcome": Attempt.Outcome.DECLINED,
            "code": answer.failure_code,
            "decline_code": answer.decline_code,
            "request_id": request_id,
        }
    return {"outcome": Attempt.Outcome.ANSWERED, "request_id": request_id}


def _is_silence(error: ProviderError | None, *, came: bool) -> bool:
    """Whether nobody answered, or nobody who could. One odd answer is about one object; the provider is there."""
    if isinstance(error, (Unreadable, UnderWay)) or (error is not None and error.code == "idempotency_key_in_use"):
        return False
    return isinstance(error, (OutcomeUnknown, ProviderUnavailable)) or (error is None and not came)


def _outcome(error: ProviderError) -> str:
    if isinstance(error, OutcomeUnknown):
        return Attempt.Outcome.UNKNOWN
    if isinstance(error, ProviderUnavailable):
        return Attempt.Outcome.UNAVAILABLE
    return Attempt.Outcome.REFUSED


def _note(attempt: Attempt) -> None:
    """The row and the line. An answer that came is not lost for want of its row."""
    is_plain = attempt.outcome in (Attempt.Outcome.ANSWERED, Attempt.Outcome.DECLINED)
    level = logging.INFO if is_plain else logging.WARNING
    log.log(
        level,
        "%s %s: %s",
        attempt.provider,
        attempt.operation,
        attempt.outcome,
        extra={
            "provider": attempt.provider,
            "operation": attempt.operation,
            "outcome": attempt.outcome,
            "code": attempt.code,
            "decline_code": attempt.decline_code,
            "provider_request_id": attempt.request_id,
            "milliseconds": attempt.milliseconds,
            "payment_id": str(attempt.payment_id or ""),
            "refund_id": str(attempt.refund_id or ""),
        },
    )
    try:
        attempt.save(force_insert=True)
    except Exception:
        log.exception("an attempt could not be written down")
