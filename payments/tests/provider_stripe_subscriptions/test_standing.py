"""How Stripe's subscriptions stand: paused, resumed, ended, charged with another card."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing_portal.tests.stripe_world import StripeWorld
from payments.providers.errors import NotInThatState, OutcomeUnknown, ProviderUnavailable
from payments.tests.provider_stripe_subscriptions.life import FIRST, LATER, Life


def test_what_is_billed_in_a_pause_is_void_and_the_next_period_begins_when_it_is_resumed(
    life: Life, stripe: StripeWorld
) -> None:
    facts = life.start()
    assert life.provider.pause_subscription(facts.provider_ref, reason="Holidays").status == "paused"
    stripe.clock(LATER)
    assert [bill.status for bill in life.bills(facts.provider_ref)] == ["paid", "void"]
    assert life.bill(facts.provider_ref).payment is None and stripe.taken() == [3_000]
    back = LATER + timedelta(days=5)
    stripe.clock(back)
    for _ in range(2):
        resumed = life.provider.resume_subscription(facts.provider_ref, reason="Back")
        assert (resumed.status, resumed.period[0]) == ("active", back)
        assert stripe.taken() == [3_000, 3_000], "nobody had paid for the period under way"
    stripe.clock(back + timedelta(days=31))
    assert stripe.taken() == [3_000] * 3


def test_resumed_twice_at_once_it_is_one_period(
    life: Life, stripe: StripeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = life.start()
    life.provider.pause_subscription(facts.provider_ref, reason="Holidays")
    stripe.clock(LATER + timedelta(days=5))
    pass_on, second = stripe.wire.request, ["active"]

    def request(method: str, *more: object, **named: object) -> object:
        """The other click comes after this one has read how it stands, and before it has done anything."""
        if method == "post" and second:
            status = second.pop()
            assert life.provider.resume_subscription(facts.provider_ref, reason="Back").status == status
        return pass_on(method, *more, **named)

    monkeypatch.setattr(stripe.wire, "request", request)
    assert life.provider.resume_subscription(facts.provider_ref, reason="Back").status == "active"
    assert (second, stripe.taken()) == ([], [3_000, 3_000])


def test_one_that_has_not_begun_is_not_paused(life: Life) -> None:
    facts = life.start(method_ref=life.card("pm_card_chargeCustomerFail"))
    with pytest.raises(NotInThatState):
        life.provider.pause_subscription(facts.provider_ref, reason="Holidays")


def test_one_that_stripe_has_paused_for_want_of_a_card_begins_anew(life: Life, stripe: StripeWorld) -> None:
    made = stripe.api.subscriptions.create(
        {
            "customer": life.customer,
            "items": [{"price": life.price(), "quantity": 3}],
            "trial_period_days": 7,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    )
    waiting = life.now(made.id)
    assert (waiting.status, bool(waiting.client_secret)) == ("trialing", True), "a method is still to be given"
    stripe.clock(FIRST + timedelta(days=10))
    assert life.now(made.id).status == "paused"
    life.provider.charge_with(made.id, method_ref=life.visa)
    resumed = life.provider.resume_subscription(made.id, reason="A card is there")
    assert (resumed.status, resumed.period[0]) == ("active", FIRST + timedelta(days=10))
    assert stripe.taken() == [3_000]


def test_a_new_card_is_charged_from_then_on(life: Life, stripe: StripeWorld) -> None:
    facts, card = life.start(), life.card("pm_card_mastercard")
    assert life.provider.charge_with(facts.provider_ref, method_ref=card).method_ref == card
    stripe.clock(LATER)
    assert life.bill(facts.provider_ref).payment.method.brand == "mastercard"


def test_what_ended_is_charged_with_no_other_card(life: Life) -> None:
    facts = life.start()
    life.provider.cancel_subscription(facts.provider_ref, reason="Enough")
    with pytest.raises(NotInThatState):
        life.provider.charge_with(facts.provider_ref, method_ref=life.card())


def test_what_is_owed_stays_owed_when_it_ends_and_is_not_tried_again(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    stripe.panel("POST", "bill", {"subscriptionId": facts.provider_ref, "outcome": "failed"})
    ended = life.provider.cancel_subscription(facts.provider_ref, reason="Enough")
    assert (ended.status, ended.client_secret, ended.ended_at) == ("canceled", None, FIRST)
    bill = life.bill(facts.provider_ref)
    assert (bill.status, bill.next_try_at) == ("open", None)
    assert stripe.objects("subscriptions")[0]["cancellation_details"]["comment"] == "Enough"


def test_what_ended_asks_nobody_to_confirm_and_is_listed_all_the_same(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    stripe.panel("POST", "bill", {"subscriptionId": facts.provider_ref, "outcome": "failed"})
    method = life.card("pm_card_authenticationRequired")
    life.provider.pay_bill(life.bill(facts.provider_ref).provider_ref, method_ref=method, key="pay:1")
    assert life.now(facts.provider_ref).client_secret
    ended = life.provider.cancel_subscription(facts.provider_ref, reason="Enough")
    assert ended.client_secret is None
    assert list(life.provider.subscriptions_since(FIRST)) == [ended]
    assert life.provider.find_subscription(facts.subscription_id, since=FIRST) == ended


def test_a_lost_answer_to_an_end_is_unknown_and_asking_again_tells_it(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    stripe.fault("drop_after", f"/v1/subscriptions/{facts.provider_ref}", method="DELETE")
    with pytest.raises(OutcomeUnknown):
        life.provider.cancel_subscription(facts.provider_ref, reason="Enough")
    assert life.provider.cancel_subscription(facts.provider_ref, reason="Enough").status == "canceled"


def test_a_refused_connection_while_looking_is_unavailable(life: Life, stripe: StripeWorld) -> None:
    facts = life.start()
    stripe.fault("drop_before", f"/v1/subscriptions/{facts.provider_ref}", method="GET", times=2)
    with pytest.raises(ProviderUnavailable):
        life.now(facts.provider_ref)
