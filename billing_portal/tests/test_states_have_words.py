"""Every state that the books can hold has a word, a colour and an icon."""

import pytest

from billing_portal.kit.display.states import STATES
from payments.models import Attempt, Dispute, Invoice, Payment, ProviderEvent, Refund
from subscriptions.models import Subscription
from subscriptions.pages.story import move_words


@pytest.mark.parametrize("status", Invoice.Status.values)
def test_every_invoice_status_has_a_word(status):
    assert status in STATES["invoice"]


@pytest.mark.parametrize("status", Payment.Status.values)
def test_every_payment_status_has_a_word(status):
    assert status in STATES["payment"]


@pytest.mark.parametrize("status", ProviderEvent.Status.values)
def test_every_status_of_a_providers_event_has_a_word(status):
    assert status in STATES["event"]


@pytest.mark.parametrize("status", Refund.Status.values)
def test_every_status_of_a_refund_has_a_word(status):
    assert status in STATES["refund"]


@pytest.mark.parametrize("status", Dispute.Status.values)
def test_every_status_of_a_dispute_has_a_word(status):
    assert status in STATES["dispute"]


@pytest.mark.parametrize("outcome", Attempt.Outcome.values)
def test_every_outcome_of_an_attempt_has_a_word(outcome):
    assert outcome in STATES["attempt"]


@pytest.mark.parametrize("status", Subscription.Status.values)
def test_every_status_of_a_subscription_has_a_word_and_a_sentence_in_its_history(status):
    assert status in STATES["subscription"]
    assert move_words("active", status)[2]
