"""What every provider must do that sells plans and runs subscriptions by itself, as tests; see `contract`.

`contract_changing` has the class of those that change them while they run.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from billing_portal.kit.money import Money
from payments.providers.errors import (
    NotInThatState,
    OutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    UnknownReference,
)
from payments.providers.facts import Outcome
from payments.providers.recurring import BillFacts, PriceRequest, RecurringFacts, StartRequest


def price_request(key: str | None = None, *, minor: int = 2_900, currency: str = "usd", **facts: Any) -> PriceRequest:
    return PriceRequest(
        key=key or f"team-{uuid4()}",
        plan_code=facts.pop("plan_code", "team"),
        plan_name=facts.pop("plan_name", "Team"),
        cycle=facts.pop("cycle", "monthly"),
        per_seat=Money(minor, currency),
    )


def start_request(price_ref: str, **facts: Any) -> StartRequest:
    subscription_id = facts.pop("subscription_id", None) or str(uuid4())
    return StartRequest(
        subscription_id=subscription_id,
        tenant_id=str(uuid4()),
        price_ref=price_ref,
        seats=facts.pop("seats", 3),
        key=facts.pop("key", f"sub:{subscription_id}"),
        **facts,
    )


class SellsPlansContract:
    """Fixtures: `provider`, `prices` (a call that gives how many prices the provider has, by its own books)."""

    def test_a_price_is_made_once_and_found_again(self, provider: Any, prices: Any) -> None:
        before, request = prices(), price_request()
        reference = provider.ensure_price(request)
        assert reference and provider.ensure_price(request) == reference
        assert prices() == before + 1

    def test_each_key_is_a_price_of_its_own_even_on_the_same_terms(self, provider: Any, prices: Any) -> None:
        before = prices()
        assert len({provider.ensure_price(price_request()) for _ in range(3)}) == 3
        assert prices() == before + 3

    def test_a_key_is_never_used_for_another_amount_or_cycle(self, provider: Any, prices: Any) -> None:
        reference = provider.ensure_price(price_request("team-1"))
        before = prices()
        for other in ({"minor": 3_000}, {"currency": "eur"}, {"cycle": "yearly"}):
            with pytest.raises(ProviderRejected):
                provider.ensure_price(price_request("team-1", **other))
        assert (prices(), provider.ensure_price(price_request("team-1"))) == (before, reference)


class RunsSubscriptionsContract:
    """Fixtures: `provider`, `start_facts` (what a StartRequest needs besides: who pays, by what, and where they are led
    back to), `agree` (a call with a subscription's reference: its payer does what is left to do, if anything is),
    `bill` (a call with a reference and "paid" or "failed": the provider renews it now), `sold` (the amounts taken for
    subscriptions, by its own books), `lose_starts` (a call that makes the answers to the next beginning get lost),
    `long_ago` and `next_week` (instants of the provider's clock, in whole seconds)."""

    def begun(self, provider: Any, start_facts: Any, agree: Any, **facts: Any) -> RecurringFacts:
        """One that runs, of 3 seats at 29 dollars a month."""
        price = provider.ensure_price(price_request(**facts.pop("price", {})))
        reference = provider.start_subscription(start_request(price, **{**start_facts, **facts})).provider_ref
        agree(reference)
        found: RecurringFacts = provider.look_up_subscription(reference)
        return found

    def test_a_beginning_leads_back_to_our_row(self, provider: Any, start_facts: Any) -> None:
        price = provider.ensure_price(price_request())
        request = start_request(price, **start_facts)
        facts = provider.start_subscription(request)
        assert (facts.subscription_id, facts.price_ref, facts.seats) == (request.subscription_id, price, 3)
        assert facts.status in ("incomplete", "approval_pending", "active") and facts.created_at
        assert facts.approval_url or facts.client_secret or facts.status == "active"

    def test_the_same_key_is_the_same_subscription(
        self, provider: Any, start_facts: Any, agree: Any, sold: Any, long_ago: datetime
    ) -> None:
        request = start_request(provider.ensure_price(price_request()), **start_facts)
        first, again = (provider.start_subscription(request) for _ in range(2))
        assert again == first
        agree(first.provider_ref)
        assert provider.start_subscription(request).provider_ref == first.provider_ref
        assert len(list(provider.subscriptions_since(long_ago))) == 1 and sold() == [8_700]

    def test_a_lost_answer_to_a_beginning_is_found_under_the_same_key_and_by_our_own_id(
        self, provider: Any, start_facts: Any, lose_starts: Any, long_ago: datetime
    ) -> None:
        request = start_request(provider.ensure_price(price_request()), **start_facts)
        lose_starts()
        with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
            provider.start_subscription(request)
        found = provider.find_subscription(request.subscription_id, since=long_ago)
        assert found and found.subscription_id == request.subscription_id
        assert provider.start_subscription(request).provider_ref == found.provider_ref
        assert provider.find_subscription(str(uuid4()), since=long_ago) is None

    def test_a_price_that_is_not_there_is_unknown(self, provider: Any, start_facts: Any) -> None:
        with pytest.raises(UnknownReference):
            provider.start_subscription(start_request("P-NOBODY", **start_facts))

    def test_what_runs_has_paid_for_its_first_period(
        self, provider: Any, start_facts: Any, agree: Any, sold: Any, long_ago: datetime
    ) -> None:
        facts = self.begun(provider, start_facts, agree)
        assert (facts.status, facts.trial_end, facts.ended_at) == ("active", None, None)
        assert facts.period and 28 <= (facts.period[1] - facts.period[0]).days <= 31
        (bill,) = provider.bills_of(facts.provider_ref, since=long_ago)
        self.is_paid(bill, facts, 8_700)
        assert bill.period == facts.period and sold() == [8_700]

    def test_each_renewal_is_a_bill_of_its_own_and_leaves_the_others_as_they_were(
        self, provider: Any, start_facts: Any, agree: Any, bill: Any, sold: Any, long_ago: datetime
    ) -> None:
        reference = self.begun(provider, start_facts, agree).provider_ref
        known: list[BillFacts] = provider.bills_of(reference, since=long_ago)
        for count in (2, 3):
            bill(reference, "paid")
            facts, found = provider.look_up_subscription(reference), provider.bills_of(reference, since=long_ago)
            assert (found[:-1], len(found), found[-1].period) == (known, count, facts.period)
            assert found[-1].period[0] == found[-2].period[1], "the next begins where the last ended"
            self.is_paid(found[-1], facts, 8_700)
            known = found
        assert len({each.provider_ref for each in known}) == 3 and sold() == [8_700] * 3

    def test_a_bill_leads_to_the_payment_that_paid_it(
        self, provider: Any, start_facts: Any, agree: Any, long_ago: datetime
    ) -> None:
        reference = self.begun(provider, start_facts, agree).provider_ref
        (bill,) = provider.bills_of(reference, since=long_ago)
        found = provider.look_up(bill.payment.provider_ref)
        assert (found.outcome, found.amount, found.fee) == (bill.payment.outcome, bill.total, bill.payment.fee)
        assert provider.refunds_of(bill.payment.capture_ref or bill.payment.provider_ref) == []

    def test_a_trial_is_charged_when_it_ends(
        self, provider: Any, start_facts: Any, agree: Any, sold: Any, next_week: datetime
    ) -> None:
        facts = self.begun(provider, start_facts, agree, trial_end=next_week)
        assert (facts.status, facts.trial_end) == ("trialing", next_week)
        assert sold() == []

    def test_a_renewal_that_fails_leaves_it_past_due_until_one_is_paid(
        self, provider: Any, start_facts: Any, agree: Any, bill: Any, sold: Any
    ) -> None:
        reference = self.begun(provider, start_facts, agree).provider_ref
        bill(reference, "failed")
        assert provider.look_up_subscription(reference).status == "past_due"
        bill(reference, "paid")
        assert provider.look_up_subscription(reference).status == "active"
        assert len(sold()) == 2

    def test_pausing_resuming_and_cancelling_twice_is_once(self, provider: Any, start_facts: Any, agree: Any) -> None:
        reference = self.begun(provider, start_facts, agree).provider_ref
        for verb, status in (
            (provider.resume_subscription, "active"),
            (provider.pause_subscription, "paused"),
            (provider.resume_subscription, "active"),
            (provider.pause_subscription, "paused"),
            (provider.cancel_subscription, "canceled"),
        ):
            first = verb(reference, reason="The tenant asked for it")
            assert first.status == status
            assert verb(reference, reason="Again") == first == provider.look_up_subscription(reference)
        assert first.ended_at
        for verb in (provider.resume_subscription, provider.pause_subscription):
            with pytest.raises(NotInThatState):
                verb(reference, reason="Too late")

    def test_an_unknown_reference_is_one(self, provider: Any, long_ago: datetime) -> None:
        for verb in (provider.cancel_subscription, provider.pause_subscription, provider.resume_subscription):
            with pytest.raises(UnknownReference):
                verb("I-NOBODY", reason="There is none")
        with pytest.raises(UnknownReference):
            provider.look_up_subscription("I-NOBODY")
        with pytest.raises(UnknownReference):
            provider.bills_of("I-NOBODY", since=long_ago)

    def test_those_made_since_then_are_listed_newest_first(
        self, provider: Any, start_facts: Any, agree: Any, long_ago: datetime, next_week: datetime
    ) -> None:
        made = {self.begun(provider, start_facts, agree).provider_ref for _ in range(2)}
        found = list(provider.subscriptions_since(long_ago))
        assert {each.provider_ref for each in found} == made
        assert found[0] == provider.look_up_subscription(found[0].provider_ref)
        assert list(provider.subscriptions_since(next_week)) == []

    @pytest.mark.parametrize(("minor", "currency"), [(2_900, "jpy"), (2_900, "eur")])
    def test_amounts_keep_their_size_in_every_kind_of_currency(
        self, provider: Any, start_facts: Any, agree: Any, long_ago: datetime, minor: int, currency: str
    ) -> None:
        facts = self.begun(provider, start_facts, agree, seats=2, price={"minor": minor, "currency": currency})
        (bill,) = provider.bills_of(facts.provider_ref, since=long_ago)
        assert bill.total == bill.payment.amount == Money(2 * minor, currency)

    def is_paid(self, bill: BillFacts, facts: RecurringFacts, minor: int) -> None:
        assert (bill.status, bill.total, bill.subscription_ref) == ("paid", Money(minor, "usd"), facts.provider_ref)
        lines = sum((line.amount for line in bill.lines), Money.zero("usd"))
        assert lines + sum((tax.amount for tax in bill.taxes), Money.zero("usd")) == bill.total
        assert bill.lines[0].seats == facts.seats
        assert bill.payment and (bill.payment.outcome, bill.payment.amount) == (Outcome.SUCCEEDED, bill.total)
        assert bill.payment.provider_ref and bill.issued_at
