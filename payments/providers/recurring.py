"""What a provider is that runs subscriptions by itself: its prices, its subscriptions, and the bills it makes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from billing_portal.kit.money import Money
from payments.providers.base import PaymentResult, Provider


@dataclass(frozen=True, slots=True)
class PriceRequest:
    """The price of a seat for a cycle ("monthly" or "yearly"). `key` names it for ever, in every run: it is never used
    for another amount."""

    key: str
    plan_code: str
    plan_name: str
    cycle: str
    per_seat: Money


@dataclass(frozen=True, slots=True)
class Coupon:
    """Less for the first `cycles` bills, None for all: a percentage ("12.5") or an amount, never both."""

    code: str
    percent_off: str | None = None
    amount_off: Money | None = None
    cycles: int | None = None


@dataclass(frozen=True, slots=True)
class Payer:
    """Who agrees on the provider's page."""

    email: str
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class StartRequest:
    """Begin to charge `seats` × a price, each period in advance, from `trial_end` on or from now.

    `subscription_id` and `tenant_id` lead back to our rows, and are kept by the provider; the same `key` is the same
    subscription. Where a payer agrees on the provider's page, it leads back to one of the two addresses. `customer_ref`
    and `method_ref` for a provider that keeps them.
    """

    subscription_id: str
    tenant_id: str
    price_ref: str
    seats: int
    key: str
    trial_end: datetime | None = None
    customer_ref: str | None = None
    method_ref: str | None = None
    payer: Payer | None = None
    return_url: str = ""
    cancel_url: str = ""
    coupon: Coupon | None = None


@dataclass(frozen=True, slots=True)
class RecurringFacts:
    """A subscription as its provider tells it. `status` in the portal's own words: incomplete, approval_pending,
    trialing, active, past_due, unpaid, paused or canceled.

    `period` is what was paid for, or is being paid for, as (start, end); None before the first. `subscription_id` is
    our row's as the provider keeps it, None where it is not ours. `client_secret` and `approval_url` are for what its
    payer has still to do; the first is never stored. `has_lapsed`: canceled, and it had never begun.
    """

    status: str
    provider_ref: str
    price_ref: str
    seats: int
    period: tuple[datetime, datetime] | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    ended_at: datetime | None = None
    subscription_id: str | None = None
    method_ref: str | None = None
    client_secret: str | None = None
    approval_url: str | None = None
    has_lapsed: bool = False
    created_at: datetime | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BillLine:
    """`amount` is what it adds to the bill before tax, negative for what is given back of unused time."""

    title: str
    seats: int
    amount: Money
    period: tuple[datetime, datetime] | None = None
    is_proration: bool = False


@dataclass(frozen=True, slots=True)
class BillTax:
    """One rate over the whole bill; `rate` is a percentage ("6.25")."""

    name: str
    rate: str
    taxable: Money
    amount: Money


@dataclass(frozen=True, slots=True)
class BillFacts:
    """What a provider bills for a subscription: an invoice of its own, or a sale. `status` in the portal's words for
    invoices: draft, open, paid, void or uncollectible.

    `total` is with tax. `payment` is how it was paid, or is being paid, or was tried: None where nothing has been, or
    nothing is to be paid. `next_try_at` is when the provider tries again by itself.
    """

    provider_ref: str
    subscription_ref: str
    status: str
    total: Money
    lines: tuple[BillLine, ...]
    period: tuple[datetime, datetime] | None
    issued_at: datetime
    taxes: tuple[BillTax, ...] = ()
    number: str | None = None
    payment: PaymentResult | None = None
    next_try_at: datetime | None = None


class SellsPlans(Provider):
    """Keeps a list of prices, each of which is made once."""

    @abstractmethod
    def ensure_price(self, request: PriceRequest) -> str:
        """The provider's reference of that price, which is made when it is not there: asked twice, it is the same one.

        Raises ProviderRejected for a key that is there with another amount or cycle.
        """


class RunsSubscriptions(SellsPlans):
    """Charges a recurring price by itself, each period in advance, and tries again by itself what was declined."""

    @abstractmethod
    def start_subscription(self, request: StartRequest) -> RecurringFacts:
        """Begin; the same key is the same subscription. Where money moves at once, a decline is `incomplete`.

        Raises OutcomeUnknown (ProviderUnavailable where no money can move before somebody was sent to a page),
        UnknownReference (method, customer, price), UnfitMethod, ProviderRejected (also for a coupon, where the provider
        has none) and the others.
        """

    @abstractmethod
    def look_up_subscription(self, provider_ref: str) -> RecurringFacts:
        """What it is now. Raises UnknownReference."""

    @abstractmethod
    def find_subscription(self, subscription_id: str, *, since: datetime) -> RecurringFacts | None:
        """The one that our row's id was sent with, when its reference never reached us; None: it does not exist."""

    @abstractmethod
    def cancel_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """End it now, with nothing given back. Ended before, it is the same answer. Raises UnknownReference,
        NotInThatState (its payer has not agreed yet), OutcomeUnknown and the others."""

    @abstractmethod
    def pause_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """Charge nothing more until it is resumed. Paused before, it is the same answer. Raises NotInThatState."""

    @abstractmethod
    def resume_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """Charge again. Never paused, it is the same answer. Raises NotInThatState (it has ended)."""

    @abstractmethod
    def bills_of(self, provider_ref: str, *, since: datetime) -> list[BillFacts]:
        """What it was billed since then, oldest first; each has its own reference for ever. A payment that failed and
        is billed again as another bill leaves a `void` one. Raises UnknownReference."""

    @abstractmethod
    def subscriptions_since(self, since: datetime) -> Iterator[RecurringFacts]:
        """Every subscription that was made since then, ours or not, newest first, as far as the provider lists them."""
