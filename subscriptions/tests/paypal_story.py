"""A story whose subscription PayPal charges: agreed to by its payer on PayPal's page; both books side by side."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from billing_portal.tests.paypal_world import PayPalWorld
from payments.models import Invoice
from subscriptions.models import PlanPrice, Subscription
from subscriptions.tests.paypal_plans import at_paypal, guide
from subscriptions.tests.story_there import Row, StoryThere, came


class PayPalStory(StoryThere):
    there: PayPalWorld
    there_is = "paypal"

    def asks_for(self, price: PlanPrice, **more: Any) -> dict[str, Any]:
        """The guide's body; its payer is sent to PayPal's page."""
        wanted = guide(at_paypal(price), **more)
        begun: dict[str, Any] = self.asks("post", "/payments/paypal/subscription", wanted, expected=201)
        return begun

    def agrees(self) -> None:
        """Its payer does, and comes back."""
        reference = self.subscription().provider_ref or ""
        self.there.approve(reference)
        self.hears()

    def begins(self, price: PlanPrice, **more: Any) -> None:
        self.asks_for(price, **more)
        self.agrees()

    def fails(self) -> None:
        """PayPal tries to charge it now, and the payer's bank says no."""
        facts = {"subscriptionId": self.subscription().provider_ref, "outcome": "failed"}
        self.there.panel("POST", "bill", facts)
        self.hears()

    def is_there(self) -> str:
        """How PayPal says that the newest one stands."""
        return str(self.there.objects("subscriptions")[-1]["status"])

    def ours(self) -> dict[str, Row]:
        """By the sale that paid each invoice."""
        return {each.provider_ref or "": (each.total_minor, came(each)) for each in Invoice.objects.all()}

    def theirs(self) -> dict[str, Row]:
        sales = {each["id"]: _minor(each["amount"]["total"]) for each in self.there.objects("sales")}
        return {reference: (amount, [amount]) for reference, amount in sales.items()}

    def cash_there(self) -> int:
        """What PayPal holds for us, its fees taken."""
        sales = self.there.objects("sales")
        return sum(_minor(each["amount"]["total"]) - _minor(each["transaction_fee"]["value"]) for each in sales)

    def books_agree(self) -> None:
        """And the period that runs ends when PayPal bills next."""
        super().books_agree()
        for each in self.there.objects("subscriptions"):
            if each["status"] == "ACTIVE":
                due = each["billing_info"]["next_billing_time"]
                assert Subscription.objects.get(provider_ref=each["id"]).period_end == datetime.fromisoformat(due)


def _minor(text: str) -> int:
    return int(Decimal(text) * 100)
