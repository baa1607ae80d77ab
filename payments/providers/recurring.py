"""What a provider is that runs subscriptions by itself: its prices, its subscriptions, and the bills it makes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from billing_portal.kit.money import Money
from payments.providers.base import Provider
from payments.providers.errors import UnfitMethod
from payments.providers.facts import PaymentResult


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
    and `method_ref` for a provider that keeps them; a method that nobody has saved yet becomes the customer's.
    `asked_at`, always the same for a key, says how long the trial is: a coupon takes nothing off it.
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
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecurringFacts:
    """A subscription as its provider tells it. `status` in the portal's own words: incomplete, approval_pending,
    trialing, active, past_due, unpaid, paused or canceled.

    `period` is what was paid for, or is being paid for, as (start, end); None before the first. `subscription_id` is
    our row's as the provider keeps it, None where it is not ours. `client_secret` and `approval_url` are for what its
    payer has still to do; the first is never stored. `awaits_payment`
    is (price, seats) of a change that is in force once it is paid; `changes_at` those of one for the period's end.
    `paid` is what was paid last, None where that is owed, or the provider does not say, `paid_at` when; see `revising`.
    `is_counted`: the provider names no end of the period, which was counted by today's cycle from that payment.
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
    created_at: datetime | None = None
    next_try_at: datetime | None = None
    awaits_payment: tuple[str, int] | None = None
    changes_at: tuple[str, int, datetime] | None = None
    paid: Money | None = None
    paid_at: datetime | None = None
    is_counted: bool = False


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
    nothing is to be paid. `next_try_at` is when the provider tries again by itself. `is_change`: it bills a change in
    the middle of a period, and not the period. `credited`: what the provider's own credit for its customer has paid of
    it; below zero what it adds to that credit, or what it collects that was too little to be charged before. `tries`:
    how often it has tried to collect it. `is_collected`: it is open, and the provider goes on trying by itself.
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
    is_change: bool = False
    credited: Money | None = None
    tries: int = 0
    is_collected: bool = False


class MethodDeclined(UnfitMethod):
    """Its bank refused the method before anything began: nothing is there. `declined` says why, as of a payment."""

    def __init__(self, message: str, *, declined: PaymentResult | None = None, **facts: str | None) -> None:
        super().__init__(message, **facts)
        self.declined = declined


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
        UnknownReference (method, customer, price), UnfitMethod, MethodDeclined, ProviderRejected (also for a coupon,
        where the provider has none) and the others.
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


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Another price or number of seats. `at` is the instant that a proration is reckoned for: the same request with the
    same `at` costs the same, looked at or done. `when`: "now", charged at once and in force once that is paid; or
    "period_end", with nothing to pay now.

    `changes_cycle`: the price is of another cycle, so that a new period begins. The same `key` is the same change.
    """

    provider_ref: str
    price_ref: str
    seats: int
    at: datetime
    when: str
    changes_cycle: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """What a change costs. `lines` and `taxes` are those of the bill that follows; `total` their sum, negative where
    the provider keeps it as credit for later bills; `due` what is charged now. `next_total`, with tax, is the bill
    after, at `next_at`."""

    lines: tuple[BillLine, ...]
    total: Money
    due: Money
    next_total: Money
    next_at: datetime
    taxes: tuple[BillTax, ...] = ()


class ChangesSubscriptions(RunsSubscriptions):
    """Changes a subscription while it runs, and says before what that costs."""

    @abstractmethod
    def preview_change(self, request: ChangeRequest) -> ChangeFacts:
        """Nothing is changed. Raises UnknownReference, NotInThatState and the others."""

    @abstractmethod
    def change_subscription(self, request: ChangeRequest) -> RecurringFacts:
        """Make it so, in place of what was to change. What has to be paid first and was not is in `awaits_payment`,
        with `client_secret` where its payer has to confirm: the old terms go on until it is, or until the provider
        drops it.

        Raises OutcomeUnknown, UnknownReference, NotInThatState (paused, or ended; another period has begun than `at`
        was in; the very same is to come at the period's end, and has to be dropped before) and the others.
        """

    @abstractmethod
    def drop_change(self, provider_ref: str, *, key: str) -> RecurringFacts:
        """What was to change at the period's end stays as it is. Nothing was to change: the same answer."""

    @abstractmethod
    def end_with_period(self, provider_ref: str, *, ends: bool, reason: str = "") -> RecurringFacts:
        """Say that it ends with its period, or take that back. What ends changes no more: what was to change is
        dropped. Said before, it is the same answer. Raises NotInThatState (it has ended)."""

    @abstractmethod
    def charge_with(self, provider_ref: str, *, method_ref: str) -> RecurringFacts:
        """From now on it is charged to this method of its customer's. Raises UnknownReference."""

    @abstractmethod
    def look_up_bill(self, bill_ref: str) -> BillFacts:
        """What it is now. Raises UnknownReference."""

    @abstractmethod
    def pay_bill(self, bill_ref: str, *, method_ref: str | None = None, key: str) -> BillFacts:
        """Charge an open bill now, in full, to a method or to the subscription's own. A method that nobody has saved
        yet becomes the customer's. A decline is a result. Paid before, it is the same answer. Raises OutcomeUnknown,
        MethodDeclined, UnfitMethod, UnknownReference, NotInThatState (void) and the others."""

    @abstractmethod
    def stop_collecting(self, bill_ref: str) -> BillFacts:
        """The provider tries no more by itself to collect an open bill. Raises NotInThatState (paid, or void)."""

    @abstractmethod
    def collect_again(self, bill_ref: str) -> BillFacts:
        """The provider tries again by itself, where it had stopped. Raises NotInThatState (paid, or void, or its
        subscription is over)."""

    @abstractmethod
    def paid_elsewhere(self, bill_ref: str) -> BillFacts:
        """Say that an open bill was paid outside of the provider. Said before, it is the same answer. Raises
        NotInThatState (void, or the provider has taken a payment of it)."""
