"""What every provider must do that changes subscriptions once their payer has agreed, as tests; see
`contract_recurring`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from billing_portal.kit.money import Money
from payments.providers.contract_recurring import price_request, start_request
from payments.providers.errors import NotInThatState, ProviderUnavailable, UnknownReference
from payments.providers.recurring import RecurringFacts
from payments.providers.revising import CannotRevise, ReviseRequest


def revise_request(facts: RecurringFacts, start_facts: Any, **terms: Any) -> ReviseRequest:
    known = {"price_ref": facts.price_ref, "seats": facts.seats, **terms}
    back = {name: start_facts[name] for name in ("return_url", "cancel_url")}
    return ReviseRequest(provider_ref=facts.provider_ref, **known, **back)


class RevisesSubscriptionsContract:
    """Fixtures: `provider`, `start_facts`, `agree`, `bill`, `sold` and `long_ago` as in `contract_recurring`, and
    `lose_revisions` (a call that makes the answer to the next revision get lost)."""

    def begun(self, provider: Any, start_facts: Any, agree: Any) -> Any:
        """One that runs, of 3 seats at 29 dollars a month."""
        reference = provider.start_subscription(
            start_request(provider.ensure_price(price_request()), **start_facts)
        ).provider_ref
        agree(reference)
        facts: RecurringFacts = provider.look_up_subscription(reference)
        assert facts.paid == Money(8_700, "usd")
        return facts

    def test_nothing_changes_before_its_payer_agrees_and_then_the_next_period_is_billed_so(
        self, provider: Any, start_facts: Any, agree: Any, bill: Any, sold: Any, long_ago: datetime
    ) -> None:
        facts = self.begun(provider, start_facts, agree)
        dear = provider.ensure_price(price_request(minor=5_000))
        asked = provider.revise_subscription(revise_request(facts, start_facts, price_ref=dear, seats=4))
        assert asked.approval_url and replace(asked, approval_url=None) == facts
        assert provider.look_up_subscription(facts.provider_ref) == facts
        agree(facts.provider_ref)
        agreed = provider.look_up_subscription(facts.provider_ref)
        assert (agreed.price_ref, agreed.seats, agreed.approval_url) == (dear, 4, None)
        assert (agreed.period, agreed.paid) == (facts.period, Money(8_700, "usd"))
        (first,) = provider.bills_of(facts.provider_ref, since=long_ago)
        assert (first.total, first.period) == (Money(8_700, "usd"), facts.period)
        bill(facts.provider_ref, "paid")
        renewed = provider.look_up_subscription(facts.provider_ref)
        assert (renewed.price_ref, renewed.seats, renewed.paid) == (dear, 4, Money(20_000, "usd"))
        assert renewed.period[0] == facts.period[1] and sold() == [8_700, 20_000]
        second = provider.bills_of(facts.provider_ref, since=long_ago)[-1]
        assert (second.total, second.lines[0].seats, second.period) == (Money(20_000, "usd"), 4, renewed.period)

    def test_left_alone_it_is_billed_as_before(
        self, provider: Any, start_facts: Any, agree: Any, bill: Any, sold: Any
    ) -> None:
        facts = self.begun(provider, start_facts, agree)
        provider.revise_subscription(revise_request(facts, start_facts, seats=4))
        bill(facts.provider_ref, "paid")
        assert sold() == [8_700, 8_700] and provider.look_up_subscription(facts.provider_ref).seats == 3

    def test_another_takes_the_place_of_the_first_and_takes_back_what_was_agreed(
        self, provider: Any, start_facts: Any, agree: Any, bill: Any, sold: Any
    ) -> None:
        facts = self.begun(provider, start_facts, agree)
        for seats in (4, 5):
            asked = provider.revise_subscription(revise_request(facts, start_facts, seats=seats))
            assert (asked.seats, bool(asked.approval_url)) == (3, True)
        agree(facts.provider_ref)
        agreed = provider.look_up_subscription(facts.provider_ref)
        assert agreed.seats == 5
        back = provider.revise_subscription(revise_request(facts, start_facts, seats=3))
        assert (back.seats, bool(back.approval_url)) == (5, True), "it is agreed to anew"
        agree(facts.provider_ref)
        assert provider.look_up_subscription(facts.provider_ref) == facts
        bill(facts.provider_ref, "paid")
        assert sold() == [8_700, 8_700]

    def test_what_it_is_already_wants_nobodys_word(self, provider: Any, start_facts: Any, agree: Any) -> None:
        facts = self.begun(provider, start_facts, agree)
        assert provider.revise_subscription(revise_request(facts, start_facts)) == facts

    def test_a_lost_answer_changes_nothing_and_asking_again_is_one_change(
        self, provider: Any, start_facts: Any, agree: Any, bill: Any, sold: Any, lose_revisions: Any
    ) -> None:
        facts = self.begun(provider, start_facts, agree)
        request = revise_request(facts, start_facts, seats=4)
        lose_revisions()
        with pytest.raises(ProviderUnavailable):
            provider.revise_subscription(request)
        assert provider.revise_subscription(request).approval_url
        agree(facts.provider_ref)
        bill(facts.provider_ref, "paid")
        assert sold() == [8_700, 11_600]

    def test_a_longer_cycle_begins_when_the_running_period_ends(
        self, provider: Any, start_facts: Any, agree: Any, bill: Any, long_ago: datetime
    ) -> None:
        facts = self.begun(provider, start_facts, agree)
        yearly = provider.ensure_price(price_request(minor=29_000, cycle="yearly"))
        provider.revise_subscription(revise_request(facts, start_facts, price_ref=yearly))
        agree(facts.provider_ref)
        agreed = provider.look_up_subscription(facts.provider_ref)
        assert agreed.period[1] == facts.period[1]
        bill(facts.provider_ref, "paid")
        renewed = provider.look_up_subscription(facts.provider_ref)
        assert renewed.period[0] == facts.period[1] and (renewed.period[1] - renewed.period[0]).days in (365, 366)
        assert provider.bills_of(facts.provider_ref, since=long_ago)[-1].period == renewed.period

    def test_what_has_ended_or_is_another_ones_is_not_revised(
        self, provider: Any, start_facts: Any, agree: Any
    ) -> None:
        facts = self.begun(provider, start_facts, agree)
        request = revise_request(facts, start_facts, seats=4)
        euros = provider.ensure_price(price_request(currency="eur"))
        with pytest.raises(CannotRevise):
            provider.revise_subscription(replace(request, price_ref=euros))
        for wrong in (replace(request, provider_ref="I-NOBODY"), replace(request, price_ref="P-NOBODYS")):
            with pytest.raises(UnknownReference):
                provider.revise_subscription(wrong)
        provider.cancel_subscription(facts.provider_ref, reason="Enough")
        with pytest.raises(NotInThatState):
            provider.revise_subscription(request)
