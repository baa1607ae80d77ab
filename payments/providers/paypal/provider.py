"""The adapter: PayPal's orders, captures, refunds and subscriptions as frozen dataclasses, no model in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import httpx
from django.conf import settings

from payments.providers.base import ApprovesLater, SendsEvents
from payments.providers.errors import NotInThatState, UnknownReference
from payments.providers.facts import AmountLimits, ApprovalRequest, NotRead, Outcome, PaymentResult, SignedEvent, Topic
from payments.providers.paypal import bills, events, sales
from payments.providers.paypal.amounts import limits
from payments.providers.paypal.certificates import Certificates
from payments.providers.paypal.client import LIVE, SANDBOX, PayPalClient
from payments.providers.paypal.errors import translated
from payments.providers.paypal.going_back import GoingBack
from payments.providers.paypal.ipn_channel import Account, IpnChannel
from payments.providers.paypal.listing import events as listed_events
from payments.providers.paypal.listing import resources
from payments.providers.paypal.one_by_one import each_read
from payments.providers.paypal.orders import Orders
from payments.providers.paypal.prices import Prices
from payments.providers.paypal.reading import completed, readable
from payments.providers.paypal.subscriptions import Subscriptions
from payments.providers.paypal.verifying import Verifier
from payments.providers.recurring import BillFacts, PriceRequest, RecurringFacts, StartRequest
from payments.providers.revising import ReviseRequest, RevisesSubscriptions

_TOLD_OF_PAYMENTS = tuple(f"PAYMENT.CAPTURE.{name}" for name in ("COMPLETED", "PENDING", "DENIED", "DECLINED"))


class PayPalProvider(ApprovesLater, GoingBack, RevisesSubscriptions, SendsEvents, IpnChannel):
    """A payment is PayPal's order, its money the order's capture; or the sale that pays for a subscription.

    `environment` is sent along with every order, and one that names another is not ours; `brand_name` is what the payer
    reads on PayPal's page, `account` who is paid.
    """

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
        self._prices = Prices(client, environment=environment, brand_name=brand_name)
        self._subscriptions = Subscriptions(client, brand_name=brand_name)
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
        """By the order, or by its capture or its sale where that is all that is known."""
        try:
            return self._orders.look_up(provider_ref)
        except UnknownReference:
            return sales.payment(self._client, provider_ref, environment=self._environment)

    def find(self, metadata_id: str, *, since: datetime) -> PaymentResult | None:
        """By the events that told of money that came, which PayPal keeps for 30 days: there is no list of orders. An
        order that took none is not found, and can't take any once its answer was lost: nobody was sent to its page."""
        with translated(moves_money=False):
            for kind in _TOLD_OF_PAYMENTS:
                for event in listed_events(self._client, kind=kind, since=since):
                    with readable("event"):
                        about = event["resource"]
                        is_it, reference = about.get("custom_id") == metadata_id, about.get("id")
                    if is_it:
                        return self._orders.by_capture(reference)
        return None

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
        """Those with a capture, by the events that told of them; orders that wait for their payer are in no list, and
        sales are told by the bills of their subscriptions.

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

    def ensure_price(self, request: PriceRequest) -> str:
        """See `prices`."""
        return self._prices.ensure(request)

    def start_subscription(self, request: StartRequest) -> RecurringFacts:
        """See `subscriptions`."""
        return self._subscriptions.start(request)

    def look_up_subscription(self, provider_ref: str) -> RecurringFacts:
        """See `subscription_reading`."""
        return self._subscriptions.look_up(provider_ref)

    def find_subscription(self, subscription_id: str, *, since: datetime) -> RecurringFacts | None:
        """Within the 30 days for which PayPal keeps its events."""
        return self._subscriptions.find(subscription_id, since=since)

    def cancel_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """PayPal cancels at once. One that waits for its payer can't be cancelled: it is left to itself."""
        return self._subscriptions.cancel(provider_ref, reason=reason)

    def pause_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """PayPal's suspension. One that was suspended after failures is the same answer."""
        return self._subscriptions.suspend(provider_ref, reason=reason)

    def resume_subscription(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """After a pause, and after failures too."""
        return self._subscriptions.activate(provider_ref, reason=reason)

    def revise_subscription(self, request: ReviseRequest) -> RecurringFacts:
        """See `subscriptions`."""
        return self._subscriptions.revise(request)

    def bills_of(self, provider_ref: str, *, since: datetime) -> list[BillFacts]:
        """See `bills`."""
        return bills.bills_of(self._client, self._subscriptions.read(provider_ref), since=since)

    def subscriptions_since(self, since: datetime) -> Iterator[RecurringFacts]:
        """Within the 30 days for which PayPal keeps its events."""
        return self._subscriptions.since(since)

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
