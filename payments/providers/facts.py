"""What goes in to a provider and comes out of it: frozen dataclasses, in the portal's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

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


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """What a provider takes in a currency: no less, no more, and in these steps of the smallest unit."""

    least: Money
    most: Money | None = None
    step: int = 1


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
