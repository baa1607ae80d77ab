"""What a customer hears when a provider does not do what we asked: the one place where its errors become ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from billing_portal.kit.errors import BillingError, Conflict, NotFound
from payments.errors import (
    MethodNotChargeable,
    NotApprovedYet,
    ProviderDoesNotAnswer,
    ProviderKeyRefused,
    ProviderOutcomeUnknown,
    ProviderRefusedRequest,
)
from payments.providers.errors import (
    NotApproved,
    NotInThatState,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundTooLarge,
    UnfitMethod,
    UnknownReference,
)

log = logging.getLogger(__name__)

# By the kind of error. Whoever moves money handles OutcomeUnknown first: its answer is 202, and never "failed".
_ANSWERS: dict[type[ProviderError], type[BillingError]] = {
    ProviderUnavailable: ProviderDoesNotAnswer,
    ProviderMisconfigured: ProviderKeyRefused,
    ProviderRejected: ProviderRefusedRequest,
    OutcomeUnknown: ProviderOutcomeUnknown,
    UnknownReference: NotFound,
    NotInThatState: Conflict,
    UnfitMethod: MethodNotChargeable,
    NotApproved: NotApprovedYet,
    RefundTooLarge: Conflict,
}
_OURS_TO_MEND = (ProviderMisconfigured, ProviderRejected)


def answer_for(error: ProviderError) -> BillingError:
    """The problem that says the same to a customer, without the provider's own words. What is ours to mend (a wrong
    key, a request that makes no sense) is logged as an error."""
    if isinstance(error, _OURS_TO_MEND):
        log.error("a provider call that is ours to mend: %s (%s, request %s)", error, error.code, error.request_id)
    kind = next((ours for theirs, ours in _ANSWERS.items() if isinstance(error, theirs)), ProviderOutcomeUnknown)
    return kind()


@contextmanager
def as_answers() -> Iterator[None]:
    """Let a door speak to a verb that speaks to a provider: a ProviderError leaves as what `answer_for` says."""
    try:
        yield
    except ProviderError as error:
        raise answer_for(error) from error
