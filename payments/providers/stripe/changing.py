"""Changes of a subscription while it runs: what they cost, made now, or kept for the end of the period.

https://docs.stripe.com/billing/subscriptions/change-price, https://docs.stripe.com/billing/subscriptions/prorations
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing_portal.kit.money import Money
from payments.providers.errors import NotInThatState, ProviderRejected
from payments.providers.recurring import BillLine, BillTax, ChangeFacts, ChangeRequest, RecurringFacts
from payments.providers.stripe.amounts import from_stripe
from payments.providers.stripe.bill_reading import is_of_period, lines_of, taxes_of, with_tax
from payments.providers.stripe.bills import rates_named, with_all_lines
from payments.providers.stripe.errors import readable, translated
from payments.providers.stripe.schedules import Schedules
from payments.providers.stripe.subscription_reading import (
    CHANGE_AT,
    OLD_PRICE,
    OLD_SEATS,
    instant,
    item_of,
    reference,
    subscription_of,
    terms_in_force,
)
from payments.providers.stripe.subscriptions import Subscriptions

# In these a change is billed as it should be: a paused one's bills are void, an unpaid one's nobody collects.
_CHANGEABLE = frozenset({"trialing", "active", "past_due"})
_NOTHING_PLANNED = {CHANGE_AT: "", OLD_PRICE: "", OLD_SEATS: ""}
# What Stripe says of a subscription that ends with its period: no bill follows.
_NO_BILL = "invoice_upcoming_none"


class Changing:
    """What `StripeProvider` does about changes; see there."""

    def __init__(self, api: Any, subscriptions: Subscriptions, *, environment: str) -> None:
        self._api, self._subscriptions, self._environment = api, subscriptions, environment
        self._schedules = Schedules(api, subscriptions)

    def preview(self, request: ChangeRequest) -> ChangeFacts:
        """By the very parameters of the change. One in a trial costs nothing before the trial's end.

        Source: Stripe API, "Create a preview invoice" (`subscription_details`).
        """
        subscription = self._changeable(request)
        items, end = _items(subscription, request), item_of(subscription)["current_period_end"]
        if request.when == "now":
            bill = self._previewed(request, items=items, **_at_once(request))
            if bill and not _is_later(bill, request.at):
                return self._cost(request, bill, items, end)
        else:
            # The new cycle begins where the old period ends, which the preview has to be told.
            later = {"proration_date": end} if request.changes_cycle else {}
            bill = self._previewed(request, items=items, proration_behavior="none", **later)
        with readable():
            none = Money.zero(subscription["currency"])
            return ChangeFacts((), none, none, _total(bill) if bill else none, instant(end))

    def change(self, request: ChangeRequest) -> RecurringFacts:
        """Now: by one update under the request's key, which Stripe applies once it is paid, or drops after 23 hours.

        At the period's end, in the same cycle: the item has the new terms from now on, without proration, so that the
        next bill is by them; the terms until then stand in the subscription's metadata, and the facts are read by them.
        In another cycle: a schedule. Source: Stripe, "Pending updates", "Update a subscription", "Subscription
        schedules".
        """
        subscription = self._changeable(request)
        if request.when == "now":
            self._schedules.release(subscription, key=request.key)
            how = {"payment_behavior": "pending_if_incomplete", "metadata": _NOTHING_PLANNED, **_at_once(request)}
            return self._update(subscription, request, how, key=request.key or None)
        with readable():
            old, end = terms_in_force(subscription), item_of(subscription)["current_period_end"]
        if request.changes_cycle:
            self._restored(subscription)
            return self._schedules.plan(subscription, old, request)
        self._schedules.release(subscription, key=request.key)
        planned = {CHANGE_AT: str(end), OLD_PRICE: old[0], OLD_SEATS: str(old[1])}
        if old == (request.price_ref, request.seats):
            planned = _NOTHING_PLANNED
        return self._update(subscription, request, {"proration_behavior": "none", "metadata": planned})

    def drop(self, provider_ref: str, *, key: str) -> RecurringFacts:
        """The item gets its terms back, or the schedule lets go of the subscription as it is. Twice is once."""
        subscription = self._subscriptions.read(provider_ref)
        self._schedules.release(subscription, key=key)
        self._restored(subscription)
        return self._subscriptions.look_up(provider_ref, moves_money=True)

    def end_with_period(self, provider_ref: str, *, ends: bool, reason: str) -> RecurringFacts:
        """What ends changes no more: what was to change is dropped. Source: Stripe, "Cancel subscriptions"."""
        subscription = self._subscriptions.read(provider_ref)
        with readable():
            facts = subscription_of(subscription, environment=self._environment)
        if facts.status == "canceled":
            raise NotInThatState("It has ended")
        if facts.cancel_at_period_end == ends:
            return self._subscriptions.facts(subscription, moves_money=False)
        how: dict[str, Any] = {"cancel_at_period_end": ends}
        if ends:
            self._schedules.release(subscription, key=None)
            how |= {"cancellation_details": {"comment": reason}, **_back(subscription)}
        elif not subscription["cancel_at_period_end"]:
            how = {"cancel_at": ""}
        return self._subscriptions.update(provider_ref, how)

    def charge_with(self, provider_ref: str, *, method_ref: str) -> RecurringFacts:
        """Stripe refuses the method of another customer. Source: Stripe API, "Update a subscription"."""
        subscription = self._subscriptions.read(provider_ref)
        facts = self._subscriptions.update(provider_ref, {"default_payment_method": method_ref})
        self._schedules.charge_with(subscription, method_ref=method_ref)
        return facts

    def _changeable(self, request: ChangeRequest) -> dict[str, Any]:
        """Raises NotInThatState also where the period that the proration was reckoned in is over."""
        if request.when not in ("now", "period_end"):
            raise ProviderRejected(f"Nothing changes {request.when!r}")
        subscription = self._subscriptions.read(request.provider_ref)
        with readable():
            facts = subscription_of(subscription, environment=self._environment)
        if facts.status not in _CHANGEABLE:
            raise NotInThatState(f"It is {facts.status}")
        if facts.period is None or (request.when == "now" and not facts.period[0] <= request.at < facts.period[1]):
            raise NotInThatState("Another period has begun")
        if request.when == "period_end" and facts.cancel_at_period_end:
            raise NotInThatState("It ends with its period")
        if request.when == "now" and facts.changes_at and facts.changes_at[:2] == (request.price_ref, request.seats):
            # Stripe would see no change in it, and give nothing back.
            raise NotInThatState("It is to change so already: that has to be dropped before")
        return subscription

    def _update(
        self, subscription: dict[str, Any], request: ChangeRequest, how: dict[str, Any], *, key: str | None = None
    ) -> RecurringFacts:
        """What costs nothing has no key: done, taken back and done again, it must not be an old answer."""
        return self._subscriptions.update(subscription["id"], {"items": _items(subscription, request), **how}, key=key)

    def _restored(self, subscription: dict[str, Any]) -> None:
        if back := _back(subscription):
            self._subscriptions.update(subscription["id"], back)

    def _previewed(self, request: ChangeRequest, **details: Any) -> dict[str, Any] | None:
        wanted = {"subscription": request.provider_ref, "subscription_details": details}
        try:
            with translated(moves_money=False):
                return with_all_lines(self._api, self._api.invoices.create_preview(wanted).to_dict())
        except ProviderRejected as error:
            if error.code != _NO_BILL:
                raise
            return None

    def _cost(self, request: ChangeRequest, bill: dict[str, Any], items: list[dict[str, Any]], end: int) -> ChangeFacts:
        """The bill after is by another preview, or, where a new period begins now, like the one that begins it."""
        whole = [line for line in bill["lines"]["data"] if is_of_period(line)]
        lines, taxes = self._lines(bill)
        if whole:
            next_total = from_stripe(sum(with_tax(line) for line in whole), bill["currency"])
            end = whole[-1]["period"]["end"]
        else:
            after = self._previewed(request, items=items, proration_behavior="none")
            next_total = _total(after) if after else Money.zero(bill["currency"])
        with readable():
            due = from_stripe(bill["amount_due"], bill["currency"])
            return ChangeFacts(lines, _total(bill), due, next_total, instant(end), taxes)

    def _lines(self, bill: dict[str, Any]) -> tuple[tuple[BillLine, ...], tuple[BillTax, ...]]:
        with translated(moves_money=False):
            rates = rates_named(self._api, bill)
        with readable():
            return lines_of(bill), taxes_of(bill, rates)


def _items(subscription: dict[str, Any], request: ChangeRequest) -> list[dict[str, Any]]:
    item = item_of(subscription)
    return [{"id": item["id"], "price": request.price_ref, "quantity": request.seats}]


def _at_once(request: ChangeRequest) -> dict[str, Any]:
    """The same for the preview and for the change, so that they can't differ."""
    return {"proration_behavior": "always_invoice", "proration_date": int(request.at.timestamp())}


def _back(subscription: dict[str, Any]) -> dict[str, Any]:
    """The parameters that take back what was to change in the same cycle; none where nothing was."""
    item, (price, seats) = item_of(subscription), terms_in_force(subscription)
    if (reference(item["price"]), item["quantity"]) == (price, seats):
        return {}
    items = [{"id": item["id"], "price": price, "quantity": seats}]
    return {"items": items, "proration_behavior": "none", "metadata": _NOTHING_PLANNED}


def _is_later(bill: dict[str, Any], at: datetime) -> bool:
    """Whether the preview is of a bill that comes later: then nothing is charged now, as in a trial."""
    return any(line["period"]["start"] > at.timestamp() for line in bill["lines"]["data"])


def _total(bill: dict[str, Any]) -> Money:
    return from_stripe(bill["total"], bill["currency"])
