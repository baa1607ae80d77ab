"""How a subscription begins at Stripe: paid, declined, to be confirmed, in a trial, with a coupon."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing_portal.kit.money import Money
from billing_portal.tests.stripe_world import StripeWorld
from payments.providers.contract_recurring import start_request
from payments.providers.errors import (
    OutcomeUnknown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    UnfitMethod,
    UnknownCustomer,
    UnknownReference,
)
from payments.providers.facts import Outcome
from payments.providers.recurring import Coupon, MethodDeclined
from payments.tests.provider_stripe_subscriptions.life import FIRST, LATER, Life

SUBSCRIPTIONS = "/v1/subscriptions"


def test_a_good_card_is_charged_at_once_and_kept(stripe: StripeWorld, life: Life) -> None:
    method = life.unattached()
    facts = life.start(method_ref=method)
    assert (facts.status, facts.method_ref, facts.period) == ("active", method, (FIRST, LATER))
    assert method in [each.ref for each in life.provider.saved_methods(life.customer)]
    assert stripe.taken() == [3_000]
    (subscription,) = stripe.objects("subscriptions")
    assert subscription["metadata"] == {
        "subscription_id": facts.subscription_id,
        "tenant_id": subscription["metadata"]["tenant_id"],
        "env": "test",
    }


def test_a_decline_is_incomplete_with_its_reason_in_the_bill(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(method_ref=life.card("pm_card_chargeCustomerFail"))
    assert (facts.status, facts.client_secret) == ("incomplete", None)
    bill = life.bill(facts.provider_ref)
    assert (bill.status, bill.payment.outcome, bill.payment.failure_code) == ("open", Outcome.FAILED, "card_declined")
    assert (bill.next_try_at, stripe.taken()) == (None, [])
    life.provider.pay_bill(bill.provider_ref, method_ref=life.visa, key="pay:1")
    paid = life.now(facts.provider_ref)
    assert (paid.status, paid.method_ref) == ("active", life.visa)


def test_what_is_not_paid_in_a_day_has_lapsed(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(method_ref=life.card("pm_card_chargeCustomerFail"))
    stripe.clock(FIRST + timedelta(days=1))
    lapsed = life.now(facts.provider_ref)
    assert lapsed.status == "canceled"
    assert life.bill(facts.provider_ref).status == "void"


def test_one_that_was_never_paid_is_given_up_at_once(life: Life) -> None:
    facts = life.start(method_ref=life.card("pm_card_authenticationRequired"))
    given_up = life.provider.cancel_subscription(facts.provider_ref, reason="Another one is begun")
    assert (given_up.status, given_up.client_secret) == ("canceled", None)


def test_a_payer_who_has_to_confirm_gets_the_secret_until_they_have(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(method_ref=life.card("pm_card_authenticationRequired"))
    assert facts.status == "incomplete" and facts.client_secret
    assert life.now(facts.provider_ref) == facts, "the secret can be read again"
    bill = life.bill(facts.provider_ref)
    assert (bill.payment.outcome, bill.payment.client_secret) == (Outcome.REQUIRES_ACTION, facts.client_secret)
    stripe.authenticate(bill.payment.provider_ref)
    confirmed = life.now(facts.provider_ref)
    assert (confirmed.status, confirmed.client_secret) == ("active", None)


def test_a_payer_who_does_not_confirm_is_declined(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(method_ref=life.card("pm_card_authenticationRequired"))
    stripe.authenticate(life.bill(facts.provider_ref).payment.provider_ref, "failed")
    assert (life.now(facts.provider_ref).status, life.now(facts.provider_ref).client_secret) == ("incomplete", None)
    assert life.bill(facts.provider_ref).payment.failure_code == "payment_intent_authentication_failure"


def test_a_bank_account_is_active_while_its_debit_is_under_way(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(method_ref=stripe.bank_account(life.customer))
    bill = life.bill(facts.provider_ref)
    assert (bill.status, bill.payment.outcome) == ("open", Outcome.PROCESSING)
    assert facts.client_secret is None
    assert facts.status == life.now(facts.provider_ref).status


def test_a_trial_has_a_bill_of_nothing_and_no_payment(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(trial_end=FIRST + timedelta(days=14))
    assert (facts.status, facts.client_secret, facts.period) == ("trialing", None, (FIRST, FIRST + timedelta(days=14)))
    (bill,) = life.bills(facts.provider_ref)
    assert (bill.status, bill.total, bill.payment, bill.credited) == ("paid", Money.zero("usd"), None, None)
    assert (bill.period, bill.lines[0].amount, bill.is_change) == (facts.period, Money.zero("usd"), False)
    stripe.clock(FIRST + timedelta(days=14))
    assert life.now(facts.provider_ref).status == "active"
    assert life.bill(facts.provider_ref).total == Money(3_000, "usd")


def test_a_trial_whose_card_wants_to_be_confirmed_says_so_at_once(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(method_ref=life.card("pm_card_authenticationRequired"), trial_end=FIRST + timedelta(days=14))
    assert facts.status == "trialing" and facts.client_secret
    (intent,) = [each for each in stripe.objects("setup_intents") if each["client_secret"] == facts.client_secret]
    stripe.authenticate(intent["id"])
    assert life.now(facts.provider_ref).client_secret is None


def test_a_card_that_its_bank_refuses_to_have_saved_leaves_nothing_behind(life: Life, stripe: StripeWorld) -> None:
    with pytest.raises(MethodDeclined) as raised:
        life.start(method_ref=life.unattached("pm_card_visa_chargeDeclinedInsufficientFunds"))
    again = pickle.loads(pickle.dumps(raised.value))
    assert (again.declined.outcome, again.declined.failure_code) == (Outcome.FAILED, "insufficient_funds")
    assert again.declined.failure_message and again.code == "insufficient_funds"
    assert stripe.objects("subscriptions") == []


def test_another_customers_method_is_unknown(life: Life, stripe: StripeWorld) -> None:
    other = life.provider.create_customer(email="b@b.example", name="B", key="cus:b", metadata={})
    with pytest.raises(UnknownReference):
        life.start(method_ref=stripe.saved_method(other))
    assert life.sent("POST", SUBSCRIPTIONS) == [], "nobody asked Stripe to charge it"


def test_a_method_that_was_thrown_away_is_unfit(life: Life) -> None:
    life.provider.forget_method(customer_ref=life.customer, method_ref=life.visa)
    with pytest.raises(UnfitMethod):
        life.start()


@pytest.mark.parametrize(
    ("facts", "raises"),
    [
        ({"customer_ref": "cus_nobody"}, UnknownCustomer),
        ({"customer_ref": None}, ProviderRejected),
        ({"method_ref": "pm_nobody"}, UnknownReference),
        ({"method_ref": None}, UnknownReference),
    ],
)
def test_a_beginning_names_what_is_missing(life: Life, facts: dict[str, Any], raises: type[ProviderError]) -> None:
    with pytest.raises(raises):
        life.start(**{"method_ref": life.unattached(), **facts})


@pytest.mark.parametrize(
    ("fault", "raises"),
    [
        ({"fault": "status", "status": 500}, OutcomeUnknown),
        ({"fault": "drop_after"}, OutcomeUnknown),
        ({"fault": "garbage"}, OutcomeUnknown),
        ({"fault": "rate_limit"}, ProviderUnavailable),
    ],
)
def test_what_goes_wrong_at_the_beginning_has_one_of_our_names(
    life: Life, stripe: StripeWorld, fault: dict[str, Any], raises: type[ProviderError]
) -> None:
    price = life.price()
    stripe.panel("POST", "faults", {"method": "POST", "path": SUBSCRIPTIONS, **fault})
    with pytest.raises(raises):
        life.start(price)


def test_one_of_another_system_that_shares_the_account_is_not_ours(life: Life, stripe: StripeWorld) -> None:
    made = stripe.api.subscriptions.create(
        {
            "customer": life.customer,
            "items": [{"price": life.price()}],
            "default_payment_method": life.visa,
            "metadata": {"subscription_id": "theirs", "env": "staging"},
        }
    )
    assert life.now(made.id).subscription_id is None
    assert life.provider.find_subscription("theirs", since=FIRST) is None


@pytest.mark.parametrize(
    ("coupon", "totals"),
    [
        (Coupon("TEN", percent_off="10", cycles=1), [2_700, 3_000, 3_000]),
        (Coupon("TEN", percent_off="12.5", cycles=2), [2_625, 2_625, 3_000]),
        (Coupon("FIVE", amount_off=Money(500, "usd")), [2_500, 2_500, 2_500]),
        (Coupon("ALL", percent_off="100", cycles=1), [0, 3_000, 3_000]),
    ],
)
def test_a_coupon_takes_off_as_many_bills_as_it_says(
    life: Life, stripe: StripeWorld, coupon: Coupon, totals: list[int]
) -> None:
    facts = life.start(coupon=coupon)
    stripe.clock(datetime(2027, 1, 1, tzinfo=UTC))
    bills = life.bills(facts.provider_ref)
    assert [bill.total.minor for bill in bills] == totals
    assert [sum(line.amount.minor for line in bill.lines) for bill in bills] == totals


@pytest.mark.parametrize("later", [0, 2, 30])
@pytest.mark.parametrize("days", [14, 30, 61])
def test_a_trial_uses_up_nothing_of_a_coupon(life: Life, stripe: StripeWorld, days: int, later: int) -> None:
    """Stripe begins it some seconds after it was asked to."""
    stripe.clock(FIRST + timedelta(seconds=later))
    trial_end = FIRST + timedelta(days=days)
    coupon = Coupon("HALF", percent_off="50", cycles=2)
    facts = life.start(coupon=coupon, trial_end=trial_end, asked_at=FIRST)
    stripe.clock(trial_end + timedelta(days=95))
    assert [bill.total.minor for bill in life.bills(facts.provider_ref)] == [0, 1_500, 1_500, 3_000, 3_000]


def test_a_coupon_is_counted_in_the_cycles_of_its_price(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(life.price(12_000, cycle="yearly"), coupon=Coupon("HALF", percent_off="50", cycles=2))
    stripe.clock(datetime(2028, 11, 1, tzinfo=UTC))
    assert [bill.total.minor for bill in life.bills(facts.provider_ref)] == [18_000, 18_000, 36_000]


def test_a_coupon_is_made_once_and_never_on_other_terms(life: Life, stripe: StripeWorld) -> None:
    for _ in range(2):
        life.start(coupon=Coupon("TEN", percent_off="10"))
    assert len(stripe.objects("coupons")) == 1
    for coupon in (Coupon("TEN", percent_off="20"), Coupon("TEN", amount_off=Money(10, "usd")), Coupon("TEN")):
        with pytest.raises(ProviderRejected):
            life.start(coupon=coupon)


@pytest.mark.parametrize(("minor", "currency"), [(500, "jpy"), (12_340, "kwd"), (50, "isk")])
def test_amounts_keep_their_size_in_every_kind_of_currency(
    life: Life, stripe: StripeWorld, minor: int, currency: str
) -> None:
    facts = life.start(life.price(minor, currency), seats=2)
    (bill,) = life.bills(facts.provider_ref)
    assert bill.total == bill.payment.amount == bill.lines[0].amount == Money(2 * minor, currency)


def test_a_lost_request_is_sent_once(life: Life, stripe: StripeWorld) -> None:
    """Of two tries the second could be refused while the first was taken."""
    request = start_request(life.price(), customer_ref=life.customer, method_ref=life.visa)
    stripe.fault("drop_after", SUBSCRIPTIONS)
    with pytest.raises(OutcomeUnknown):
        life.provider.start_subscription(request)
    assert len(life.sent("POST", SUBSCRIPTIONS)) == 1
    assert life.provider.start_subscription(request).status == "active"
    assert stripe.taken() == [3_000]
