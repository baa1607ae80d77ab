"""What Stripe bills for a subscription: its invoices, paid by Stripe's own schedule, at once, or elsewhere.

https://docs.stripe.com/billing/invoices/subscription
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import stripe

from payments.providers.errors import NotInThatState, ProviderRejected
from payments.providers.facts import Outcome
from payments.providers.recurring import BillFacts
from payments.providers.stripe.bill_reading import Rates, bill_of, intent_of, rates_of
from payments.providers.stripe.client import PAGE, once
from payments.providers.stripe.errors import readable, translated
from payments.providers.stripe.keeping import kept
from payments.providers.stripe.reading import EXPAND

_EXPAND = ["payments"]
_SETTLED = frozenset({"paid", "void"})
# Subscriptions whose open bills Stripe does not try again.
_OVER = frozenset({"canceled", "unpaid", "incomplete_expired"})


class Bills:
    """What `StripeProvider` does with bills; see there."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def of(self, provider_ref: str, *, since: datetime) -> list[BillFacts]:
        """Without drafts, which for an hour may become anything. Source: Stripe API, "List all invoices"."""
        with translated(moves_money=False):
            self._api.subscriptions.retrieve(provider_ref)  # a list of nobody's invoices is empty, and no error
            page = self._api.invoices.list(
                {
                    "subscription": provider_ref,
                    "created": {"gte": int(since.timestamp())},
                    "limit": PAGE,
                    "expand": [f"data.{each}" for each in _EXPAND],
                }
            )
            found = [each.to_dict() for each in page.auto_paging_iter()]
            return [self._whole(each) for each in reversed(found) if each["status"] != "draft"]

    def pay(self, bill_ref: str, *, method_ref: str | None, key: str) -> BillFacts:
        """Its payer is there, and may be asked to confirm. Source: Stripe API, "Pay an invoice"."""
        how: dict[str, Any] = {"off_session": False}
        if method_ref:
            how["payment_method"] = kept(self._api, method_ref, self._customer_of(bill_ref))
        return self._asked_to_pay(bill_ref, how, key)

    def paid_elsewhere(self, bill_ref: str) -> BillFacts:
        """What waited of its payment is canceled. One that a payment has paid, or is paying, was not paid elsewhere.

        Source: Stripe API, "Pay an invoice" (`paid_out_of_band`).
        """
        bill = self._asked_to_pay(bill_ref, {"paid_out_of_band": True}, None)
        if bill.payment and bill.payment.outcome in (Outcome.SUCCEEDED, Outcome.PROCESSING):
            raise NotInThatState(f"Stripe has a payment of this bill that is {bill.payment.outcome}")
        return bill

    def stop_collecting(self, bill_ref: str) -> BillFacts:
        """Source: Stripe API, "Update an invoice" (`auto_advance`)."""
        return self._advance(bill_ref, by_itself=False)

    def collect_again(self, bill_ref: str) -> BillFacts:
        """Of a subscription that goes on: what is left of one that has ended Stripe collects no more by itself.

        Source: Stripe API, "Update an invoice" (`auto_advance`); "Cancel a subscription", of its open invoices.
        """
        return self._advance(bill_ref, by_itself=True)

    def _advance(self, bill_ref: str, *, by_itself: bool) -> BillFacts:
        bill = self.look_up(bill_ref)
        if bill.status in _SETTLED:
            raise NotInThatState(f"The bill is {bill.status}")
        if by_itself and (ended := self._has_ended(bill.subscription_ref)):
            raise NotInThatState(f"Its subscription is {ended}")
        with translated(moves_money=True):
            answer = self._api.invoices.update(bill_ref, {"auto_advance": by_itself, "expand": _EXPAND}, once())
        return self._read(answer, moves_money=True)

    def _has_ended(self, subscription_ref: str) -> str | None:
        with translated(moves_money=False):
            status = str(self._api.subscriptions.retrieve(subscription_ref).to_dict()["status"])
        return status if status in _OVER else None

    def _customer_of(self, bill_ref: str) -> str:
        with translated(moves_money=False):
            return str(self._api.invoices.retrieve(bill_ref).to_dict()["customer"])

    def _asked_to_pay(self, bill_ref: str, how: dict[str, Any], key: str | None) -> BillFacts:
        """A decline, and a payer who has to confirm, are in the bill as it is then; and so is a payment that came, or
        is on its way, before this one."""
        try:
            with translated(moves_money=True):
                answer = self._api.invoices.pay(bill_ref, {**how, "expand": _EXPAND}, once(key))
        except stripe.CardError:
            return self.look_up(bill_ref, moves_money=True)
        except ProviderRejected as error:
            bill = self.look_up(bill_ref)
            if bill.status == "void":
                raise NotInThatState("The bill is void", code=error.code, request_id=error.request_id) from error
            if bill.status == "paid" or (bill.payment and bill.payment.outcome is Outcome.PROCESSING):
                return bill
            raise
        return self._read(answer, moves_money=True)

    def look_up(self, bill_ref: str, *, moves_money: bool = False) -> BillFacts:
        """`moves_money`: it is read to see what a request has done. Source: Stripe API, "Retrieve an invoice"."""
        with translated(moves_money=moves_money):
            answer = self._api.invoices.retrieve(bill_ref, {"expand": _EXPAND})
        return self._read(answer, moves_money=moves_money)

    def _read(self, answer: Any, *, moves_money: bool) -> BillFacts:
        with translated(moves_money=moves_money):
            return self._whole(answer.to_dict())

    def _whole(self, invoice: dict[str, Any]) -> BillFacts:
        """With its payment, which an invoice only names."""
        reference = intent_of(invoice)
        intent = self._api.payment_intents.retrieve(reference, {"expand": EXPAND}).to_dict() if reference else None
        invoice, rates = with_all_lines(self._api, invoice), rates_named(self._api, invoice)
        with readable():
            return bill_of(invoice, intent, rates)


def with_all_lines(api: Any, invoice: dict[str, Any]) -> dict[str, Any]:
    """An invoice shows its first lines only. Source: Stripe API, "Retrieve an invoice's line items"."""
    if not invoice["lines"].get("has_more"):
        return invoice
    page = api.invoices.line_items.list(invoice["id"], {"limit": PAGE})
    return {**invoice, "lines": {**invoice["lines"], "data": [each.to_dict() for each in page.auto_paging_iter()]}}


def rates_named(api: Any, invoice: Mapping[str, Any]) -> Rates:
    """An invoice names its tax rates by their ids. Source: Stripe API, "Retrieve a tax rate"."""
    return {each: api.tax_rates.retrieve(each).to_dict() for each in sorted(rates_of(invoice))}
