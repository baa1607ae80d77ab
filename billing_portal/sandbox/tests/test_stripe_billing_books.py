"""Whatever is done to subscriptions in whatever order, the stand-in's books add up."""

import random
from datetime import UTC, datetime

import pytest
import stripe

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.sandbox.stripe.checking import check_answer
from billing_portal.sandbox.tests.conftest import Panel, connect
from billing_portal.sandbox.tests.stripe_billing import at

CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired")
BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
PRICES = ((4900, "month", 1), (19, "month", 1), (9901, "month", 3), (49_000, "year", 1))
DAY = 86_400


class Life:
    """A customer who does anything, by the dice of a seed."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.sandbox = StripeSandbox(None)
        self.client, self.panel = connect(self.sandbox).v1, Panel(self.sandbox)
        self.now = at("2026-11-01")
        self.to_the_clock(0)
        product = self.client.products.create({"name": "Professional"}).id
        self.prices = [
            self.client.prices.create(
                {
                    "product": product,
                    "currency": "usd",
                    "unit_amount": amount,
                    "recurring": {"interval": interval, "interval_count": count},
                }
            ).id
            for amount, interval, count in PRICES
        ]
        self.client.coupons.create({"id": "SHARE", "percent_off": 33, "duration": "forever"})
        self.client.coupons.create({"id": "ONCE", "amount_off": 700, "currency": "usd", "duration": "once"})
        self.customer = self.client.customers.create({}).id
        self.take_a_card()

    def take_a_card(self):
        card = self.client.payment_methods.attach(self.dice.choice(CARDS), {"customer": self.customer}).id
        self.client.customers.update(self.customer, {"invoice_settings": {"default_payment_method": card}})

    def to_the_clock(self, days):
        self.now += int(days * DAY)
        self.panel.ask("POST", "clock", {"now": f"{_text(self.now)}Z"})

    def some(self, kind):
        found = self.panel.objects(kind)
        return self.dice.choice(found) if found else None

    def subscribe(self):
        params = {"customer": self.customer, "items": [{"price": self.dice.choice(self.prices), "quantity": 3}]}
        if self.dice.random() < 0.3:
            params["trial_period_days"] = self.dice.randint(1, 20)
        if self.dice.random() < 0.4:
            params["discounts"] = [{"coupon": self.dice.choice(["SHARE", "ONCE"])}]
        self.client.subscriptions.create({**params, "payment_behavior": self.dice.choice(BEHAVIORS[:3])})

    def change(self):
        if sub := self.some("subscriptions"):
            item = {"id": sub["items"]["data"][0]["id"], "quantity": self.dice.randint(1, 9)}
            if self.dice.random() < 0.5:
                item["price"] = self.dice.choice(self.prices)
            params = {
                "items": [item],
                "proration_behavior": self.dice.choice(["none", "always_invoice", "create_prorations"]),
            }
            self.client.invoices.create_preview({"subscription": sub["id"], "subscription_details": dict(params)})
            self.client.subscriptions.update(sub["id"], {**params, "payment_behavior": self.dice.choice(BEHAVIORS)})

    def decide(self):
        if sub := self.some("subscriptions"):
            word = self.dice.choice(
                [
                    {"cancel_at_period_end": self.dice.random() < 0.5},
                    {"pause_collection": {"behavior": "void"}},
                    {"pause_collection": ""},
                    {"trial_end": "now"},
                ]
            )
            self.client.subscriptions.update(sub["id"], word)

    def cancel(self):
        if (sub := self.some("subscriptions")) and self.dice.random() < 0.3:
            self.client.subscriptions.cancel(sub["id"], {"prorate": True, "invoice_now": self.dice.random() < 0.5})

    def collect(self):
        if invoice := self.some("invoices"):
            verb = self.dice.choice(["pay", "pay", "elsewhere", "void", "authenticate"])
            if verb == "pay":
                self.client.invoices.pay(invoice["id"], {"payment_method": "pm_card_visa"})
            elif verb == "elsewhere":
                self.client.invoices.pay(invoice["id"], {"paid_out_of_band": True})
            elif verb == "void":
                self.client.invoices.void_invoice(invoice["id"])
            elif intent := self.some("payment_intents"):
                self.panel.raw("POST", "authenticate", {"id": intent["id"], "outcome": "succeeded"})

    def renew(self):
        if sub := self.some("subscriptions"):
            outcome = self.dice.choice(["paid", "failed"])
            self.panel.raw("POST", "bill", {"subscriptionId": sub["id"], "outcome": outcome})

    def schedule(self):
        if (sub := self.some("subscriptions")) and not sub["schedule"]:
            made = self.client.subscription_schedules.create({"from_subscription": sub["id"]})
            first = made.phases[0]
            now = {"items": [{"price": i.price, "quantity": i.quantity} for i in first["items"]]}
            later = {"items": [{"price": self.dice.choice(self.prices)}]}
            phases = [{**now, "start_date": first.start_date, "end_date": first.end_date}, later]
            self.client.subscription_schedules.update(made.id, {"phases": phases})

    def step(self):
        verbs = [self.subscribe, self.change, self.change, self.decide, self.cancel, self.collect, self.collect]
        verbs += [self.renew, self.schedule, self.take_a_card, lambda: self.to_the_clock(self.dice.uniform(0, 20))]
        try:
            self.dice.choice(verbs)()
        except (stripe.InvalidRequestError, stripe.CardError):
            """Not every act fits every state."""


def _text(seconds):
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


@pytest.mark.parametrize("seed", range(12))
def test_the_books_add_up_after_any_life(seed):
    life = Life(seed)
    for _ in range(60):
        life.step()
    panel = life.panel
    intents = {intent["id"]: intent for intent in panel.objects("payment_intents")}
    subscriptions = {sub["id"]: sub for sub in panel.objects("subscriptions")}
    paid = 0
    for invoice in panel.objects("invoices"):
        check_answer(stripe.Invoice, invoice)
        lines = invoice["lines"]["data"]
        off = sum(each["amount"] for line in lines for each in line["discount_amounts"])
        assert invoice["subtotal"] == sum(line["amount"] for line in lines)
        assert invoice["total"] == invoice["subtotal"] - off
        assert invoice["amount_due"] == invoice["amount_paid"] + invoice["amount_remaining"]
        if invoice["status"] != "draft" and invoice["number"]:
            carried = invoice["ending_balance"] - invoice["starting_balance"]
            assert invoice["total"] == invoice["amount_due"] + carried
        paid += invoice["amount_paid"] - invoice["amount_paid_off_stripe"] if invoice["status"] == "paid" else 0
    payments = [each for each in panel.objects("invoice_payments") if each["status"] == "paid"]
    assert sum(each["amount_paid"] for each in payments) == paid
    assert sum(each["amount_received"] for each in intents.values()) == paid
    assert all(intents[each["payment"]["payment_intent"]]["status"] == "succeeded" for each in payments)
    moved = sum(each["amount"] for each in panel.objects("customer_balance_transactions"))
    assert panel.objects("customers")[0]["balance"] == moved
    for sub in subscriptions.values():
        check_answer(stripe.Subscription, sub)
        item = sub["items"]["data"][0]
        assert item["current_period_start"] < item["current_period_end"]
        assert (sub["status"] in ("canceled", "incomplete_expired")) == (sub["ended_at"] is not None)
        if sub["status"] in ("active", "past_due", "trialing"):
            assert item["current_period_end"] > life.now
    life.sandbox.close()
