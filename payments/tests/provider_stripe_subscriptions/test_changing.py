"""Changes at Stripe: the preview is the change, what waits for its payment, and what comes at the period's end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing_portal.kit.money import Money
from billing_portal.tests.stripe_world import StripeWorld
from payments.providers.errors import NotInThatState, OutcomeUnknown, ProviderError, ProviderRejected, UnknownReference
from payments.providers.facts import Outcome
from payments.providers.recurring import Coupon
from payments.tests.provider_stripe_subscriptions.life import FIRST, LATER, MIDDLE, Life

PREVIEW, SCHEDULES = "/v1/invoices/create_preview", "/v1/subscription_schedules"
USD = Money.zero("usd")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    old=st.tuples(st.integers(50, 9_999), st.integers(1, 12)),
    new=st.tuples(st.integers(50, 9_999), st.integers(1, 12)),
    cycle=st.sampled_from(["monthly", "yearly"]),
    seconds=st.integers(0, 30 * 86_400 - 600),
    coupon=st.sampled_from([None, Coupon("HALF", percent_off="50"), Coupon("FIVE", amount_off=Money(500, "usd"))]),
    before=st.none() | st.integers(1, 12),
)
def test_a_change_costs_exactly_what_its_preview_said(old, new, cycle, seconds, coupon, before):
    """Line by line and in total, after another change too; and Stripe was sent the same in both."""
    world = StripeWorld()
    try:
        world.clock(FIRST)
        life = Life(world)
        facts = life.start(life.price(old[0]), seats=old[1], coupon=coupon)
        at = FIRST + timedelta(seconds=seconds)
        world.clock(at)
        if before:
            life.provider.change_subscription(life.change(facts, at=at, seats=before, key="change:0"))
        price = life.price(new[0], cycle=cycle)
        request = life.change(facts, price_ref=price, seats=new[1], at=at, changes_cycle=cycle == "yearly")
        cost = life.provider.preview_change(request)
        world.clock(at + timedelta(minutes=9))  # in the same period: its payer thinks about it
        changed = life.provider.change_subscription(request)
        bill = life.bill(facts.provider_ref)
        assert (bill.lines, bill.taxes, bill.total) == (cost.lines, cost.taxes, cost.total)
        assert sum((line.amount for line in bill.lines), USD) == bill.total
        assert (bill.payment.amount if bill.payment else USD) == cost.due
        assert (changed.price_ref, changed.seats, changed.period[1]) == (price, new[1], cost.next_at)
        (preview,) = life.sent("POST", PREVIEW)[:1]
        update = life.sent("POST", f"/v1/subscriptions/{facts.provider_ref}")[-1]
        told = {name: value for name, value in update.items() if name.startswith(("items", "proration"))}
        assert told["proration_date"] == str(int(at.timestamp()))
        assert told == {
            name.removeprefix("subscription_details[").replace("]", "", 1): value
            for name, value in preview.items()
            if name.startswith("subscription_details")
        }
    finally:
        world.close()


def test_what_follows_a_change_is_what_the_preview_said_of_the_bill_after(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(coupon=Coupon("HALF", percent_off="50"))
    stripe.clock(MIDDLE)
    request = life.change(facts, seats=5)
    cost = life.provider.preview_change(request)
    life.provider.change_subscription(request)
    stripe.clock(LATER)
    bill = life.bill(facts.provider_ref)
    assert (bill.total, bill.period[0]) == (cost.next_total, cost.next_at) == (Money(2_500, "usd"), LATER)


def test_another_cycle_now_begins_a_period_and_bills_it(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    stripe.clock(MIDDLE)
    request = life.change(facts, price_ref=life.price(10_000, cycle="yearly"), changes_cycle=True)
    cost = life.provider.preview_change(request)
    assert [line.amount.minor for line in cost.lines] == [-1_500, 30_000]
    assert (cost.due, cost.next_total) == (Money(28_500, "usd"), Money(30_000, "usd"))
    changed = life.provider.change_subscription(request)
    assert changed.period == (MIDDLE, datetime(2027, 11, 16, tzinfo=UTC)) and cost.next_at == changed.period[1]
    bill = life.bill(facts.provider_ref)
    assert (bill.is_change, bill.period) == (False, changed.period), "it bills a whole period, too"
    assert life.provider.change_subscription(request) == changed, "asked again under the same key"


def test_the_bill_after_a_change_of_cycle_has_the_coupon_too(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(coupon=Coupon("HALF", percent_off="50"))
    stripe.clock(MIDDLE)
    cost = life.provider.preview_change(
        life.change(facts, price_ref=life.price(10_000, cycle="yearly"), changes_cycle=True)
    )
    assert (cost.due.minor, cost.next_total.minor) == (15_000 - 750, 15_000)


def test_less_for_the_rest_of_the_month_becomes_credit_that_pays_later_bills(life: Life, stripe: StripeWorld) -> None:
    facts = life.start(seats=10)
    stripe.clock(MIDDLE)
    life.provider.change_subscription(life.change(facts, seats=2))
    stripe.clock(LATER)
    given, used = life.bills(facts.provider_ref)[1:]
    assert (given.status, given.total.minor, given.credited.minor, given.payment) == ("paid", -4_000, -4_000, None)
    assert (used.status, used.total.minor, used.credited.minor, used.payment) == ("paid", 2_000, 2_000, None)
    stripe.clock(datetime(2027, 2, 1, tzinfo=UTC))
    assert [each.payment.amount.minor for each in life.bills(facts.provider_ref)[4:]] == [2_000]


def test_a_change_in_a_trial_costs_nothing_before_its_end(life: Life, stripe: StripeWorld) -> None:
    trial_end = FIRST + timedelta(days=20)
    facts = life.start(trial_end=trial_end)
    stripe.clock(MIDDLE)
    for when, key in (("now", "change:1"), ("period_end", "change:2")):
        request = life.change(facts, seats=5, when=when, key=key)
        cost = life.provider.preview_change(request)
        assert (cost.lines, cost.due, cost.next_total, cost.next_at) == ((), USD, Money(5_000, "usd"), trial_end)
    changed = life.provider.change_subscription(life.change(facts, seats=5))
    assert (changed.status, changed.seats, len(life.bills(facts.provider_ref))) == ("trialing", 5, 1)
    stripe.clock(trial_end)
    assert life.bill(facts.provider_ref).total == Money(5_000, "usd")


def test_nobody_pays_and_the_change_is_dropped_by_stripe(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    life.provider.charge_with(facts.provider_ref, method_ref=life.card("pm_card_chargeCustomerFail"))
    stripe.clock(MIDDLE)
    assert life.provider.change_subscription(life.change(facts, seats=5)).awaits_payment
    stripe.clock(MIDDLE + timedelta(days=1))
    after = life.now(facts.provider_ref)
    assert (after.seats, after.awaits_payment, after.status) == (3, None, "active")
    bill = life.bill(facts.provider_ref)
    assert (bill.status, bill.payment.outcome, bill.credited) == ("void", Outcome.CANCELED, None)


def test_a_payer_confirms_a_change_and_it_is_in_force(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    life.provider.charge_with(facts.provider_ref, method_ref=life.card("pm_card_authenticationRequired"))
    stripe.clock(MIDDLE)
    waiting = life.provider.change_subscription(life.change(facts, seats=5))
    assert waiting.client_secret == life.now(facts.provider_ref).client_secret
    stripe.authenticate(life.bill(facts.provider_ref).payment.provider_ref)
    assert life.now(facts.provider_ref).seats == 5


@pytest.mark.parametrize("cycle", ["monthly", "yearly"])
def test_a_change_takes_the_place_of_the_one_that_was_to_come(life: Life, stripe: StripeWorld, cycle: str) -> None:
    facts = life.start()
    stripe.clock(MIDDLE)
    yearly = life.price(5_000, cycle="yearly")
    first, second = (
        life.change(facts, seats=2, when="period_end", key="change:1"),
        life.change(facts, price_ref=yearly, seats=1, when="period_end", changes_cycle=True, key="change:2"),
    )
    if cycle == "monthly":
        first, second = second, first
    life.provider.change_subscription(first)
    planned = life.provider.change_subscription(second)
    assert (planned.price_ref, planned.seats) == (facts.price_ref, 3)
    assert planned.changes_at == (second.price_ref, second.seats, LATER)
    now = life.provider.change_subscription(life.change(facts, seats=4, key="change:3"))
    assert (now.price_ref, now.seats, now.changes_at) == (facts.price_ref, 4, None)
    assert life.bill(facts.provider_ref).total == Money(500, "usd"), "by what was paid, not by what was to come"
    stripe.clock(LATER)
    assert life.bill(facts.provider_ref).total == Money(4_000, "usd")


def test_back_to_the_terms_in_force_is_no_change_to_come(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    life.provider.change_subscription(life.change(facts, seats=2, when="period_end", key="change:1"))
    back = life.provider.change_subscription(life.change(facts, seats=3, when="period_end", key="change:2"))
    assert (back.seats, back.changes_at) == (3, None)


def test_the_change_to_come_can_not_be_made_now_before_it_is_dropped(life: Life, stripe: StripeWorld) -> None:
    """Stripe would see the very same terms and give nothing back."""
    facts = life.start()
    stripe.clock(MIDDLE)
    life.provider.change_subscription(life.change(facts, seats=2, when="period_end", key="change:1"))
    request = life.change(facts, seats=2, key="change:2")
    for ask in (life.provider.preview_change, life.provider.change_subscription):
        with pytest.raises(NotInThatState):
            ask(request)
    life.provider.drop_change(facts.provider_ref, key="drop:1")
    life.provider.change_subscription(request)
    assert life.bill(facts.provider_ref).total == Money(-500, "usd")


@pytest.mark.parametrize("cycle", ["monthly", "yearly"])
def test_what_ends_changes_no_more(life: Life, stripe: StripeWorld, cycle: str) -> None:
    facts = life.start()
    price = life.price(5_000, cycle=cycle)
    request = life.change(facts, price_ref=price, when="period_end", changes_cycle=cycle == "yearly")
    life.provider.change_subscription(request)
    ending = life.provider.end_with_period(facts.provider_ref, ends=True, reason="Enough")
    assert (ending.cancel_at_period_end, ending.changes_at, ending.price_ref) == (True, None, facts.price_ref)
    with pytest.raises(NotInThatState):
        life.provider.change_subscription(life.change(facts, seats=2, when="period_end", key="change:2"))
    assert life.provider.end_with_period(facts.provider_ref, ends=False) == facts


def test_one_that_ends_may_still_change_now_and_no_bill_follows(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    life.provider.end_with_period(facts.provider_ref, ends=True)
    stripe.clock(MIDDLE)
    cost = life.provider.preview_change(life.change(facts, seats=5))
    assert (cost.due, cost.next_total, cost.next_at) == (Money(1_000, "usd"), USD, LATER)


def test_an_end_that_was_set_for_a_date_is_taken_back_too(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    stripe.api.subscriptions.update(facts.provider_ref, {"cancel_at": int(LATER.timestamp()) - 60})
    assert life.now(facts.provider_ref).cancel_at_period_end
    assert not life.provider.end_with_period(facts.provider_ref, ends=False).cancel_at_period_end
    assert stripe.objects("subscriptions")[0]["cancel_at"] is None


def test_a_new_card_is_charged_after_a_change_of_cycle_too(life: Life, stripe: StripeWorld) -> None:
    """A schedule has a method of its own, which it would go back to."""
    facts = life.start()
    yearly = life.price(5_000, cycle="yearly")
    life.provider.change_subscription(life.change(facts, price_ref=yearly, when="period_end", changes_cycle=True))
    card = life.card("pm_card_mastercard")
    assert life.provider.charge_with(facts.provider_ref, method_ref=card).method_ref == card
    (schedule,) = stripe.objects("subscription_schedules")
    assert schedule["default_settings"]["default_payment_method"] == card
    stripe.clock(LATER)
    assert (life.bill(facts.provider_ref).payment.method.brand, life.now(facts.provider_ref).method_ref) == (
        "mastercard",
        card,
    )


def test_a_schedule_left_half_made_is_used_by_the_next_try(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    yearly = life.price(5_000, cycle="yearly")
    request = life.change(facts, price_ref=yearly, when="period_end", changes_cycle=True)
    stripe.fault("drop_before", f"{SCHEDULES}/*")
    with pytest.raises(OutcomeUnknown):
        life.provider.change_subscription(request)
    assert life.now(facts.provider_ref).changes_at is None
    assert life.provider.change_subscription(request).changes_at == (yearly, 3, LATER)
    assert len(stripe.objects("subscription_schedules")) == 1


@pytest.mark.parametrize(
    ("terms", "raises"), [({"when": "soon"}, ProviderRejected), ({"price_ref": "price_nobody"}, UnknownReference)]
)
def test_what_makes_no_sense_changes_nothing(life: Life, terms: dict[str, str], raises: type[ProviderError]) -> None:
    facts = life.start()
    with pytest.raises(raises):
        life.provider.change_subscription(life.change(facts, at=FIRST, **terms))
    assert life.now(facts.provider_ref) == facts


def test_a_lost_answer_to_a_change_is_unknown_and_the_same_key_tells_it(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    stripe.clock(MIDDLE)
    stripe.fault("drop_after", f"/v1/subscriptions/{facts.provider_ref}")
    request = life.change(facts, seats=5)
    with pytest.raises(OutcomeUnknown):
        life.provider.change_subscription(request)
    assert life.provider.change_subscription(request).seats == 5
    assert len(life.bills(facts.provider_ref)) == 2
