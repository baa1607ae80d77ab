"""The adapter: each method one call to Stripe, frozen dataclasses in and out, no model in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import stripe

from payments.providers.base import (
    ChargeRequest,
    Charges,
    MethodFacts,
    PaymentResult,
    ProviderEvent,
    RefundRequest,
    RefundResult,
    Refunds,
    SavesMethods,
    SendsEvents,
    SetupResult,
    UnknownReference,
)
from payments.providers.stripe import events
from payments.providers.stripe.amounts import to_stripe
from payments.providers.stripe.errors import translated
from payments.providers.stripe.reading import declined, method_of, payment_of, refund_of

# So that one answer tells brand, last four digits and what became of the charge.
_EXPAND = ["payment_method", "latest_charge"]
_PAGE = 100


class StripeProvider(Charges, Refunds, SavesMethods, SendsEvents):
    """`webhook_secrets`: several while they are being rotated. `environment` is sent along with every object."""

    name: ClassVar[str] = "stripe"
    methods: ClassVar[frozenset[str]] = frozenset({"card", "us_bank_account"})

    def __init__(self, client: stripe.StripeClient, *, webhook_secrets: Sequence[str], environment: str) -> None:
        self._api = client.v1
        self._webhook_secrets = tuple(webhook_secrets)
        self._environment = environment

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
            "expand": _EXPAND,
        }
        if request.customer_ref:
            parameters["customer"] = request.customer_ref
        if request.description:
            parameters["description"] = request.description
        if request.off_session:
            parameters["off_session"] = True
        try:
            with translated(moves_money=True):
                answer = self._api.payment_intents.create(parameters, {"idempotency_key": request.key})  # type: ignore[arg-type]
        except stripe.CardError as error:
            return declined(error)
        return payment_of(answer.to_dict())

    def look_up(self, provider_ref: str) -> PaymentResult:
        """Source: Stripe API, "Retrieve a PaymentIntent"."""
        with translated(moves_money=False):
            answer = self._api.payment_intents.retrieve(provider_ref, {"expand": _EXPAND})
        return payment_of(answer.to_dict())

    def find(self, metadata_id: str, *, since: datetime) -> PaymentResult | None:
        """Among the PaymentIntents made since then, by our id in their metadata. Stripe's search index lags behind; its
        list does not."""
        with translated(moves_money=False):
            page = self._api.payment_intents.list(
                {
                    "limit": _PAGE,
                    "created": {"gte": int(since.timestamp())},
                    "expand": [f"data.{each}" for each in _EXPAND],
                }
            )
            for intent in page.auto_paging_iter():
                found = intent.to_dict()
                if (found.get("metadata") or {}).get("payment_id") == metadata_id:
                    return payment_of(found)
        return None

    def cancel(self, provider_ref: str) -> PaymentResult:
        """Source: Stripe API, "Cancel a PaymentIntent". Raises NotInThatState when money is on its way or has come."""
        with translated(moves_money=True):
            answer = self._api.payment_intents.cancel(
                provider_ref, {"expand": _EXPAND}, {"idempotency_key": f"cancel:{provider_ref}"}
            )
        return payment_of(answer.to_dict())

    def refund(self, request: RefundRequest) -> RefundResult:
        """Source: Stripe API, "Create a refund"."""
        with translated(moves_money=True):
            answer = self._api.refunds.create(
                {
                    "payment_intent": request.payment_ref,
                    "amount": to_stripe(request.amount),
                    "metadata": self._metadata(request.metadata),
                },
                {"idempotency_key": request.key},
            )
        return refund_of(answer.to_dict())

    def look_up_refund(self, provider_ref: str) -> RefundResult:
        """Source: Stripe API, "Retrieve a refund"."""
        with translated(moves_money=False):
            answer = self._api.refunds.retrieve(provider_ref)
        return refund_of(answer.to_dict())

    def create_customer(self, *, email: str, name: str, key: str, metadata: Mapping[str, str]) -> str:
        """Source: Stripe API, "Create a customer"."""
        with translated(moves_money=False):
            answer = self._api.customers.create(
                {"email": email, "name": name, "metadata": self._metadata(metadata)}, {"idempotency_key": key}
            )
        return answer.id

    def begin_setup(self, *, customer_ref: str, key: str, metadata: Mapping[str, str]) -> SetupResult:
        """For use while the payer is away: bank accounts get their mandate this way. Source: "Create a SetupIntent"."""
        with translated(moves_money=False):
            answer = self._api.setup_intents.create(
                {
                    "customer": customer_ref,
                    "usage": "off_session",
                    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                    "metadata": self._metadata(metadata),
                },
                {"idempotency_key": key},
            )
        return SetupResult(provider_ref=answer.id, client_secret=str(answer.client_secret))

    def saved_methods(self, customer_ref: str) -> list[MethodFacts]:
        """Source: Stripe API, "List a Customer's PaymentMethods"."""
        with translated(moves_money=False):
            page = self._api.customers.payment_methods.list(customer_ref, {"limit": _PAGE})
            return [method_of(each.to_dict()) for each in page.auto_paging_iter()]

    def forget_method(self, *, customer_ref: str, method_ref: str) -> None:
        """Look whose it is before it is detached. Source: Stripe API, "Detach a PaymentMethod"."""
        with translated(moves_money=False):
            found = self._api.payment_methods.retrieve(method_ref).to_dict()
            if found.get("customer") != customer_ref:
                raise UnknownReference("The method is not this customer's")
            self._api.payment_methods.detach(method_ref, {}, {"idempotency_key": f"detach:{method_ref}"})

    def verify(self, body: bytes, signature: str, now: datetime) -> ProviderEvent:
        """See `events`."""
        return events.verify(body, signature, secrets=self._webhook_secrets, now=now)

    def _metadata(self, given: Mapping[str, str]) -> dict[str, str]:
        return {**given, "env": self._environment}
