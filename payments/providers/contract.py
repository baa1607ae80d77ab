"""What every provider with a capability must do, as tests: a class for each, run by each provider's own test module.

A subclass in a test module gives the fixtures that its docstring names. `contract_approval` has the class of those that
ask their payer first.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from billing_portal.kit.money import Money
from payments.providers.errors import OutcomeUnknown, ProviderUnavailable, RefundTooLarge, UnknownReference
from payments.providers.facts import ChargeRequest, Outcome, RefundRequest


def charge_request(
    method: str, *, minor: int = 2_900, currency: str = "usd", key: str | None = None, **facts: Any
) -> ChargeRequest:
    payment_id = str(uuid4())
    return ChargeRequest(
        amount=Money(minor, currency),
        method_ref=method,
        key=key or f"pay:{payment_id}",
        metadata={"payment_id": payment_id, "tenant_id": str(uuid4())},
        **facts,
    )


class ChargesContract:
    """Fixtures: `provider`, `good_method`, `poor_method` (declines for want of money), `confirming_method` (asks the
    payer to confirm), `charges` (a call that gives the amounts taken, by the provider's own books), `lose_answers` and
    `refuse_connections` (calls that make the next request fail so)."""

    def test_a_charge_takes_the_amount_and_tells_the_method(
        self, provider: Any, good_method: str, charges: Any
    ) -> None:
        result = provider.charge(charge_request(good_method))
        assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(2_900, "usd"))
        assert result.provider_ref and result.method and result.method.last4
        assert charges() == [2_900]

    def test_charging_twice_with_one_key_is_one_charge(self, provider: Any, good_method: str, charges: Any) -> None:
        request = charge_request(good_method)
        assert provider.charge(request) == provider.charge(request)
        assert charges() == [2_900]

    def test_a_decline_is_a_result_with_a_reason(self, provider: Any, poor_method: str, charges: Any) -> None:
        result = provider.charge(charge_request(poor_method))
        assert (result.outcome, result.failure_code) == (Outcome.FAILED, "insufficient_funds")
        assert result.failure_message
        assert charges() == []

    def test_a_payer_who_must_confirm_gets_what_the_browser_needs(
        self, provider: Any, confirming_method: str, charges: Any
    ) -> None:
        result = provider.charge(charge_request(confirming_method))
        assert result.outcome is Outcome.REQUIRES_ACTION
        assert result.client_secret and result.provider_ref
        assert charges() == []

    def test_a_lost_answer_is_an_unknown_outcome_and_the_same_key_finds_it(
        self, provider: Any, good_method: str, charges: Any, lose_answers: Any
    ) -> None:
        request = charge_request(good_method)
        lose_answers()
        with pytest.raises(OutcomeUnknown):
            provider.charge(request)
        assert provider.charge(request).outcome is Outcome.SUCCEEDED
        assert charges() == [2_900]

    def test_a_refused_connection_moved_nothing(
        self, provider: Any, good_method: str, charges: Any, refuse_connections: Any
    ) -> None:
        refuse_connections()
        with pytest.raises(ProviderUnavailable):
            provider.charge(charge_request(good_method))
        assert charges() == []

    def test_what_was_charged_can_be_looked_up_and_found_by_our_own_id(
        self, provider: Any, good_method: str, long_ago: Any
    ) -> None:
        request = charge_request(good_method)
        charged = provider.charge(request)
        assert provider.look_up(charged.provider_ref) == charged
        assert provider.find(request.metadata["payment_id"], since=long_ago) == charged
        assert provider.find(str(uuid4()), since=long_ago) is None

    def test_an_unknown_reference_is_one(self, provider: Any) -> None:
        with pytest.raises(UnknownReference):
            provider.look_up("pi_nobody")

    def test_what_waits_for_the_payer_can_be_given_up(self, provider: Any, confirming_method: str) -> None:
        waiting = provider.charge(charge_request(confirming_method))
        assert provider.cancel(waiting.provider_ref).outcome is Outcome.CANCELED

    @pytest.mark.parametrize(("minor", "currency"), [(2_900, "jpy"), (5_000, "isk"), (12_340, "kwd")])
    def test_amounts_keep_their_size_in_every_kind_of_currency(
        self, provider: Any, good_method: str, minor: int, currency: str
    ) -> None:
        result = provider.charge(charge_request(good_method, minor=minor, currency=currency))
        assert result.amount == Money(minor, currency)


class RefundsContract:
    """Fixtures: `provider`, `paid` (a call that makes a payment of 29.00 dollars: the reference that refunds name),
    `refunds` (amounts given back, by the provider's own books), `lose_refunds` (a call that makes the next refund's
    answer get lost)."""

    def request(self, payment_ref: str, minor: int, key: str | None = None) -> RefundRequest:
        return RefundRequest(payment_ref, Money(minor, "usd"), key or f"refund:{uuid4()}", {"refund_id": str(uuid4())})

    def test_a_part_then_the_rest_comes_back_and_no_more(self, provider: Any, paid: Any, refunds: Any) -> None:
        payment = paid()
        first = provider.refund(self.request(payment, 900))
        assert (first.status, first.amount) == ("succeeded", Money(900, "usd"))
        provider.refund(self.request(payment, 2_000))
        with pytest.raises(RefundTooLarge):
            provider.refund(self.request(payment, 1))
        assert sorted(refunds()) == [900, 2_000]
        assert provider.look_up_refund(first.provider_ref) == first

    def test_more_than_is_left_is_refused_whole(self, provider: Any, paid: Any, refunds: Any) -> None:
        payment = paid()
        with pytest.raises(RefundTooLarge):
            provider.refund(self.request(payment, 2_901))
        assert refunds() == []
        provider.refund(self.request(payment, 900))
        with pytest.raises(RefundTooLarge):
            provider.refund(self.request(payment, 2_001))
        assert refunds() == [900]

    def test_refunding_twice_with_one_key_is_one_refund(self, provider: Any, paid: Any, refunds: Any) -> None:
        request = self.request(paid(), 900)
        assert provider.refund(request) == provider.refund(request)
        assert refunds() == [900]

    def test_the_list_of_a_payments_refunds_leads_back_to_our_rows(self, provider: Any, paid: Any) -> None:
        payment = paid()
        requests = [self.request(payment, minor) for minor in (900, 500)]
        given = [provider.refund(each) for each in requests]
        found = provider.refunds_of(payment)
        assert sorted(found, key=lambda each: -each.amount.minor) == given
        assert {each.refund_id: each.amount.minor for each in found} == {
            requests[0].metadata["refund_id"]: 900,
            requests[1].metadata["refund_id"]: 500,
        }
        assert {each.payment_ref for each in found} == {payment}
        assert provider.refunds_of(paid()) == []

    def test_a_lost_answer_is_an_unknown_outcome_and_the_list_has_it(
        self, provider: Any, paid: Any, refunds: Any, lose_refunds: Any
    ) -> None:
        request = self.request(paid(), 900)
        lose_refunds()
        with pytest.raises(OutcomeUnknown):
            provider.refund(request)
        (found,) = provider.refunds_of(request.payment_ref)
        assert (found.refund_id, found.status) == (request.metadata["refund_id"], "succeeded")
        assert provider.refund(request) == found
        assert refunds() == [900]
