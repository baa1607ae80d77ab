"""What a provider is: frozen dataclasses in and out, and one abstract class per capability."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
    """What may be shown of a means of payment: brand or bank, the last four digits, and a card's (month, year).
    `created_at` is when the provider took it down."""

    ref: str
    type: str
    brand: str | None = None
    last4: str | None = None
    expires: tuple[int, int] | None = None
    bank_name: str | None = None
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """A provider's answer about one payment. An adapter reports it; only `actions/settling.py` books it.

    `amount` is what the provider says it is about, to be compared with our row before anything is booked.
    `client_secret` lets the payer's browser finish what is left to do; it is never stored. `approval_url` is the page
    where the payer agrees, `can_capture` says that they have, `capture_ref` is what refunds name where that is another
    than `provider_ref`. `payment_id` is our row's id as the provider keeps it for us, None where the payment is not
    ours; `is_foreign` says that another system, which shares the account, made it. `fee` is what the provider keeps of
    it, once it says so; `may_have_come_back` is False where the answer shows that no refund and no dispute is there to
    be read; `created_at` is when the provider made it. `is_hearsay`: as the provider's list of what happened tells it,
    which is enough to see that our row says the same, and to be read again before anything is made of it.
    """

    outcome: Outcome
    provider_ref: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    decline_code: str | None = None
    amount: Money | None = None
    method: MethodFacts | None = None
    client_secret: str | None = None
    approval_url: str | None = None
    can_capture: bool = False
    capture_ref: str | None = None
    payment_id: str | None = None
    is_foreign: bool = False
    fee: Money | None = None
    may_have_come_back: bool = True
    created_at: datetime | None = field(default=None, compare=False)
    is_hearsay: bool = field(default=False, compare=False)
    request_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class NotRead:
    """One of a list that could not be read: the others were. `payment_ref` is the payment, or its money, as far as the
    list named it; `is_unknown` says that the provider does not know it itself, so that it may be anybody's."""

    reference: str
    reason: str
    payment_ref: str | None = None
    is_unknown: bool = False


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

    `metadata` leads back to our rows. `off_session`: the payer is not there to confirm anything. `saves_method`: keep
    the means of payment for the customer once the charge has succeeded.
    """

    amount: Money
    method_ref: str
    key: str
    metadata: Mapping[str, str]
    customer_ref: str | None = None
    description: str = ""
    off_session: bool = False
    saves_method: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """Ask a payer to agree to `amount` on the provider's page, which leads back to one of the two addresses.

    `reference` is what the payer and the provider's own lists show: unique for each attempt.
    """

    amount: Money
    key: str
    metadata: Mapping[str, str]
    reference: str
    return_url: str
    cancel_url: str
    description: str = ""


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
    """`status` in the portal's words: pending, succeeded, failed or canceled. `refund_id` is our row's id as the
    provider keeps it for us; None for one made in the provider's own dashboard."""

    status: str
    provider_ref: str
    amount: Money
    failure_code: str | None = None
    payment_ref: str | None = None
    refund_id: str | None = None
    created_at: datetime | None = None
    request_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """`status` in the portal's words: inquiry, open, won, lost or closed. `withdrawn` is what the bank holds or has
    kept of the payment by now, `fee` what the provider asks for the dispute."""

    status: str
    provider_ref: str
    payment_ref: str
    amount: Money
    withdrawn: Money
    fee: Money
    reason: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class SetupResult:
    """Begins the saving of a means of payment; `client_secret` is finished in the payer's browser."""

    provider_ref: str
    client_secret: str


class Topic(StrEnum):
    """What an event is about, whoever sent it: handlers are registered for these."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    METHOD = "method"
    INVOICE = "invoice"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """A webhook that was verified: a hint that something has changed.

    `kind` is the provider's word, `topic` ours, None for a kind that the adapter does not know. `object_ref` is what
    has to be read again before anything is booked: the payment for refunds and disputes, the customer for methods.
    """

    event_id: str
    kind: str
    topic: Topic | None
    object_ref: str
    livemode: bool
    api_version: str
    occurred_at: datetime
    payload: Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """What a provider takes in a currency: no less, no more, and in these steps of the smallest unit."""

    least: Money
    most: Money | None = None
    step: int = 1


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


@dataclass(frozen=True, slots=True)
class Message:
    """One of a second channel, as its sender was asked about it. `is_genuine` says that the provider has sent these
    very bytes; nothing follows from any other, and nothing of it is stored."""

    body: bytes
    is_genuine: bool
    fields: Mapping[str, str]
    event: SignedEvent


@dataclass(frozen=True, slots=True)
class Hearsay:
    """What a message says has moved: `came_in` to us, or went back. For people to look into, and never booked."""

    amount: Money
    came_in: bool


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
