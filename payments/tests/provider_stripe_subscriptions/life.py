"""What a customer of Stripe's does about subscriptions, and what its books say, for the adapter's tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from billing_portal.tests.stripe_world import StripeWorld
from payments.providers.contract_recurring import price_request, start_request
from payments.providers.recurring import BillFacts, ChangeRequest, RecurringFacts

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
MIDDLE = datetime(2026, 11, 16, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)


class Life:
    """One customer, whose cards are `card(token)`; its subscriptions are of 3 seats at 10 dollars a month."""

    def __init__(self, stripe: StripeWorld) -> None:
        self.stripe, self.provider = stripe, stripe.provider
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._wire, stripe.wire.request = stripe.wire.request, self._request
        self.customer = self.provider.create_customer(email="a@b.example", name="A", key="cus:a", metadata={})
        self.visa = stripe.saved_method(self.customer)

    def card(self, token: str = "pm_card_visa") -> str:
        """A card of the customer's."""
        return self.stripe.saved_method(self.customer, token)

    def price(self, minor: int = 1_000, currency: str = "usd", **facts: Any) -> str:
        return self.provider.ensure_price(price_request(minor=minor, currency=currency, **facts))

    def start(self, price: str | None = None, **facts: Any) -> RecurringFacts:
        facts = {"method_ref": self.visa, "customer_ref": self.customer, **facts}
        return self.provider.start_subscription(start_request(price or self.price(), **facts))

    def unattached(self, token: str = "pm_card_visa") -> str:
        """A card that nobody has saved, as Stripe.js gives it."""
        return str(self.stripe.api.payment_methods.retrieve(token).id)

    def bills(self, reference: str) -> list[BillFacts]:
        return self.provider.bills_of(reference, since=datetime(2026, 10, 1, tzinfo=UTC))

    def bill(self, reference: str) -> BillFacts:
        """The newest."""
        return self.bills(reference)[-1]

    def change(self, facts: RecurringFacts, **more: Any) -> ChangeRequest:
        """To another number of seats in the middle of the month, unless it is said otherwise."""
        known = {"price_ref": facts.price_ref, "seats": facts.seats, "at": MIDDLE, "when": "now", "key": "change:1"}
        return ChangeRequest(provider_ref=facts.provider_ref, **{**known, **more})

    def now(self, reference: str) -> RecurringFacts:
        return self.provider.look_up_subscription(reference)

    def sent(self, method: str, path: str) -> list[dict[str, str]]:
        """The parameters of the requests to a path, as they left, oldest first."""
        return [given for verb, where, given in self.requests if (verb, where) == (method, path)]

    def _request(self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        parts = urlsplit(url)
        given = dict(parse_qsl(post_data or parts.query, keep_blank_values=True))
        self.requests.append((method.upper(), parts.path, given))
        return self._wire(method, url, headers, post_data, **more)
