"""A story whose subscription Stripe charges: begun with a card, by the guide's body; both books side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Invoice
from payments.queries import amounts_of
from payments.tests.methods_world import in_the_browser
from subscriptions.tests.story_there import Row, StoryThere, came


class StripeStory(StoryThere):
    there: StripeWorld
    there_is = "stripe"

    def begins(self, method: str = "pm_1234567890", **wanted: Any) -> dict[str, Any]:
        begun = self.starts(paymentMethodId=method, **wanted)
        self.hears()
        return begun

    def saves(self, method: str) -> str:
        """As the page does: typed at Stripe, found in the list, and chosen. Its id."""
        setup = self.asks("post", "/payments/setup-intent", {"type": "card"}, expected=201)
        typed = str(in_the_browser(self.there, setup, method)["payment_method"])
        assert typed in [each["id"] for each in self.asks("get", "/payments/methods/list")["results"]]
        assert self.asks("post", f"/payments/methods/{typed}/default")["isDefault"] is True
        self.hears()
        return typed

    def pays(self, invoice: Invoice, method: str) -> dict[str, Any]:
        """Its owner is there, with this card."""
        body = {"paymentMethod": {"type": "card", "stripePaymentMethodId": method}}
        answer: dict[str, Any] = self.asks("post", f"/invoices/{invoice.id}/pay", body, expected=201)
        self.hears()
        return answer

    def confirms(self, answer: dict[str, Any]) -> None:
        """At the bank, what was begun by that answer."""
        self.there.authenticate(answer["clientSecret"].partition("_secret")[0])
        self.hears()

    def ours(self) -> dict[str, Row]:
        """A bill that Stripe has dropped is credited here as a whole."""
        found = amounts_of(Invoice.objects.all())
        dropped = [number for number, each in found.items() if 0 < each.total == each.credited]
        return {
            each.provider_ref or "": (each.total_minor, came(each), each.period_start, each.period_end)
            for each in Invoice.objects.exclude(id__in=dropped)
        }

    def theirs(self) -> dict[str, Row]:
        """Stripe's bills that ask for money, or did and were paid."""
        charges = [each for each in self.there.objects("charges") if each["paid"]]
        intent_of = {
            each["invoice"]: each["payment"]["payment_intent"] for each in self.there.objects("invoice_payments")
        }
        bills = [each for each in self.there.objects("invoices") if each["status"] in ("open", "paid")]
        return {
            each["id"]: (
                each["total"],
                [charge["amount"] for charge in charges if charge["payment_intent"] == intent_of.get(each["id"])],
                *_period(each),
            )
            for each in bills
        }

    def cash_there(self) -> int:
        """What Stripe holds for us, its fees taken."""
        return sum(each["net"] for each in self.there.objects("balance_transactions"))


def _period(bill: dict[str, Any]) -> tuple[datetime, datetime]:
    """The time that it bills: of a change, the rest of the period at the new terms."""
    lines = bill["lines"]["data"]
    whole = [each for each in lines if not each["parent"]["subscription_item_details"]["proration"]]
    period = (whole or lines)[-1]["period"]
    return datetime.fromtimestamp(period["start"], UTC), datetime.fromtimestamp(period["end"], UTC)
