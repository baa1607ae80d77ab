"""What goes back of a payment: refunds and disputes, of captures and of the sales that pay for subscriptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from payments.providers.base import Disputable, Refunds
from payments.providers.errors import UnderWay, UnknownReference
from payments.providers.facts import DisputeFacts, NotRead, RefundRequest, RefundResult
from payments.providers.paypal import disputes, sales
from payments.providers.paypal.amounts import to_paypal
from payments.providers.paypal.client import Answer, PayPalClient, identifier
from payments.providers.paypal.errors import Refused, translated
from payments.providers.paypal.listing import resources
from payments.providers.paypal.one_by_one import each_read
from payments.providers.paypal.orders import CAPTURES, ORDERS, read
from payments.providers.paypal.reading import (
    accounts_for,
    linked,
    order_of,
    readable,
    refund_invoice_id,
    refund_of,
    refunds_in,
    telling_capture,
)

_REFUNDS = "/v2/payments/refunds"
_TOLD_OF_REFUNDS = (
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.REFUND.PENDING",
    "PAYMENT.REFUND.FAILED",
    sales.REFUNDED,
)
_TOLD_OF_REVERSALS = (disputes.REVERSED, sales.REVERSED)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class GoingBack(Refunds, Disputable):
    """Part of `PayPalProvider`. A payment is named by its capture, its order, or its sale."""

    _client: PayPalClient
    _environment: str

    def refund(self, request: RefundRequest) -> RefundResult:
        """Sent once, and always with the amount: without one PayPal gives back all that is left. The account takes its
        invoice id once, also long after the request is forgotten.

        Where there is no such capture nothing has moved, and the sale of that id is asked for, under the same request
        id. Source: PayPal Payments v2, POST /v2/payments/captures/{id}/refund (remembers a request id for 45 days).
        """
        with translated(moves_money=True):
            try:
                answer = self._refunded(request)
            except Refused as refused:
                if issue := refused.among("DUPLICATE_INVOICE_ID"):
                    facts = {"code": issue, "request_id": refused.request_id}
                    raise UnderWay("PayPal has had this refund before", **facts) from refused
                raise
        return self._refund(answer.content, request.payment_ref, answer.request_id)

    def look_up_refund(self, provider_ref: str) -> RefundResult:
        """Source: PayPal Payments v2, "Show refund details", and v1 for those of sales."""
        try:
            answer, sale_ref = read(self._client, _REFUNDS, provider_ref), None
        except UnknownReference:
            answer, sale_ref = sales.read_refund(self._client, provider_ref)
        return self._refund(answer.content, sale_ref, answer.request_id)

    def refunds_of(self, payment_ref: str) -> list[RefundResult]:
        """What was reversed is no refund: see `disputes`."""
        capture, is_sale = self._capture(payment_ref)
        given, _ = self._went_back(capture, is_sale=is_sale) if capture else ((), ())
        found = [self._refund(each, str(capture and capture["id"])) for each in given]
        return sorted(found, key=lambda each: each.created_at or _LONG_AGO)

    def refunds_since(self, since: datetime) -> Iterator[RefundResult | NotRead]:
        """By the events that told of them."""
        with translated(moves_money=False):
            told = resources(self._client, _TOLD_OF_REFUNDS, since)
        yield from each_read(
            told, lambda ref: [self.look_up_refund(ref)], payment_of=lambda ref: _payment_of(told[ref])
        )

    def disputes_of(self, payment_ref: str) -> list[DisputeFacts]:
        """Disputes, and what was reversed without one. Source: PayPal Disputes v1, "List disputes"."""
        capture, is_sale = self._capture(payment_ref)
        if capture is None:
            return []
        with translated(moves_money=False):
            cases = disputes.of_capture(self._client, str(capture["id"]))
        looks = bool(cases) or disputes.may_be_reversed(capture)
        given, reversals = self._went_back(capture, is_sale=is_sale) if looks else ((), ())
        return disputes.facts_of(capture, cases, given=given, reversals=reversals)

    def disputes_since(self, since: datetime) -> Iterator[DisputeFacts | NotRead]:
        """By the list of disputes, and the events that told of reversals. A payment that PayPal does not know may be
        none that we could: the account may take money in other ways too."""
        with translated(moves_money=False):
            cases = disputes.cases_since(self._client, since)
            told = resources(self._client, _TOLD_OF_REVERSALS, since)
        payments: dict[str, None] = {}
        for found in [
            *each_read(cases, self._payments_in),
            *each_read(told, lambda ref: [_payment_of(told[ref]) or self.look_up_refund(ref).payment_ref]),
        ]:
            if isinstance(found, NotRead):
                yield found
            elif found:
                payments[found] = None
        for facts in each_read(payments, lambda ref: self.disputes_of(ref)[::-1], payment_of=str):
            if isinstance(facts, NotRead) or facts.opened_at >= since:
                yield facts

    def _payments_in(self, case_ref: str) -> list[str]:
        with translated(moves_money=False):
            return disputes.captures_in(self._client, case_ref)

    def _refunded(self, request: RefundRequest) -> Answer:
        path = f"{CAPTURES}/{identifier(request.payment_ref)}/refund"
        content: dict[str, Any] = {"amount": to_paypal(request.amount)}
        if refund_id := request.metadata.get("refund_id"):
            content["invoice_id"] = refund_invoice_id(refund_id, self._environment)
        if payment_id := request.metadata.get("payment_id"):
            content["custom_id"] = payment_id
        try:
            return self._client.post(path, content, request_id=request.key, once=True)
        except Refused as refused:
            if refused.status != 404:
                raise
        return sales.refund(self._client, request, environment=self._environment)

    def _capture(self, payment_ref: str) -> tuple[dict[str, Any] | None, bool]:
        """By its own id or its order's, None when the order has none; and whether it is a sale. Raises
        UnknownReference."""
        try:
            return read(self._client, CAPTURES, payment_ref).content, False
        except UnknownReference:
            pass
        try:
            order = read(self._client, ORDERS, payment_ref).content
        except UnknownReference:
            return sales.read_sale(self._client, payment_ref).content, True
        with readable("order"):
            return telling_capture(order), False

    def _went_back(self, capture: Mapping[str, Any], *, is_sale: bool) -> disputes.WentBack:
        if is_sale:
            return sales.went_back(self._client, capture)
        with readable("capture"):
            order_ref, capture_ref = order_of(capture), str(capture["id"])
        try:
            refunds = refunds_in(read(self._client, ORDERS, order_ref or "").content, capture_ref)
        except UnknownReference:
            refunds = self._told_of(capture)
        with translated(moves_money=False):
            return disputes.split(self._client, capture, refunds, self._environment)

    def _told_of(self, capture: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What went back of a capture whose order PayPal does not show any more: what the events of 30 days told of.

        Raises UnknownReference unless that is all, by the capture's own word: what is only not seen would be taken for
        never given.
        """
        if capture.get("status") == "COMPLETED" and not disputes.may_be_reversed(capture):
            return []
        with translated(moves_money=False):
            told = resources(self._client, (*_TOLD_OF_REFUNDS, disputes.REVERSED), of=str(capture["id"]))
        found = [read(self._client, _REFUNDS, each).content for each in told]
        if not accounts_for(capture, found):
            raise UnknownReference("PayPal does not show any more what went back of this capture")
        return found

    def _refund(
        self, refund: Mapping[str, Any], capture_ref: str | None, request_id: str | None = None
    ) -> RefundResult:
        return refund_of(refund, environment=self._environment, capture_ref=capture_ref, request_id=request_id)


def _payment_of(told: Mapping[str, Any]) -> str | None:
    """The capture or sale of a refund, as far as its event names it."""
    sale = told.get("sale_id")
    return sale if isinstance(sale, str) else linked(told, "up") or linked(told, "sale")
