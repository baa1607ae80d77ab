"""Orders: made, agreed to by their payer on PayPal's page, captured once, and read at any time."""

from __future__ import annotations

from typing import Any

from payments.providers.errors import (
    NotApproved,
    NotInThatState,
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    UnderWay,
    UnknownReference,
)
from payments.providers.facts import ApprovalRequest, Outcome, PaymentResult
from payments.providers.paypal.amounts import to_paypal
from payments.providers.paypal.client import Answer, PayPalClient, identifier
from payments.providers.paypal.errors import DECLINES, NOT_APPROVED, SEND_BACK, TAKEN_BEFORE, Refused, translated
from payments.providers.paypal.reading import as_order, order_of, payment_of, prefixed, readable

ORDERS, CAPTURES = "/v2/checkout/orders", "/v2/payments/captures"
# Characters that PayPal's texts take.
_LONGEST = 127


def read(client: PayPalClient, folder: str, reference: str) -> Answer:
    """One object. Raises UnknownReference, also for what can be no id, before anybody is asked."""
    path = f"{folder}/{identifier(reference)}"
    with translated(moves_money=False):
        return client.get(path)


class Orders:
    """What `PayPalProvider` does with orders; see there."""

    def __init__(self, client: PayPalClient, *, environment: str, brand_name: str) -> None:
        self._client, self._environment, self._brand_name = client, environment, brand_name

    def begin(self, request: ApprovalRequest) -> PaymentResult:
        """Source: PayPal Orders v2, POST /v2/checkout/orders (remembers a request id for six hours)."""
        with translated(moves_money=False):
            answer = self._client.post(ORDERS, self._order(request), request_id=request.key)
        try:
            result = self._payment(answer)
        except OutcomeUnknown as error:
            raise ProviderUnavailable(str(error), request_id=answer.request_id) from error
        if result.outcome is Outcome.REQUIRES_ACTION and not (result.approval_url or result.can_capture):
            raise ProviderUnavailable("PayPal named no page for the payer", request_id=answer.request_id)
        return result

    def capture(self, provider_ref: str, *, key: str) -> PaymentResult:
        """Sent once. Source: PayPal Orders v2, POST /v2/checkout/orders/{id}/capture (remembers an id six hours)."""
        path = f"{ORDERS}/{identifier(provider_ref)}/capture"
        with translated(moves_money=True):
            try:
                answer = self._client.post(path, {}, request_id=key, once=True)
            except Refused as refused:
                return self._not_captured(provider_ref, refused)
        return self._payment(answer)

    def look_up(self, provider_ref: str) -> PaymentResult:
        """Source: PayPal Orders v2, "Show order details"."""
        try:
            return self._payment(read(self._client, ORDERS, provider_ref))
        except UnknownReference:
            return self.by_capture(provider_ref)

    def by_capture(self, capture_ref: str) -> PaymentResult:
        """The order that a capture is of, or the capture alone once PayPal does not show its order any more."""
        answer = read(self._client, CAPTURES, capture_ref)
        with readable("capture"):
            order_ref = order_of(answer.content)
        try:
            return self._payment(read(self._client, ORDERS, order_ref or ""))
        except UnknownReference:
            with readable("capture"):
                return self._payment(Answer(as_order(answer.content), answer.request_id))

    def _order(self, request: ApprovalRequest) -> dict[str, Any]:
        """What the payer is asked to agree to. Money that PayPal holds back is refused where PayPal lets us: a payment
        that is complete at once needs nobody to wait for it."""
        invoice_id = prefixed(request.reference, self._environment)
        if len(invoice_id) > _LONGEST:
            raise ProviderRejected("This reference is longer than PayPal takes")
        unit: dict[str, Any] = {
            "reference_id": self._environment,
            "amount": to_paypal(request.amount),
            "invoice_id": invoice_id,
            "custom_id": request.metadata["payment_id"],
        }
        if request.description:
            unit["description"] = request.description[:_LONGEST]
        context = {
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
            "return_url": request.return_url,
            "cancel_url": request.cancel_url,
        }
        if self._brand_name:
            context["brand_name"] = self._brand_name[:_LONGEST]
        return {
            "intent": "CAPTURE",
            "purchase_units": [unit],
            "payment_source": {"paypal": {"experience_context": context}},
        }

    def _not_captured(self, provider_ref: str, refused: Refused) -> PaymentResult:
        """A refusal that is an answer: taken before, or declined. Raises NotApproved with the page, else as it came."""
        facts = {"code": refused.issue, "request_id": refused.request_id}
        if refused.among(*TAKEN_BEFORE):
            return self._taken_before(provider_ref, refused)
        if refused.status == 422 and (issue := refused.among(*DECLINES)):
            return PaymentResult(
                Outcome.FAILED,
                provider_ref=provider_ref,
                failure_code=DECLINES[issue],
                failure_message=refused.sentence,
                decline_code=issue.lower(),
                request_id=refused.request_id,
            )
        if refused.among(*SEND_BACK, NOT_APPROVED):
            facts["code"] = refused.among(*SEND_BACK)
            page = refused.approval_url or self._approval_url(provider_ref)
            raise NotApproved(str(refused), approval_url=page, **facts) from refused
        raise refused

    def _taken_before(self, provider_ref: str, refused: Refused) -> PaymentResult:
        """The order's own capture is the answer. An invoice id that was paid by another order took nothing of this."""
        facts = {"code": refused.issue, "request_id": refused.request_id}
        try:
            result = self.look_up(provider_ref)
        except ProviderError as error:
            raise OutcomeUnknown("Taken before, and it can't be read now", **facts) from error
        if result.capture_ref:
            return result
        if refused.among("DUPLICATE_INVOICE_ID"):
            raise NotInThatState("Another order has been paid under this invoice id", **facts) from refused
        raise UnderWay("Taken before, and not to be seen yet", **facts) from refused

    def _approval_url(self, provider_ref: str) -> str | None:
        try:
            return self.look_up(provider_ref).approval_url
        except ProviderError:
            return None

    def _payment(self, answer: Answer) -> PaymentResult:
        return payment_of(answer.content, environment=self._environment, request_id=answer.request_id)
