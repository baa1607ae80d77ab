"""Subscriptions: begun, read, found, ended, paused and resumed.

https://docs.stripe.com/api/subscriptions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from payments.providers.errors import NotInThatState, ProviderRejected, UnknownReference
from payments.providers.recurring import RecurringFacts, StartRequest
from payments.providers.stripe.client import PAGE, once
from payments.providers.stripe.coupons import Coupons, trial_end_of
from payments.providers.stripe.declines import declines
from payments.providers.stripe.errors import readable, those_that_can_be_read, translated
from payments.providers.stripe.keeping import kept
from payments.providers.stripe.subscription_reading import EXPAND, intent_to_confirm, secret_of, subscription_of


class Subscriptions:
    """What `StripeProvider` does with subscriptions as they are; see there."""

    def __init__(self, api: Any, *, environment: str) -> None:
        self._api, self._environment = api, environment
        self._coupons = Coupons(api, environment=environment)

    def start(self, request: StartRequest) -> RecurringFacts:
        """Its payer is there, so the first payment is tried at once: declined or to be confirmed, it is `incomplete`,
        and nobody tries by himself again. Stripe gives it up after 23 hours. Begun before, it is what it was then.

        Source: Stripe API, "Create a subscription" (`payment_behavior=allow_incomplete`; keys are kept for 24 hours:
        after that `find` comes first).
        """
        if not request.customer_ref:
            raise ProviderRejected("Stripe charges nobody without a customer")
        parameters: dict[str, Any] = {
            "customer": request.customer_ref,
            "items": [{"price": request.price_ref, "quantity": request.seats}],
            "payment_behavior": "allow_incomplete",
            "payment_settings": {"save_default_payment_method": "on_subscription"},
            "metadata": {
                "tenant_id": request.tenant_id,
                "subscription_id": request.subscription_id,
                "env": self._environment,
            },
            "expand": EXPAND,
        }
        if trial_end := trial_end_of(request):
            parameters["trial_end"] = int(trial_end.timestamp())
        if request.coupon:
            parameters["discounts"] = [{"coupon": self._coupons.ensure(request.coupon, request)}]
        if request.method_ref:
            parameters["default_payment_method"] = kept(self._api, request.method_ref, request.customer_ref)
        with declines():
            return self.told(lambda: self._api.subscriptions.create(parameters, once(request.key)))

    def look_up(self, provider_ref: str, *, moves_money: bool = False) -> RecurringFacts:
        """`moves_money`: it is read to see what a request has done. Source: Stripe API, "Retrieve a subscription"."""
        return self.facts(self.read(provider_ref, moves_money=moves_money), moves_money=moves_money)

    def read(self, provider_ref: str, *, moves_money: bool = False) -> dict[str, Any]:
        """As Stripe tells it. Raises UnknownReference."""
        with translated(moves_money=moves_money):
            answer: dict[str, Any] = self._api.subscriptions.retrieve(provider_ref, {"expand": EXPAND}).to_dict()
            return answer

    def find(self, subscription_id: str, *, since: datetime) -> RecurringFacts | None:
        """Among those made since then, by our id in their metadata: Stripe's search index lags behind, its list does
        not."""
        found = next((each for each in self.since(since) if each.subscription_id == subscription_id), None)
        return found and self.look_up(found.provider_ref)

    def since(self, since: datetime) -> Iterator[RecurringFacts]:
        """Ended ones too, without what their payers have still to confirm. Source: "List subscriptions"."""
        wanted = {
            "status": "all",
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE,
            "expand": [f"data.{each}" for each in EXPAND],
        }
        with translated(moves_money=False):
            yield from those_that_can_be_read(self._api.subscriptions.list(wanted), self._read)

    def cancel(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """What was billed and not paid stays owed, and is not collected any more. One that has ended is not there for
        Stripe. Source: Stripe API, "Cancel a subscription"."""
        how = {"invoice_now": False, "prorate": False, "cancellation_details": {"comment": reason}, "expand": EXPAND}
        try:
            return self.told(lambda: self._api.subscriptions.cancel(provider_ref, how, once()))
        except (UnknownReference, ProviderRejected):
            facts = self.look_up(provider_ref)
            if facts.status != "canceled":
                raise
            return facts

    def pause(self, provider_ref: str) -> RecurringFacts:
        """Bills go on being made, and are void at once. Source: Stripe, "Pause payment collection"."""
        if self.read(provider_ref)["status"] == "incomplete":
            raise NotInThatState("It has not begun")
        return self.update(provider_ref, {"pause_collection": {"behavior": "void"}})

    def resume(self, provider_ref: str) -> RecurringFacts:
        """Where the bill of the period under way was void, nobody has paid for it: a new one begins now, and is billed.
        Also one that Stripe has paused itself, since its trial ended without a method, begins anew.

        Source: Stripe, "Pause payment collection", "Billing cycle", and the API's "Resume a subscription".
        """
        subscription = self.read(provider_ref)
        if subscription["status"] != "paused":
            how: dict[str, Any] = {"pause_collection": ""}
            dropped = _dropped_bill(subscription) if subscription["pause_collection"] else None
            if dropped:
                how |= {"billing_cycle_anchor": "now", "proration_behavior": "none"}
            # Of two clicks at once both have read the pause: under one key they begin one period.
            return self.update(provider_ref, how, key=f"resume:{dropped}" if dropped else None)
        how = {"billing_cycle_anchor": "now", "expand": EXPAND}
        return self.told(lambda: self._api.subscriptions.resume(provider_ref, how, once()))

    def update(self, provider_ref: str, parameters: dict[str, Any], *, key: str | None = None) -> RecurringFacts:
        """Raises NotInThatState where it has ended."""
        asked = {**parameters, "expand": EXPAND}
        try:
            with declines():
                return self.told(lambda: self._api.subscriptions.update(provider_ref, asked, once(key)))
        except (UnknownReference, ProviderRejected) as error:
            if self.look_up(provider_ref).status != "canceled":
                raise
            raise NotInThatState("It has ended", code=error.code, request_id=error.request_id) from error

    def told(self, ask: Callable[[], Any]) -> RecurringFacts:
        """What a request that may move money leaves behind."""
        with translated(moves_money=True):
            answer = ask()
        with readable():
            subscription = answer.to_dict()
        return self.facts(subscription, moves_money=True)

    def facts(self, subscription: dict[str, Any], *, moves_money: bool) -> RecurringFacts:
        """With the secret of what its payer has still to confirm: a payment before a trial's method."""
        with readable():
            facts = subscription_of(subscription, environment=self._environment)
            intent, secret = intent_to_confirm(subscription), secret_of(subscription.get("pending_setup_intent"))
        if intent and facts.status != "canceled":
            with translated(moves_money=moves_money):
                secret = secret_of(self._api.payment_intents.retrieve(intent).to_dict()) or secret
        return replace(facts, client_secret=secret)

    def _read(self, answer: Any) -> RecurringFacts:
        with readable():
            return subscription_of(answer.to_dict(), environment=self._environment)


def _dropped_bill(subscription: dict[str, Any]) -> str | None:
    """The bill of the period under way, where it was void: nobody has paid for that."""
    with readable():
        bill = subscription["latest_invoice"] or {}
        is_dropped = bill.get("billing_reason") == "subscription_cycle" and bill.get("status") == "void"
        return str(bill["id"]) if is_dropped else None
