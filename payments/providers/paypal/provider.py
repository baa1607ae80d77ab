"""The adapter: orders, captures and refunds of PayPal as frozen dataclasses, no model in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
from django.conf import settings

from payments.providers.base import (
    AmountLimits,
    ApprovalRequest,
    ApprovesLater,
    Disputable,
    DisputeFacts,
    NotInThatState,
    NotRead,
    Outcome,
    PaymentResult,
    RefundRequest,
    RefundResult,
    Refunds,
    SendsEvents,
    SignedEvent,
    Topic,
    UnderWay,
    UnknownReference,
)
from payments.providers.paypal import disputes, events
from payments.providers.paypal.amounts import limits, to_paypal
from payments.providers.paypal.certificates import Certificates
from payments.providers.paypal.client import LIVE, SANDBOX, PayPalClient, identifier
from payments.providers.paypal.errors import Refused, translated
from payments.providers.paypal.ipn_channel import Account, IpnChannel
from payments.providers.paypal.listing import resources
from payments.providers.paypal.one_by_one import each_read
from payments.providers.paypal.orders import CAPTURES, ORDERS, Orders, read
from payments.providers.paypal.reading import (
    accounts_for,
    completed,
    linked,
    order_of,
    readable,
    refund_invoice_id,
    refund_of,
    refunds_in,
    telling_capture,
)
from payments.providers.paypal.verifying import Verifier

_REFUNDS = "/v2/payments/refunds"
_TOLD_OF_PAYMENTS = tuple(f"PAYMENT.CAPTURE.{name}" for name in ("COMPLETED", "PENDING", "DENIED", "DECLINED"))
_TOLD_OF_REFUNDS = ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED")

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class PayPalProvider(ApprovesLater, Refunds, Disputable, SendsEvents, IpnChannel):
    """A payment is PayPal's order, its money the order's capture. `environment` is sent along with every order, and one
    that names another is not ours; `brand_name` is what the payer reads on PayPal's page, `account` who is paid."""

    name: ClassVar[str] = "paypal"
    methods: ClassVar[frozenset[str]] = frozenset({"paypal"})
    topics: ClassVar[Mapping[str, Topic]] = events.TOPICS

    def __init__(
        self,
        client: PayPalClient,
        verifier: Verifier,
        *,
        environment: str,
        livemode: bool = False,
        brand_name: str = "",
        account: Account | None = None,
    ) -> None:
        self._client, self._verifier = client, verifier
        self._orders = Orders(client, environment=environment, brand_name=brand_name)
        self._environment = environment
        self.livemode = livemode
        self.account = account or Account()

    def begin(self, request: ApprovalRequest) -> PaymentResult:
        """See `orders`."""
        return self._orders.begin(request)

    def capture(self, provider_ref: str, *, key: str) -> PaymentResult:
        """See `orders`."""
        return self._orders.capture(provider_ref, key=key)

    def look_up(self, provider_ref: str) -> PaymentResult:
        """By the order, or by its capture where that is all that is known."""
        return self._orders.look_up(provider_ref)

    def find(self, metadata_id: str, *, since: datetime) -> None:
        """PayPal has no list of orders. One whose answer was lost can't take money: nobody was sent to its page."""

    def cancel(self, provider_ref: str) -> PaymentResult:
        """Given up by us alone: PayPal has no call for it, and forgets an order that nobody captures."""
        try:
            result = self.look_up(provider_ref)
        except UnknownReference:
            return PaymentResult(Outcome.CANCELED, provider_ref=provider_ref)
        if result.outcome in (Outcome.SUCCEEDED, Outcome.PROCESSING):
            raise NotInThatState("PayPal has taken the money", request_id=result.request_id)
        return replace(result, outcome=Outcome.CANCELED, approval_url=None, can_capture=False)

    def limits(self, currency: str) -> AmountLimits | None:
        """See `amounts`."""
        return limits(currency)

    def payments_since(self, since: datetime) -> Iterator[PaymentResult | NotRead]:
        """Those with a capture, by the events that told of them; orders that wait for their payer are in no list.

        What an event calls completed is not read, which costs two calls for each: a capture that is complete stays so,
        with its amount, its order, our id and its fee, and the list of events is PayPal's own answer. What goes back of
        it is told by others, which `refunds_since` and `disputes_since` read.
        """
        with translated(moves_money=False):
            told = resources(self._client, _TOLD_OF_PAYMENTS, since)
        yield from each_read(
            told,
            lambda ref: [completed(told[ref], environment=self._environment) or self._orders.by_capture(ref)],
            payment_of=str,
        )

    def refund(self, request: RefundRequest) -> RefundResult:
        """Sent once, and always with the amount: without one PayPal gives back all that is left. The account takes its
        invoice id once, also long after the request is forgotten.

        Source: PayPal Payments v2, POST /v2/payments/captures/{id}/refund (remembers a request id for 45 days).
        """
        path = f"{CAPTURES}/{identifier(request.payment_ref)}/refund"
        content: dict[str, Any] = {"amount": to_paypal(request.amount)}
        if refund_id := request.metadata.get("refund_id"):
            content["invoice_id"] = refund_invoice_id(refund_id, self._environment)
        if payment_id := request.metadata.get("payment_id"):
            content["custom_id"] = payment_id
        with translated(moves_money=True):
            try:
                answer = self._client.post(path, content, request_id=request.key, once=True)
            except Refused as refused:
                if issue := refused.among("DUPLICATE_INVOICE_ID"):
                    facts = {"code": issue, "request_id": refused.request_id}
                    raise UnderWay("PayPal has had this refund before", **facts) from refused
                raise
        return self._refund(answer.content, request.payment_ref, answer.request_id)

    def look_up_refund(self, provider_ref: str) -> RefundResult:
        """Source: PayPal Payments v2, "Show refund details"."""
        answer = read(self._client, _REFUNDS, provider_ref)
        return self._refund(answer.content, None, answer.request_id)

    def refunds_of(self, payment_ref: str) -> list[RefundResult]:
        """By a capture, or by its order. What was reversed is no refund: see `disputes`."""
        capture = self._capture(payment_ref)
        given, _ = self._went_back(capture) if capture else ((), ())
        found = [self._refund(each, str(capture and capture["id"])) for each in given]
        return sorted(found, key=lambda each: each.created_at or _LONG_AGO)

    def refunds_since(self, since: datetime) -> Iterator[RefundResult | NotRead]:
        """By the events that told of them."""
        with translated(moves_money=False):
            told = resources(self._client, _TOLD_OF_REFUNDS, since)
        yield from each_read(
            told, lambda ref: [self.look_up_refund(ref)], payment_of=lambda ref: linked(told[ref], "up")
        )

    def disputes_of(self, payment_ref: str) -> list[DisputeFacts]:
        """Disputes, and what was reversed without one. Source: PayPal Disputes v1, "List disputes"."""
        capture = self._capture(payment_ref)
        if capture is None:
            return []
        with translated(moves_money=False):
            cases = disputes.of_capture(self._client, str(capture["id"]))
        given, reversals = self._went_back(capture) if cases or disputes.may_be_reversed(capture) else ((), ())
        return disputes.facts_of(capture, cases, given=given, reversals=reversals)

    def disputes_since(self, since: datetime) -> Iterator[DisputeFacts | NotRead]:
        """By the list of disputes, and the events that told of reversals. A capture that PayPal does not know may be
        none that we could: the account may take money in other ways too."""
        with translated(moves_money=False):
            cases = disputes.cases_since(self._client, since)
            reversals = resources(self._client, (disputes.REVERSED,), since)
        captures: dict[str, None] = {}
        for found in [
            *each_read(cases, self._captures_in),
            *each_read(reversals, lambda ref: [linked(reversals[ref], "up") or self.look_up_refund(ref).payment_ref]),
        ]:
            if isinstance(found, NotRead):
                yield found
            elif found:
                captures[found] = None
        for facts in each_read(captures, lambda ref: self.disputes_of(ref)[::-1], payment_of=str):
            if isinstance(facts, NotRead) or facts.opened_at >= since:
                yield facts

    def _captures_in(self, case_ref: str) -> list[str]:
        with translated(moves_money=False):
            return disputes.captures_in(self._client, case_ref)

    def verify(
        self,
        body: bytes,
        headers: Mapping[str, str],
        now: datetime,
        *,
        before_asking: Callable[[], None] = lambda: None,
    ) -> SignedEvent:
        """See `events` and `verifying`. A copy of a genuine event passes: the inbox keeps each once."""
        event = events.read(body, livemode=self.livemode)
        self._verifier.check(body, headers, now, before_asking=before_asking)
        return event

    def _capture(self, payment_ref: str) -> dict[str, Any] | None:
        """By its own id or its order's; None when the order has none. Raises UnknownReference."""
        try:
            return read(self._client, CAPTURES, payment_ref).content
        except UnknownReference:
            order = read(self._client, ORDERS, payment_ref).content
        with readable("order"):
            return telling_capture(order)

    def _went_back(self, capture: Mapping[str, Any]) -> disputes.WentBack:
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


def from_settings(transport: httpx.BaseTransport | None = None) -> PayPalProvider:
    """The adapter as the environment describes it; `transport` is how its requests travel, the network by default."""
    live = settings.PAYPAL_ENVIRONMENT == "live"
    client = PayPalClient(
        settings.PAYPAL_CLIENT_ID,
        settings.PAYPAL_CLIENT_SECRET,
        api_base=settings.PAYPAL_API_BASE or (LIVE if live else SANDBOX),
        transport=transport,
    )
    certificates = Certificates(
        live=live,
        ca_file=settings.PAYPAL_WEBHOOK_CA_FILE or None,
        local_base=settings.PAYPAL_API_BASE or None,
        transport=transport,
    )
    webhook_id, mode = settings.PAYPAL_WEBHOOK_ID, settings.PAYPAL_WEBHOOK_VERIFICATION
    verifier = Verifier(client, certificates, webhook_id=webhook_id, mode=mode)
    return PayPalProvider(
        client,
        verifier,
        environment=settings.PROVIDER_ENVIRONMENT,
        livemode=live,
        brand_name=settings.ISSUER_NAME,
        account=Account(settings.PAYPAL_MERCHANT_ID, settings.PAYPAL_MERCHANT_EMAIL, transport),
    )
