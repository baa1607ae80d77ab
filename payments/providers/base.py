"""What a provider can do: one abstract class per capability."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from payments.providers.facts import (
    AmountLimits,
    ApprovalRequest,
    ChargeRequest,
    DisputeFacts,
    Hearsay,
    Message,
    MethodFacts,
    NotRead,
    OfflineReceipt,
    PaymentResult,
    RefundRequest,
    RefundResult,
    SetupResult,
    SignedEvent,
    Topic,
)


class Provider(ABC):
    """`methods` are the payment method types that go through it. `livemode`: whether real money moves."""

    name: ClassVar[str]
    methods: ClassVar[frozenset[str]]
    livemode: bool = False


class ReceivesOffline(Provider):
    """Takes money that people hand over and people check."""

    @abstractmethod
    def received(self, receipt: OfflineReceipt) -> PaymentResult:
        """What a receipt is worth before somebody has checked it."""

    @abstractmethod
    def verified(self, receipt: OfflineReceipt, *, clears_later: bool = False) -> PaymentResult:
        """What it is worth once somebody has. `clears_later`: a bank has still to collect it."""

    @abstractmethod
    def rejected(self, receipt: OfflineReceipt, reason: str) -> PaymentResult:
        """Somebody looked and did not find the money."""


class TakesPayments(Provider):
    """Has payments that can be asked about, at whatever point they are."""

    @abstractmethod
    def look_up(self, provider_ref: str) -> PaymentResult:
        """What has become of a payment. Raises UnknownReference."""

    @abstractmethod
    def find(self, metadata_id: str, *, since: datetime) -> PaymentResult | None:
        """The payment that our row's id was sent with, when its reference never reached us; None: it does not exist."""

    @abstractmethod
    def cancel(self, provider_ref: str) -> PaymentResult:
        """Give up a payment that has not taken money. Raises NotInThatState."""

    @abstractmethod
    def limits(self, currency: str) -> AmountLimits | None:
        """What it takes in a currency; None where it does not take the currency at all."""

    @abstractmethod
    def payments_since(self, since: datetime) -> Iterator[PaymentResult | NotRead]:
        """Every payment that the provider made since then, ours or not, newest first. Raises ProviderError when there
        is no list to be had, or one after the other can't be read."""


class Charges(TakesPayments):
    """Takes money at once, or begins to."""

    @abstractmethod
    def charge(self, request: ChargeRequest) -> PaymentResult:
        """A decline is a result (FAILED), not an exception. Raises OutcomeUnknown, ProviderUnavailable and the
        others."""


class ApprovesLater(TakesPayments):
    """Takes money once its payer has agreed on the provider's own page."""

    @abstractmethod
    def begin(self, request: ApprovalRequest) -> PaymentResult:
        """REQUIRES_ACTION with `approval_url`; the same key is the same order. No money moves, so a lost answer is
        ProviderUnavailable; while another asks under the same key it is UnderWay."""

    @abstractmethod
    def capture(self, provider_ref: str, *, key: str) -> PaymentResult:
        """Take what the payer has agreed to. SUCCEEDED only when all of it has come; taken before is the same answer.

        Raises NotApproved (with the page to send the payer to), OutcomeUnknown and the others.
        """


class Refunds(Provider):
    """Gives money back to where it came from."""

    @abstractmethod
    def refund(self, request: RefundRequest) -> RefundResult:
        """Raises RefundTooLarge, OutcomeUnknown and the others."""

    @abstractmethod
    def look_up_refund(self, provider_ref: str) -> RefundResult:
        """What has become of a refund. Raises UnknownReference."""

    @abstractmethod
    def refunds_of(self, payment_ref: str) -> list[RefundResult]:
        """All refunds of a payment, also those made elsewhere, oldest first."""

    @abstractmethod
    def refunds_since(self, since: datetime) -> Iterator[RefundResult | NotRead]:
        """Every refund made since then, newest first. Raises as `payments_since`."""


class Disputable(Provider):
    """Takes money from networks whose banks can take it back."""

    @abstractmethod
    def disputes_of(self, payment_ref: str) -> list[DisputeFacts]:
        """Oldest first."""

    @abstractmethod
    def disputes_since(self, since: datetime) -> Iterator[DisputeFacts | NotRead]:
        """Every dispute opened since then, payment by payment. Raises as `payments_since`."""


class SavesMethods(Provider):
    """Keeps means of payment of a customer for later."""

    @abstractmethod
    def create_customer(self, *, email: str, name: str, key: str, metadata: Mapping[str, str]) -> str:
        """The customer's reference; the same key is the same customer."""

    @abstractmethod
    def begin_setup(self, *, customer_ref: str, kind: str | None, key: str, metadata: Mapping[str, str]) -> SetupResult:
        """Start saving a method; `kind` is a method type, None for whichever the payer chooses. No money moves, so a
        lost answer is ProviderUnavailable."""

    @abstractmethod
    def saved_methods(self, customer_ref: str) -> list[MethodFacts]:
        """What the customer has saved, newest first."""

    @abstractmethod
    def forget_method(self, *, customer_ref: str, method_ref: str) -> None:
        """Raises UnknownReference also for a method of another customer: to us it does not exist."""


class SendsEvents(Provider):
    """Tells of what happened by signed webhooks."""

    # By the provider's own word for a kind of event. Kinds that are not named are kept and said to be unhandled.
    topics: ClassVar[Mapping[str, Topic]]

    @abstractmethod
    def verify(
        self,
        body: bytes,
        headers: Mapping[str, str],
        now: datetime,
        *,
        before_asking: Callable[[], None] = lambda: None,
    ) -> SignedEvent:
        """Raises BadSignature for anything that is not this provider's, now. Header names in any case.

        `before_asking` is called before the network is asked about it, where that is how this provider's events are
        verified; what it raises comes through, and nobody is asked.
        """

    def reread(self, kind: str, payload: Mapping[str, Any]) -> tuple[Topic | None, str | None]:
        """(topic, object_ref) of an event that was verified and stored, as it is read by now; None for what it does not
        say, so that what was read of it then goes on."""
        return self.topics.get(kind), None


class ReceivesMessages(Provider):
    """Tells of what happened over a second channel too, whose messages are not signed: their sender is asked.

    `message_type` is the only media type that is taken, `largest_message` the most bytes.
    """

    message_type: ClassVar[str]
    largest_message: ClassVar[int]

    @abstractmethod
    def ask_about(self, body: bytes, now: datetime) -> Message:
        """Ask the provider whether it sent these bytes; with no transaction open. Raises BadSignature, before anybody
        is asked, for what can't be a message of this provider's in this mode; ProviderUnavailable while nobody can
        say, and ProviderMisconfigured: then it has to be sent again."""

    @abstractmethod
    def keep(self, message: Message, *, address: str) -> SignedEvent:
        """Write down that a genuine one came from `address`, inside the transaction that stores the event which is
        returned."""

    @abstractmethod
    def heard(self, payload: Mapping[str, Any]) -> Hearsay | None:
        """The money that an event of this channel tells of, None where it tells of none that can be read."""


class Mirrors(Provider):
    """Keeps a copy of the provider's objects for support to look at. Nothing reads money from it."""

    @abstractmethod
    def mirror(self, payload: Mapping[str, Any]) -> None:
        """Take one event's payload into the copy. May fail for any reason, without harm."""
