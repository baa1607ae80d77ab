"""What every provider must do that takes money once its payer has agreed on its page, as tests; see `contract`."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from billing_portal.kit.money import Money
from payments.providers.errors import NotApproved, NotInThatState, OutcomeUnknown, ProviderUnavailable, UnknownReference
from payments.providers.facts import ApprovalRequest, Outcome


def approval_request(*, minor: int = 2_900, currency: str = "usd", **facts: Any) -> ApprovalRequest:
    payment_id = str(uuid4())
    return ApprovalRequest(
        amount=Money(minor, currency),
        key=f"order:{payment_id}",
        metadata={"payment_id": payment_id, "tenant_id": str(uuid4())},
        reference=f"INV-{payment_id[:8]}",
        return_url="https://portal.example/back",
        cancel_url="https://portal.example/not-now",
        **facts,
    )


class ApprovesLaterContract:
    """Fixtures: `provider`, `approve` (a call with a payment's reference: its payer agrees on the provider's page),
    `charges` (amounts taken, by the provider's own books), `lose_answers` and `lose_captures` (calls that make the
    answers to the next request, to begin or to take, get lost), `refuse_connections`, `long_ago`."""

    def agreed(self, provider: Any, approve: Any, **facts: Any) -> str:
        reference = str(provider.begin(approval_request(**facts)).provider_ref)
        approve(reference)
        return reference

    def test_a_beginning_has_a_page_for_the_payer_and_takes_nothing(self, provider: Any, charges: Any) -> None:
        request = approval_request()
        result = provider.begin(request)
        assert (result.outcome, result.amount) == (Outcome.REQUIRES_ACTION, Money(2_900, "usd"))
        assert result.provider_ref and result.approval_url and not result.can_capture
        assert result.payment_id == request.metadata["payment_id"]
        assert provider.look_up(result.provider_ref) == result
        assert charges() == []

    def test_beginning_twice_with_one_key_is_one_payment(self, provider: Any) -> None:
        request = approval_request()
        assert provider.begin(request) == provider.begin(request)

    def test_nothing_is_taken_before_the_payer_has_agreed(self, provider: Any, charges: Any) -> None:
        begun = provider.begin(approval_request())
        with pytest.raises(NotApproved) as raised:
            provider.capture(begun.provider_ref, key="cap:1")
        assert (raised.value.approval_url, raised.value.code) == (begun.approval_url, None)
        assert charges() == []

    def test_what_the_payer_has_agreed_to_is_taken_and_can_be_read(
        self, provider: Any, approve: Any, charges: Any
    ) -> None:
        request = approval_request()
        reference = str(provider.begin(request).provider_ref)
        approve(reference)
        waiting = provider.look_up(reference)
        assert (waiting.outcome, waiting.can_capture) == (Outcome.REQUIRES_ACTION, True)
        taken = provider.capture(reference, key="cap:1")
        assert (taken.outcome, taken.amount) == (Outcome.SUCCEEDED, Money(2_900, "usd"))
        assert (taken.provider_ref, taken.payment_id) == (reference, request.metadata["payment_id"])
        assert provider.look_up(reference) == taken
        assert charges() == [2_900]

    def test_taking_twice_takes_once_and_answers_the_same(self, provider: Any, approve: Any, charges: Any) -> None:
        reference = self.agreed(provider, approve)
        first = provider.capture(reference, key="cap:1")
        assert provider.capture(reference, key="cap:1") == first
        assert provider.capture(reference, key="cap:2") == first, "somebody else was faster"
        assert charges() == [2_900]

    def test_a_lost_answer_to_a_beginning_is_just_unavailable(self, provider: Any, lose_answers: Any) -> None:
        request = approval_request()
        lose_answers()
        with pytest.raises(ProviderUnavailable):
            provider.begin(request)
        assert provider.begin(request) == provider.begin(request)

    def test_a_lost_answer_to_the_taking_is_an_unknown_outcome_and_a_look_finds_it(
        self, provider: Any, approve: Any, charges: Any, lose_captures: Any
    ) -> None:
        reference = self.agreed(provider, approve)
        lose_captures()
        with pytest.raises(OutcomeUnknown):
            provider.capture(reference, key="cap:1")
        found = provider.look_up(reference)
        assert found.outcome is Outcome.SUCCEEDED
        assert provider.capture(reference, key="cap:1") == found
        assert charges() == [2_900]

    def test_a_refused_connection_took_nothing(
        self, provider: Any, approve: Any, charges: Any, refuse_connections: Any
    ) -> None:
        reference = self.agreed(provider, approve)
        refuse_connections()
        with pytest.raises(ProviderUnavailable):
            provider.capture(reference, key="cap:1")
        assert charges() == []
        assert provider.capture(reference, key="cap:1").outcome is Outcome.SUCCEEDED

    def test_an_unknown_reference_is_one(self, provider: Any) -> None:
        with pytest.raises(UnknownReference):
            provider.look_up("0NOBODY0")
        with pytest.raises(UnknownReference):
            provider.capture("0NOBODY0", key="cap:1")

    def test_what_waits_for_the_payer_can_be_given_up_and_what_was_taken_can_not(
        self, provider: Any, approve: Any
    ) -> None:
        waiting = provider.begin(approval_request())
        assert provider.cancel(waiting.provider_ref).outcome is Outcome.CANCELED
        taken = self.agreed(provider, approve)
        provider.capture(taken, key="cap:1")
        with pytest.raises(NotInThatState):
            provider.cancel(taken)

    def test_what_was_taken_is_among_the_payments_since_then(self, provider: Any, approve: Any, long_ago: Any) -> None:
        first, second = (provider.capture(self.agreed(provider, approve), key=f"cap:{n}") for n in (1, 2))
        found = list(provider.payments_since(long_ago))
        assert sorted(each.provider_ref for each in found) == sorted([first.provider_ref, second.provider_ref])
        assert first in found and second in found

    @pytest.mark.parametrize(("minor", "currency"), [(2_900, "jpy"), (2_900, "eur")])
    def test_amounts_keep_their_size_in_every_kind_of_currency(
        self, provider: Any, approve: Any, minor: int, currency: str
    ) -> None:
        reference = self.agreed(provider, approve, minor=minor, currency=currency)
        assert provider.capture(reference, key="cap:1").amount == Money(minor, currency)
