"""US bank accounts: a mandate first, then days without an answer, then money, none, or money that goes back."""

import pytest
import stripe


def test_no_debit_without_a_mandate(pay):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay("pm_usBankAccount_success")
    assert refused.value.code == "payment_intent_mandate_invalid"


def test_a_debit_is_under_way_until_the_bank_answers(client, pay, save, panel):
    account = save("pm_usBankAccount_success")
    intent = pay(account, expand=["latest_charge"])
    assert (intent.status, intent.latest_charge.status, intent.amount_received) == ("processing", "pending", 0)
    assert intent.latest_charge.balance_transaction is None
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.cancel(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    panel.ask("POST", "settle", {"id": intent.id, "outcome": "succeeded"})
    after = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert (after.status, after.latest_charge.balance_transaction.fee) == ("succeeded", 23)
    states = [entry["effect"]["state"] for entry in panel.log() if entry["effect"]]
    assert states == ["processing", "succeeded"]


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("pm_usBankAccount_success", "succeeded", None),
        ("pm_usBankAccount_insufficientFunds", "requires_payment_method", "insufficient_funds"),
        ("pm_usBankAccount_accountClosed", "requires_payment_method", "account_closed"),
        ("pm_usBankAccount_noAccount", "requires_payment_method", "no_account"),
        ("pm_usBankAccount_debitNotAuthorized", "requires_payment_method", "debit_not_authorized"),
    ],
)
def test_after_four_days_each_account_does_what_it_is_for(client, pay, save, panel, method, status, code):
    panel.ask("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    intent = pay(save(method))
    assert panel.ask("POST", "clock", {"now": "2026-11-04T00:00:00Z"})["settled"] == 0
    assert panel.ask("POST", "clock", {"now": "2026-11-05T00:00:00Z"})["settled"] == 1
    after = client.v1.payment_intents.retrieve(intent.id)
    assert after.status == status
    assert (after.last_payment_error and after.last_payment_error.code) == code
    assert panel.objects("events")[-1]["created"] == 1793836800


def test_a_debit_that_is_returned_later_is_a_lost_dispute(client, pay, save, panel):
    intent = pay(save("pm_usBankAccount_success"))
    panel.ask("POST", "settle", {"id": intent.id, "outcome": "succeeded"})
    panel.ask("POST", "settle", {"id": intent.id, "outcome": "returned", "code": "insufficient_funds"})
    dispute = client.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert (dispute.status, dispute.reason, dispute.amount) == ("lost", "insufficient_funds", 2900)
    kinds = [event["type"] for event in panel.objects("events")][-3:]
    assert kinds == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_refund_of_a_debit_takes_days(client, pay, save, panel):
    intent = pay(save("pm_usBankAccount_success"))
    panel.ask("POST", "settle", {"id": intent.latest_charge, "outcome": "succeeded"})
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    panel.ask("POST", "settle", {"id": refund.id, "outcome": "succeeded"})
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_an_account_is_debited_in_dollars_only(pay, save):
    account = save("pm_usBankAccount_success")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(account, currency="eur")
    assert refused.value.code == "payment_intent_incompatible_payment_method"
