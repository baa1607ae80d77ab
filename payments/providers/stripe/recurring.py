"""The part of the adapter that sells plans and runs subscriptions: each method leads to where it is done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from payments.providers.recurring import (
    BillFacts,
    ChangeFacts,
    ChangeRequest,
    ChangesSubscriptions,
    PriceRequest,
    RecurringFacts,
    StartRequest,
)
from payments.providers.stripe.bills import Bills
from payments.providers.stripe.changing import Changing
from payments.providers.stripe.prices import Prices
from payments.providers.stripe.subscriptions import Subscriptions


class Recurring(ChangesSubscriptions):
    """What `StripeProvider` is besides taking payments."""

    def _run(self, api: Any, *, environment: str) -> None:
        self._prices = Prices(api, environment=environment)
        self._subscriptions = Subscriptions(api, environment=environment)
        self._changing = Changing(api, self._subscriptions, environment=environment)
        self._bills = Bills(api)

    def ensure_price(self, request: PriceRequest) -> str:
        """See `prices`."""
        return self._prices.ensure(request)

    def start_subscription(self, request: StartRequest) -> RecurringFacts:
        """See `subscriptions`."""
        return self._subscriptions.start(request)

    def look_up_subscription(self, provider_ref: str) -> RecurringFacts:
        """See `subscriptions`."""
        return self._subscriptions.look_up(provider_ref)

    def find_subscription(self, subscription_id: str, *, since: datetime) -> RecurringFacts | None:
        """See `subscriptions`."""
        return self._subscriptions.find(subscription_id, since=since)

    def subscriptions_since(self, since: datetime) -> Iterator[RecurringFacts]:
        """See `subscriptions`."""
        return self._subscriptions.since(since)

    def cancel_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """See `subscriptions`."""
        return self._subscriptions.cancel(provider_ref, reason=reason)

    def pause_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """See `subscriptions`. Stripe keeps no reason."""
        return self._subscriptions.pause(provider_ref)

    def resume_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """See `subscriptions`. Stripe keeps no reason."""
        return self._subscriptions.resume(provider_ref)

    def charge_with(self, provider_ref: str, *, method_ref: str) -> RecurringFacts:
        """See `changing`."""
        return self._changing.charge_with(provider_ref, method_ref=method_ref)

    def preview_change(self, request: ChangeRequest) -> ChangeFacts:
        """See `changing`."""
        return self._changing.preview(request)

    def change_subscription(self, request: ChangeRequest) -> RecurringFacts:
        """See `changing`."""
        return self._changing.change(request)

    def drop_change(self, provider_ref: str, *, key: str) -> RecurringFacts:
        """See `changing`."""
        return self._changing.drop(provider_ref, key=key)

    def end_with_period(self, provider_ref: str, *, ends: bool, reason: str = "") -> RecurringFacts:
        """See `changing`."""
        return self._changing.end_with_period(provider_ref, ends=ends, reason=reason)

    def bills_of(self, provider_ref: str, *, since: datetime) -> list[BillFacts]:
        """See `bills`."""
        return self._bills.of(provider_ref, since=since)

    def look_up_bill(self, bill_ref: str) -> BillFacts:
        """See `bills`."""
        return self._bills.look_up(bill_ref)

    def pay_bill(self, bill_ref: str, *, method_ref: str | None = None, key: str) -> BillFacts:
        """See `bills`."""
        return self._bills.pay(bill_ref, method_ref=method_ref, key=key)

    def stop_collecting(self, bill_ref: str) -> BillFacts:
        """See `bills`."""
        return self._bills.stop_collecting(bill_ref)

    def collect_again(self, bill_ref: str) -> BillFacts:
        """See `bills`."""
        return self._bills.collect_again(bill_ref)

    def paid_elsewhere(self, bill_ref: str) -> BillFacts:
        """See `bills`."""
        return self._bills.paid_elsewhere(bill_ref)
