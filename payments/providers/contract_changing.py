"""What every provider must do that changes subscriptions while they run, as tests; see `contract_recurring`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from billing_portal.kit.money import Money
from payments.providers.contract_recurring import price_request, start_request
from payments.providers.errors import NotInThatState, UnknownReference
from payments.providers.facts import Outcome
from payments.providers.recurring import ChangeRequest, RecurringFacts


def change_request(facts: RecurringFacts, *, at: datetime, **terms: Any) -> ChangeRequest:
    """Of a subscription: now, unless the terms say otherwise."""
    known = {"price_ref": facts.price_ref, "seats": facts.seats, "when": "now", "key": f"change:{uuid4()}"}
    return ChangeRequest(provider_ref=facts.provider_ref, at=at, **{**known, **terms})


class ChangesSubscriptionsContract:
    """Fixtures: `provider`, `start_facts`, `bill`, `sold` and `long_ago` as in `contract_recurring`; `half_way` (a call
    that moves the provider's clock into the middle of the period, and gives the instant), `poor_method` and
    `confirming_method` (of the payer's; the first is declined when it is charged, the second asks them to confirm)."""

    def begun(self, provider: Any, start_facts: Any) -> Any:
        """One that runs, of 3 seats at 29 dollars a month."""
        return provider.start_subscription(start_request(provider.ensure_price(price_request()), **start_facts))

    def newest(self, provider: Any, facts: RecurringFacts, long_ago: datetime) -> Any:
        """Its last bill."""
        return provider.bills_of(facts.provider_ref, since=long_ago)[-1]

    @pytest.mark.parametrize("seats", [5, 2])
    def test_a_change_costs_what_its_preview_said(
        self, provider: Any, start_facts: Any, half_way: Any, long_ago: datetime, seats: int
    ) -> None:
        facts = self.begun(provider, start_facts)
        request = change_request(facts, at=half_way(), seats=seats)
        cost = provider.preview_change(request)
        assert provider.look_up_subscription(facts.provider_ref) == facts, "nothing has changed"
        assert cost.next_total == Money(2_900 * seats, "usd") and cost.next_at == facts.period[1]
        changed = provider.change_subscription(request)
        assert (changed.seats, changed.status, changed.awaits_payment) == (seats, "active", None)
        bill = self.newest(provider, facts, long_ago)
        assert (bill.lines, bill.taxes, bill.total) == (cost.lines, cost.taxes, cost.total)
        assert bill.is_change and all(line.is_proration for line in bill.lines)
        paid = bill.payment.amount if bill.payment else Money.zero("usd")
        assert paid == cost.due and paid + (bill.credited or Money.zero("usd")) == bill.total

    def test_the_same_key_changes_it_once(
        self, provider: Any, start_facts: Any, half_way: Any, sold: Any, long_ago: datetime
    ) -> None:
        facts = self.begun(provider, start_facts)
        request = change_request(facts, at=half_way(), seats=5)
        assert provider.change_subscription(request) == provider.change_subscription(request)
        assert len(provider.bills_of(facts.provider_ref, since=long_ago)) == len(sold()) == 2

    @pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REQUIRES_ACTION])
    def test_a_change_that_is_not_paid_waits_until_it_is(
        self,
        provider: Any,
        start_facts: Any,
        half_way: Any,
        poor_method: str,
        confirming_method: str,
        long_ago: datetime,
        outcome: Outcome,
    ) -> None:
        facts = self.begun(provider, start_facts)
        method = poor_method if outcome is Outcome.FAILED else confirming_method
        provider.charge_with(facts.provider_ref, method_ref=method)
        waiting = provider.change_subscription(change_request(facts, at=half_way(), seats=5))
        assert (waiting.seats, waiting.awaits_payment) == (3, (facts.price_ref, 5))
        assert bool(waiting.client_secret) == (outcome is Outcome.REQUIRES_ACTION)
        bill = self.newest(provider, facts, long_ago)
        assert (bill.status, bill.payment.outcome) == ("open", outcome)
        paid = provider.pay_bill(bill.provider_ref, method_ref=start_facts["method_ref"], key="pay:1")
        assert (paid.status, paid.payment.outcome) == ("paid", Outcome.SUCCEEDED)
        changed = provider.look_up_subscription(facts.provider_ref)
        assert (changed.seats, changed.awaits_payment, changed.client_secret) == (5, None, None)

    @pytest.mark.parametrize("cycle", ["monthly", "yearly"])
    def test_what_changes_at_the_periods_end_costs_nothing_before(
        self, provider: Any, start_facts: Any, bill: Any, half_way: Any, long_ago: datetime, cycle: str
    ) -> None:
        facts = self.begun(provider, start_facts)
        price = provider.ensure_price(price_request(minor=1_000, cycle=cycle))
        request = change_request(
            facts, at=half_way(), price_ref=price, seats=2, when="period_end", changes_cycle=cycle == "yearly"
        )
        cost = provider.preview_change(request)
        none = Money.zero("usd")
        assert (cost.lines, cost.total, cost.due) == ((), none, none)
        assert (cost.next_total, cost.next_at) == (Money(2_000, "usd"), facts.period[1])
        planned = provider.change_subscription(request)
        assert planned == provider.change_subscription(request) == provider.look_up_subscription(facts.provider_ref)
        assert (planned.price_ref, planned.seats, planned.period) == (facts.price_ref, 3, facts.period)
        assert planned.changes_at == (price, 2, facts.period[1])
        assert len(provider.bills_of(facts.provider_ref, since=long_ago)) == 1
        bill(facts.provider_ref, "paid")
        changed = provider.look_up_subscription(facts.provider_ref)
        assert (changed.price_ref, changed.seats, changed.changes_at) == (price, 2, None)
        assert self.newest(provider, facts, long_ago).total == cost.next_total

    @pytest.mark.parametrize("cycle", ["monthly", "yearly"])
    def test_what_was_to_change_can_be_dropped(
        self, provider: Any, start_facts: Any, bill: Any, half_way: Any, long_ago: datetime, cycle: str
    ) -> None:
        facts = self.begun(provider, start_facts)
        price = provider.ensure_price(price_request(minor=1_000, cycle=cycle))
        request = change_request(
            facts, at=half_way(), price_ref=price, seats=2, when="period_end", changes_cycle=cycle == "yearly"
        )
        provider.change_subscription(request)
        for _ in range(2):
            assert provider.drop_change(facts.provider_ref, key="drop:1") == facts
        bill(facts.provider_ref, "paid")
        assert provider.look_up_subscription(facts.provider_ref).seats == 3
        assert self.newest(provider, facts, long_ago).total == Money(8_700, "usd")

    def test_its_end_can_be_said_and_taken_back(self, provider: Any, start_facts: Any, bill: Any, sold: Any) -> None:
        facts = self.begun(provider, start_facts)
        for ends in (True, False, True):
            said = provider.end_with_period(facts.provider_ref, ends=ends, reason="Enough")
            assert provider.end_with_period(facts.provider_ref, ends=ends, reason="Enough") == said
            assert (said.cancel_at_period_end, said.status) == (ends, "active")
        bill(facts.provider_ref, "paid")
        ended = provider.look_up_subscription(facts.provider_ref)
        assert (ended.status, ended.cancel_at_period_end, len(sold())) == ("canceled", False, 1)
        with pytest.raises(NotInThatState):
            provider.end_with_period(facts.provider_ref, ends=False)

    def test_a_declined_payment_of_a_bill_is_a_result_and_another_method_pays_it(
        self, provider: Any, start_facts: Any, bill: Any, poor_method: str, sold: Any, long_ago: datetime
    ) -> None:
        facts = self.begun(provider, start_facts)
        bill(facts.provider_ref, "failed")
        owed = self.newest(provider, facts, long_ago)
        assert (owed.status, owed.payment.outcome) == ("open", Outcome.FAILED) and owed.next_try_at
        declined = provider.pay_bill(owed.provider_ref, method_ref=poor_method, key="pay:1")
        assert (declined.status, declined.payment.outcome) == ("open", Outcome.FAILED)
        for key in ("pay:2", "pay:2", "pay:3"):
            paid = provider.pay_bill(owed.provider_ref, method_ref=start_facts["method_ref"], key=key)
            assert (paid.status, paid.payment.outcome) == ("paid", Outcome.SUCCEEDED)
        assert len(sold()) == 2 and provider.look_up_subscription(facts.provider_ref).status == "active"

    def test_an_open_bill_can_be_left_to_us_and_said_to_be_paid(
        self, provider: Any, start_facts: Any, bill: Any, sold: Any, long_ago: datetime
    ) -> None:
        facts = self.begun(provider, start_facts)
        bill(facts.provider_ref, "failed")
        owed = self.newest(provider, facts, long_ago)
        ours = provider.stop_collecting(owed.provider_ref)
        assert (ours.status, ours.next_try_at) == ("open", None)
        theirs = provider.collect_again(owed.provider_ref)
        assert theirs.next_try_at and theirs == provider.look_up_bill(owed.provider_ref)
        assert provider.stop_collecting(owed.provider_ref) == ours
        for _ in range(2):
            paid = provider.paid_elsewhere(owed.provider_ref)
            assert (paid.status, paid.payment, paid.total) == ("paid", None, owed.total)
        assert len(sold()) == 1 and provider.look_up_subscription(facts.provider_ref).status == "active"
        for verb in (provider.stop_collecting, provider.collect_again):
            with pytest.raises(NotInThatState):
                verb(owed.provider_ref)

    def test_what_the_provider_was_paid_was_not_paid_elsewhere(
        self, provider: Any, start_facts: Any, long_ago: datetime
    ) -> None:
        facts = self.begun(provider, start_facts)
        with pytest.raises(NotInThatState):
            provider.paid_elsewhere(self.newest(provider, facts, long_ago).provider_ref)

    def test_another_payers_method_is_unknown(self, provider: Any, start_facts: Any) -> None:
        facts = self.begun(provider, start_facts)
        with pytest.raises(UnknownReference):
            provider.charge_with(facts.provider_ref, method_ref="pm_nobody")

    def test_what_has_ended_or_is_paused_changes_no_more(self, provider: Any, start_facts: Any, half_way: Any) -> None:
        facts = self.begun(provider, start_facts)
        request = change_request(facts, at=half_way(), seats=5)
        for verb in (provider.pause_subscription, provider.cancel_subscription):
            verb(facts.provider_ref, reason="Enough")
            for ask in (provider.preview_change, provider.change_subscription):
                with pytest.raises(NotInThatState):
                    ask(request)
        with pytest.raises(UnknownReference):
            provider.preview_change(replace(request, provider_ref="I-NOBODY"))

    def test_a_change_that_was_reckoned_for_another_period_is_none_of_this_one(
        self, provider: Any, start_facts: Any, bill: Any, half_way: Any
    ) -> None:
        facts = self.begun(provider, start_facts)
        request = change_request(facts, at=half_way(), seats=5)
        bill(facts.provider_ref, "paid")
        with pytest.raises(NotInThatState):
            provider.change_subscription(request)
