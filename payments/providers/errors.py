"""How a provider refuses, or can't be asked."""

from __future__ import annotations


class ProviderError(Exception):
    """What an adapter raises; no exception of an SDK leaves it. `code` and `request_id` go to the log, not to
    people."""

    def __init__(self, message: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code, self.request_id = code, request_id


class OutcomeUnknown(ProviderError):
    """The request left and no answer came, or none that can be read. Money may have moved: ask, under the same key."""


class Unreadable(OutcomeUnknown):
    """An answer came, and nobody can read it. Whoever answers is there: the breaker stays closed."""


class UnderWay(OutcomeUnknown):
    """The provider says that it has the request already, and not yet what became of it. It is there, too."""


class ProviderUnavailable(ProviderError):
    """The request surely did nothing: refused connection, too many requests."""


class ProviderMisconfigured(ProviderError):
    """Wrong key, wrong mode, no right to do this: ours to mend, and nothing moved."""


class ProviderRejected(ProviderError):
    """The provider says that what we sent makes no sense: our bug, and nothing moved."""


class UnfitMethod(ProviderError):
    """The method is of another kind than it was said to be, or its owner has not agreed to be charged: nothing
    moved."""


class UnknownReference(ProviderError):
    """A method, customer or payment that the provider does not know."""


class UnknownCustomer(UnknownReference):
    """The customer was deleted in the provider's own dashboard, with all that it had saved."""


class NotApproved(ProviderError):
    """The payer has not agreed, or has to agree again: `approval_url` is where."""

    def __init__(self, message: str, *, approval_url: str | None = None, **facts: str | None) -> None:
        super().__init__(message, **facts)
        self.approval_url = approval_url


class NotInThatState(ProviderError):
    """The object has moved on: read it again."""


class RefundTooLarge(ProviderError):
    """More than is left of the payment, by the provider's books."""


class BadSignature(ProviderError):
    """A webhook that the provider did not sign, or signed too long ago. Nothing of it is stored."""
