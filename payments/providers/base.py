"""What a provider is: frozen dataclasses in and out, and one abstract class per capability."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from billing_portal.kit.money import Money


class Outcome(StrEnum):
    """What a provider says became of a payment, in the portal's own words for payment states."""

    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AWAITING_REVIEW = "awaiting_review"
    CLEARING = "clearing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """What may be shown of a means of payment: brand or bank, the last four digits, and a card's (month, year)."""

    ref: str
    type: str
    brand: str | None = None
    last4: str | None = None
    expires: tuple[int, int] | None = None
    bank_name: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """A provider's answer about one payment. An adapter reports it; only `actions/settling.py` books it.

    `amount` is what the provider says it is about, to be compared with our row before anything is booked.
    `client_secret` lets the payer's browser finish what is left to do; it is never stored.
    """

    outcome: Outcome
    provider_ref: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    decline_code: str | None = None
    amount: Money | None = None
    method: MethodFacts | None = None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class OfflineReceipt:
    """Money that came outside of any network: `kind` is check, wire, cash or other; `reference` what stands on it."""

    amount: Money
    kind: str
    reference: str | None
    received_on: date | None


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """Take `amount` from a means of payment, under a key derived from our row: the same key is the same charge.

    `metadata` leads back to our rows. `off_session`: the payer is not there to confirm anything.
    """

    amount: Money
    method_ref: str
    key: str
    metadata: Mapping[str, str]
    customer_ref: str | None = None
    description: str = ""
    off_session: bool = False


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give `amount` of a payment back; always with an amount, since without one a provider gives back all that is
    left."""

    payment_ref: str
    amount: Money
    key: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RefundResult:
    """`status` in the portal's words: pending, succeeded, failed or canceled."""

    status: str
    provider_ref: str
    amount: Money
    failure_code: str | None = None


@dataclass(frozen=True, slots=True)
class SetupResult:
    """Begins the saving of a means of payment; `client_secret` is finished in the payer's browser."""

    provider_ref: str
    client_secret: str


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A webhook that was verified. `object_ref` is what it is about: to be read again before anything is booked."""

    event_id: str
    kind: str
    object_type: str
    object_ref: str
    livemode: bool
    payload: Mapping[str, Any]


class ProviderError(Exception):
    """What an adapter raises; no exception of an SDK leaves it. `code` and `request_id` go to the log, not to
    people."""

    def __init__(self, message: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code, self.request_id = code, request_id


class OutcomeUnknown(ProviderError):
    """The request left and no answer came, or none that can be read. Money may have moved: ask, under the same key."""


class ProviderUnavailable(ProviderError):
    """The request surely did nothing: refused connection, too many requests."""


class ProviderMisconfigured(ProviderError):
    """Wrong key, wrong mode, no right to do this: ours to mend, and nothing moved."""


class ProviderRejected(ProviderError):
    """The provider says that what we sent makes no sense: our bug, and nothing moved."""


class UnknownReference(ProviderError):
    """A method, customer or payment that the provider does not know."""


class NotInThatState(ProviderError):
    """The object has moved on: read it again."""


class RefundTooLarge(ProviderError):
    """More than is left of the payment, by the provider's books."""


class BadSignature(ProviderError):
    """A webhook that the provider did not sign, or signed too long ago. Nothing of it is stored."""


class Provider(ABC):
    """`methods` are the payment method types that go through it."""

    name: ClassVar[str]
    methods: ClassVar[frozenset[str]]


class ReceivesOffline(Provider):
    """Takes money that people hand over and people check."""

    @abstractmethod
    def received(self, receipt: OfflineReceipt) -> PaymentResult:
        """What a receipt is worth before somebody has checked it."""

    @abstractmethod
    def verified(self, receipt: OfflineReceipt) -> PaymentResult:
        """What it is worth once somebody has."""

    @abstractmethod
    def rejected(self, receipt: OfflineReceipt, reason: str) -> PaymentResult:
        """Somebody looked and did not find the money."""


class Charges(Provider):
    """Takes money at once, or begins to."""

    @abstractmethod
    def charge(self, request: ChargeRequest) -> PaymentResult:
        """A decline is a result (FAILED), not an exception. Raises OutcomeUnknown, ProviderUnavailable and the
        others."""

    @abstractmethod
    def look_up(self, provider_ref: str) -> PaymentResult:
        """What has become of a payment. Raises UnknownReference."""

    @abstractmethod
    def find(self, metadata_id: str, *, since: datetime) -> PaymentResult | None:
        """The payment that our row's id was sent with, when its reference never reached us; None: it does not exist."""

    @abstractmethod
    def cancel(self, provider_ref: str) -> PaymentResult:
        """Give up a payment that has not taken money. Raises NotInThatState."""


class Refunds(Provider):
    """Gives money back to where it came from."""

    @abstractmethod
    def refund(self, request: RefundRequest) -> RefundResult:
        """Raises RefundTooLarge, OutcomeUnknown and the others."""

    @abstractmethod
    def look_up_refund(self, provider_ref: str) -> RefundResult:
        """What has become of a refund. Raises UnknownReference."""


class SavesMethods(Provider):
    """Keeps means of payment of a customer for later."""

    @abstractmethod
    def create_customer(self, *, email: str, name: str, key: str, metadata: Mapping[str, str]) -> str:
        """The customer's reference; the same key is the same customer."""

    @abstractmethod
    def begin_setup(self, *, customer_ref: str, key: str, metadata: Mapping[str, str]) -> SetupResult:
        """Start saving a method. No money moves, so a lost answer is ProviderUnavailable."""

    @abstractmethod
    def saved_methods(self, customer_ref: str) -> list[MethodFacts]:
        """What the customer has saved, newest first."""

    @abstractmethod
    def forget_method(self, *, customer_ref: str, method_ref: str) -> None:
        """Raises UnknownReference also for a method of another customer: to us it does not exist."""


class SendsEvents(Provider):
    """Tells of what happened by signed webhooks."""

    @abstractmethod
    def verify(self, body: bytes, signature: str, now: datetime) -> ProviderEvent:
        """Raises BadSignature for anything that is not this provider's, now."""
