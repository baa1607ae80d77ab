"""Stripe's invoices as the portal's bills: what they hold, and how they are paid."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing_portal.kit.money import Money
from billing_portal.tests.stripe_world import StripeWorld
from payments.providers.errors import (
    NotInThatState,
    OutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    UnknownReference,
)
from payments.providers.facts import Outcome
from payments.providers.stripe.bill_reading import bill_of, intent_of
from payments.providers.stripe.bills import with_all_lines
from payments.tests.provider_stripe_subscriptions.life import FIRST, LATER, MIDDLE, Life


@pytest.fixture
def owing(life: Life, stripe: StripeWorld) -> str:
    """A subscription whose second month was declined."""
    reference = life.start().provider_ref
    stripe.panel("POST", "bill", {"subscriptionId": reference, "outcome": "failed"})
    return reference


def test_a_bill_tells_its_number_its_period_and_its_payment_with_the_fee(life: Life) -> None:
    facts = life.start()
    (bill,) = life.bills(facts.provider_ref)
    assert bill.number and bill.subscription_ref == facts.provider_ref
    assert (bill.period, bill.issued_at, bill.lines[0].period) == ((FIRST, LATER), FIRST, (FIRST, LATER))
    assert bill.lines[0].title.startswith("3 × Team")
    assert bill.payment.fee and bill.payment.method.last4 == "4242"
    assert bill.payment.payment_id is None, "Stripe made the payment, and knows no row of ours"


def test_bills_are_listed_from_an_instant_on(life: Life, owing: str) -> None:
    assert len(life.bills(owing)) == 2
    assert life.provider.bills_of(owing, since=FIRST + timedelta(days=365)) == []


def test_a_draft_is_no_bill_yet(life: Life, stripe: StripeWorld, monkeypatch: Any) -> None:
    stripe.panel("POST", "settings", {"afterRetries": "unpaid"})
    facts = life.start()
    life.provider.charge_with(facts.provider_ref, method_ref=life.card("pm_card_chargeCustomerFail"))
    stripe.clock(datetime(2027, 1, 2, tzinfo=UTC))  # all tries failed, and Stripe goes on with drafts
    assert life.now(facts.provider_ref).status == "unpaid"
    assert "draft" in [each["status"] for each in stripe.objects("invoices")]
    assert [each.status for each in life.bills(facts.provider_ref)] == ["paid", "open"]


def test_the_next_try_of_stripe_is_told_with_the_bill_and_the_subscription(life: Life, owing: str) -> None:
    facts, bill = life.now(owing), life.bill(owing)
    assert (facts.status, bill.status) == ("past_due", "open")
    assert facts.next_try_at == bill.next_try_at == bill.issued_at + timedelta(days=3)


def test_a_bill_whose_payer_must_confirm_has_the_secret(life: Life, owing: str, stripe: StripeWorld) -> None:
    asked = life.provider.pay_bill(
        life.bill(owing).provider_ref, method_ref=life.card("pm_card_authenticationRequired"), key="pay:1"
    )
    assert (asked.status, asked.payment.outcome) == ("open", Outcome.REQUIRES_ACTION)
    assert asked.payment.client_secret and asked.payment.client_secret == life.now(owing).client_secret
    stripe.authenticate(asked.payment.provider_ref)
    assert (life.bill(owing).status, life.now(owing).client_secret) == ("paid", None)


def test_without_a_method_a_bill_is_paid_with_the_subscriptions_own(life: Life, owing: str) -> None:
    assert life.provider.pay_bill(life.bill(owing).provider_ref, key="pay:1").status == "paid"


def test_a_bill_that_a_bank_is_paying_is_not_paid_again_or_elsewhere(
    life: Life, owing: str, stripe: StripeWorld
) -> None:
    reference, account = life.bill(owing).provider_ref, stripe.bank_account(life.customer)
    for key in ("pay:1", "pay:2"):
        bill = life.provider.pay_bill(reference, method_ref=account, key=key)
        assert (bill.status, bill.payment.outcome) == ("open", Outcome.PROCESSING)
    with pytest.raises(NotInThatState):
        life.provider.paid_elsewhere(reference)


def test_a_void_bill_is_paid_by_nobody(life: Life, owing: str, stripe: StripeWorld) -> None:
    reference = life.bill(owing).provider_ref
    stripe.api.invoices.void_invoice(reference)
    for pay in (
        lambda: life.provider.pay_bill(reference, key="pay:1"),
        lambda: life.provider.paid_elsewhere(reference),
        lambda: life.provider.stop_collecting(reference),
    ):
        with pytest.raises(NotInThatState):
            pay()


def test_what_is_not_there_is_unknown(life: Life) -> None:
    for ask in (
        lambda: life.provider.pay_bill("in_nobody", key="pay:1"),
        lambda: life.provider.paid_elsewhere("in_nobody"),
        lambda: life.provider.stop_collecting("in_nobody"),
    ):
        with pytest.raises(UnknownReference):
            ask()


def test_another_customers_method_pays_nothing(life: Life, owing: str, stripe: StripeWorld) -> None:
    other = life.provider.create_customer(email="b@b.example", name="B", key="cus:b", metadata={})
    with pytest.raises(UnknownReference):
        life.provider.pay_bill(life.bill(owing).provider_ref, method_ref=stripe.saved_method(other), key="pay:1")


def test_a_lost_answer_to_a_payment_is_unknown_and_the_same_key_tells_it(
    life: Life, owing: str, stripe: StripeWorld
) -> None:
    reference = life.bill(owing).provider_ref
    stripe.fault("drop_after", f"/v1/invoices/{reference}/pay")
    with pytest.raises(OutcomeUnknown):
        life.provider.pay_bill(reference, key="pay:1")
    assert life.provider.pay_bill(reference, key="pay:1").status == "paid"
    assert stripe.taken() == [3_000, 3_000]


def test_an_answer_that_is_lost_while_looking_is_no_unknown_outcome(
    life: Life, owing: str, stripe: StripeWorld
) -> None:
    stripe.fault("drop_before", "/v1/invoices", method="GET", times=2)
    with pytest.raises(ProviderUnavailable):
        life.bills(owing)


@pytest.fixture
def invoice(life: Life, stripe: StripeWorld) -> dict[str, Any]:
    """A paid one of 30 dollars, to be read in other shapes."""
    life.start()
    return copy.deepcopy(stripe.objects("invoices")[-1])


def taxed(invoice: dict[str, Any], behavior: str) -> dict[str, Any]:
    (line,) = invoice["lines"]["data"]
    tax = {"amount": 300, "tax_behavior": behavior, "tax_rate_details": {"tax_rate": "txr_1"}, "taxable_amount": 3_000}
    line["taxes"] = [tax]
    if behavior == "inclusive":
        tax["taxable_amount"] = 2_700
    else:
        invoice["total"] += 300
    return {**invoice, "total_taxes": [tax]}


@pytest.mark.parametrize(("behavior", "net"), [("exclusive", 3_000), ("inclusive", 2_700)])
def test_taxes_stand_beside_the_lines_whether_the_price_includes_them_or_not(
    invoice: dict[str, Any], behavior: str, net: int
) -> None:
    bill = bill_of(taxed(invoice, behavior), None, {"txr_1": {"display_name": "VAT", "percentage": 11.5}})
    (tax,) = bill.taxes
    assert (tax.name, tax.rate, tax.taxable, tax.amount) == ("VAT", "11.5", Money(net, "usd"), Money(300, "usd"))
    assert [line.amount for line in bill.lines] == [Money(net, "usd")]
    assert bill.total == Money(net + 300, "usd")


def test_a_tax_without_a_name_is_told_by_its_amount(invoice: dict[str, Any]) -> None:
    (tax,) = bill_of(taxed(invoice, "exclusive"), None, {}).taxes
    assert (tax.name, tax.rate) == ("Tax", "10")


def test_lines_that_do_not_come_to_the_total_are_booked_by_nobody(invoice: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected):
        bill_of({**invoice, "total": 2_999}, None, {})


def test_a_payment_that_nobody_has_tried_is_none(invoice: dict[str, Any], stripe: StripeWorld) -> None:
    intent = {**stripe.objects("payment_intents")[-1], "latest_charge": None, "payment_method": None}
    untried = {**intent, "status": "requires_payment_method", "last_payment_error": None}
    assert bill_of({**invoice, "status": "open"}, untried, {}).payment is None
    waiting = bill_of({**invoice, "status": "open"}, {**intent, "status": "requires_confirmation"}, {}).payment
    assert (waiting.outcome, waiting.client_secret) == (Outcome.REQUIRES_ACTION, intent["client_secret"])


def test_all_lines_of_a_long_bill_are_read(invoice: dict[str, Any], stripe: StripeWorld) -> None:
    shown = {**invoice, "lines": {**invoice["lines"], "data": [], "has_more": True}}
    whole = with_all_lines(stripe.api, shown)
    assert [line["amount"] for line in whole["lines"]["data"]] == [3_000]
    assert bill_of(whole, None, {}).total == Money(3_000, "usd")


def test_what_was_too_little_to_be_charged_comes_with_the_next_bill(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(life.price(20), seats=1)
    stripe.clock(datetime(2027, 1, 1, tzinfo=UTC))
    bills = life.bills(facts.provider_ref)
    for bill in bills:
        paid = bill.payment.amount.minor if bill.payment else 0
        assert paid + (bill.credited.minor if bill.credited else 0) == bill.total.minor == 20
    assert [bill.payment.amount.minor for bill in bills if bill.payment] == [60]


def test_a_void_bill_has_used_no_credit(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(seats=10)
    stripe.clock(MIDDLE)
    life.provider.change_subscription(life.change(facts, seats=8))
    stripe.panel("POST", "bill", {"subscriptionId": facts.provider_ref, "outcome": "failed"})
    owed = life.bill(facts.provider_ref)
    assert (owed.total.minor, owed.credited.minor, owed.payment.amount.minor) == (8_000, 1_000, 7_000)
    stripe.api.invoices.void_invoice(owed.provider_ref)
    assert life.bill(facts.provider_ref).credited is None


def test_a_payment_that_was_given_up_does_not_stand_for_the_one_that_is_open(invoice: dict[str, Any]) -> None:
    def payment(intent: str, status: str, created: int) -> dict[str, Any]:
        return {"status": status, "created": created, "payment": {"type": "payment_intent", "payment_intent": intent}}

    payments = [payment("pi_old", "canceled", 1), payment("pi_open", "open", 2), payment("pi_late", "canceled", 3)]
    assert intent_of({**invoice, "status": "open", "payments": {"data": payments}}) == "pi_open"
    assert intent_of({**invoice, "status": "paid", "payments": {"data": payments}}) is None
    assert intent_of({**invoice, "status": "void", "payments": {"data": payments[::2]}}) == "pi_late"
