"""The adapter: each method one call to Stripe, frozen dataclasses in and out, no model in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, TypeVar

import stripe
from django.conf import settings

from payments.providers.base import Charges, Disputable, Mirrors, Refunds, SavesMethods, SendsEvents
from payments.providers.errors import UnknownReference
from payments.providers.facts import (
    AmountLimits,
    ChargeRequest,
    DisputeFacts,
    MethodFacts,
    PaymentResult,
    RefundRequest,
    RefundResult,
    SetupResult,
    SignedEvent,
    Topic,
)
from payments.providers.stripe import events
from payments.providers.stripe.amounts import limits, to_stripe
from payments.providers.stripe.client import PAGE, build_client, once
from payments.providers.stripe.errors import readable, those_that_can_be_read, translated
from payments.providers.stripe.reading import EXPAND, declined, dispute_of, method_of, payment_of, refund_of
from payments.providers.stripe.recurring import Recurring

_Result = TypeVar("_Result", PaymentResult, RefundResult)


class StripeProvider(Charges, Refunds, Disputable, SavesMethods, SendsEvents, Mirrors, Recurring):
    """`webhook_secrets`: several while they are being rotated. `environment` is sent along with every object, and what
    names another one is not ours."""

    name: ClassVar[str] = "stripe"
    methods: ClassVar[frozenset[str]] = frozenset({"card", "us_bank_account"})
    topics: ClassVar[Mapping[str, Topic]] = events.TOPICS

    def __init__(
        self, client: stripe.StripeClient, *, webhook_secrets: Sequence[str], environment: str, livemode: bool = False
    ) -> None:
        self._api = client.v1
        self._webhook_secrets = tuple(webhook_secrets)
        self._environment = environment
        self.livemode = livemode
        self._run(self._api, environment=environment)

    def charge(self, request: ChargeRequest) -> PaymentResult:
        """Create and confirm a PaymentIntent in one call.

        Never `payment_method_types`: the next API version drops it. Redirects are off, since a bank's page opens in the
        payer's browser by Stripe.js. Source: Stripe API, "Create a PaymentIntent".
        """
        parameters: dict[str, Any] = {
            "amount": to_stripe(request.amount),
            "currency": request.amount.currency,
            "payment_method": request.method_ref,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": self._metadata(request.metadata),
            "expand": EXPAND,
        }
        if request.customer_ref:
            parameters["customer"] = request.customer_ref
        if request.description:
            parameters["description"] = request.description
        if request.off_session:
            parameters["off_session"] = True
        if request.saves_method:
            parameters["setup_future_usage"] = "off_session"
        try:
            with translated(moves_money=True):
                answer = self._api.payment_intents.create(parameters, once(request.key))  # type: ignore[arg-type]
        except stripe.CardError as error:
            return self._known(error)
        return self._payment(answer)

    def look_up(self, provider_ref: str) -> PaymentResult:
        """Source: Stripe API, "Retrieve a PaymentIntent"."""
        with translated(moves_money=False):
            answer = self._api.payment_intents.retrieve(provider_ref, {"expand": EXPAND})
        return self._payment(answer)

    def find(self, metadata_id: str, *, since: datetime) -> PaymentResult | None:
        """Among the PaymentIntents made since then, by our id in their metadata. Stripe's search index lags behind; its
        list does not."""
        return next((each for each in self.payments_since(since) if each.payment_id == metadata_id), None)

    def payments_since(self, since: datetime) -> Iterator[PaymentResult]:
        """Source: Stripe API, "List all PaymentIntents". One that was never confirmed has no outcome to compare."""
        with translated(moves_money=False):
            page = self._api.payment_intents.list(
                {
                    "limit": PAGE,
                    "created": {"gte": int(since.timestamp())},
                    "expand": [f"data.{each}" for each in EXPAND],
                }
            )
            yield from those_that_can_be_read(page, self._payment)

    def limits(self, currency: str) -> AmountLimits | None:
        """See `amounts`."""
        return limits(currency)

    def cancel(self, provider_ref: str) -> PaymentResult:
        """Source: Stripe API, "Cancel a PaymentIntent". Raises NotInThatState when money is on its way or has come."""
        with translated(moves_money=True):
            # Under no key of ours: twice is once by itself, and a key would repeat Stripe's own 500 for a day.
            answer = self._api.payment_intents.cancel(provider_ref, {"expand": EXPAND}, once())
        return self._payment(answer)

    def refund(self, request: RefundRequest) -> RefundResult:
        """Source: Stripe API, "Create a refund"."""
        with translated(moves_money=True):
            answer = self._api.refunds.create(
                {
                    "payment_intent": request.payment_ref,
                    "amount": to_stripe(request.amount),
                    "metadata": self._metadata(request.metadata),
                },
                once(request.key),
            )
        return self._refund(answer)

    def look_up_refund(self, provider_ref: str) -> RefundResult:
        """Source: Stripe API, "Retrieve a refund"."""
        with translated(moves_money=False):
            answer = self._api.refunds.retrieve(provider_ref)
        return self._refund(answer)

    def refunds_of(self, payment_ref: str) -> list[RefundResult]:
        """Source: Stripe API, "List all refunds"."""
        with translated(moves_money=False):
            page = self._api.refunds.list({"payment_intent": payment_ref, "limit": PAGE})
            return [self._refund(each) for each in page.auto_paging_iter()][::-1]

    def refunds_since(self, since: datetime) -> Iterator[RefundResult]:
        """Source: Stripe API, "List all refunds"."""
        with translated(moves_money=False):
            page = self._api.refunds.list({"limit": PAGE, "created": {"gte": int(since.timestamp())}})
            yield from those_that_can_be_read(page, self._refund)

    def disputes_of(self, payment_ref: str) -> list[DisputeFacts]:
        """Source: Stripe API, "List all disputes"."""
        with translated(moves_money=False):
            page = self._api.disputes.list({"payment_intent": payment_ref, "limit": PAGE})
            return [_dispute(each) for each in page.auto_paging_iter()][::-1]

    def disputes_since(self, since: datetime) -> Iterator[DisputeFacts]:
        """Source: Stripe API, "List all disputes"."""
        with translated(moves_money=False):
            page = self._api.disputes.list({"limit": PAGE, "created": {"gte": int(since.timestamp())}})
            yield from those_that_can_be_read(page, _dispute)

    def create_customer(self, *, email: str, name: str, key: str, metadata: Mapping[str, str]) -> str:
        """Source: Stripe API, "Create a customer"."""
        with translated(moves_money=False):
            answer = self._api.customers.create(
                {"email": email, "name": name, "metadata": self._metadata(metadata)}, {"idempotency_key": key}
            )
        return answer.id

    def begin_setup(self, *, customer_ref: str, kind: str | None, key: str, metadata: Mapping[str, str]) -> SetupResult:
        """For use while the payer is away: bank accounts get their mandate this way. Source: "Create a SetupIntent"."""
        parameters: dict[str, Any] = {
            "customer": customer_ref,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": self._metadata(metadata),
        }
        if kind:
            parameters["excluded_payment_method_types"] = sorted(self.methods - {kind})
        with translated(moves_money=False):
            answer = self._api.setup_intents.create(parameters, {"idempotency_key": key})  # type: ignore[arg-type]
        return SetupResult(provider_ref=answer.id, client_secret=str(answer.client_secret))

    def saved_methods(self, customer_ref: str) -> list[MethodFacts]:
        """Source: Stripe API, "List a Customer's PaymentMethods"."""
        with translated(moves_money=False):
            # Somebody waits for it, and our own rows can stand in: one try.
            page = self._api.customers.payment_methods.list(customer_ref, {"limit": PAGE}, {"max_network_retries": 0})
            return [method_of(each.to_dict()) for each in page.auto_paging_iter()]

    def forget_method(self, *, customer_ref: str, method_ref: str) -> None:
        """Look whose it is before it is detached. Source: Stripe API, "Detach a PaymentMethod"."""
        with translated(moves_money=False):
            found = self._api.payment_methods.retrieve(method_ref).to_dict()
            if found.get("customer") != customer_ref:
                raise UnknownReference("The method is not this customer's")
            self._api.payment_methods.detach(method_ref, {}, {"idempotency_key": f"detach:{method_ref}"})

    def verify(
        self,
        body: bytes,
        headers: Mapping[str, str],
        now: datetime,
        *,
        before_asking: Callable[[], None] = lambda: None,
    ) -> SignedEvent:
        """See `events`."""
        return events.verify(body, headers.get("Stripe-Signature", ""), secrets=self._webhook_secrets, now=now)

    def reread(self, kind: str, payload: Mapping[str, Any]) -> tuple[Topic | None, str | None]:
        """See `events`."""
        return events.reread(kind, payload)

    def mirror(self, payload: Mapping[str, Any]) -> None:
        """See `mirror`."""
        # Here, not above: dj-stripe's models can't be imported before Django's apps are ready.
        from payments.providers.stripe import mirror  # noqa: PLC0415

        mirror.keep(payload)

    def _metadata(self, given: Mapping[str, str]) -> dict[str, str]:
        return {**given, "env": self._environment}

    def _payment(self, answer: Any) -> PaymentResult:
        with readable():
            intent = answer.to_dict()
            return self._ours(payment_of(intent, request_id=_request_id(answer)), intent)

    def _refund(self, answer: Any) -> RefundResult:
        with readable():
            refund = answer.to_dict()
            return self._ours(refund_of(refund, request_id=_request_id(answer)), refund)

    def _known(self, error: stripe.CardError) -> PaymentResult:
        with readable():
            body = error.error.to_dict() if error.error is not None else {}
            return self._ours(declined(error), body.get("payment_intent") or {})

    def _ours(self, result: _Result, answer: Mapping[str, Any]) -> _Result:
        """Without our ids when another system that shares the account made it."""
        if (answer.get("metadata") or {}).get("env") in (None, self._environment):
            return result
        if isinstance(result, PaymentResult):
            return replace(result, payment_id=None, is_foreign=True)
        return replace(result, refund_id=None)


def from_settings() -> StripeProvider:
    """The adapter as the environment describes it."""
    return StripeProvider(
        build_client(settings.STRIPE_SECRET_KEY, api_base=settings.STRIPE_API_BASE or None),
        webhook_secrets=settings.STRIPE_WEBHOOK_SECRETS,
        environment=settings.PROVIDER_ENVIRONMENT,
        livemode=settings.STRIPE_LIVEMODE,
    )


def _dispute(answer: Any) -> DisputeFacts:
    with readable():
        return dispute_of(answer.to_dict())


def _request_id(answer: Any) -> str | None:
    response = getattr(answer, "last_response", None)
    return response.request_id if response is not None else None
