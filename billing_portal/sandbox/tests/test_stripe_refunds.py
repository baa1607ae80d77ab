"""Refunds and disputes: never more back than was taken."""

import pytest
import stripe

from billing_portal.testing import at_once


def refused(call):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        call()
    return refusal.value


def test_in_part_then_the_rest_then_nothing_more(client, pay, panel):
    intent = pay()
    create = client.v1.refunds.create
    part = create({"payment_intent": intent.id, "amount": 1000, "metadata": {"refund_id": "r1"}})
    assert (part.status, part.metadata["refund_id"]) == ("succeeded", "r1")
    too_much = refused(lambda: create({"payment_intent": intent.id, "amount": 1901}))
    assert (too_much.code, too_much.param) == (None, "amount")
    assert "($19.01) is greater than unrefunded amount on charge ($19.00)" in str(too_much)
    assert create({"charge": intent.latest_charge}).amount == 1900
    assert refused(lambda: create({"payment_intent": intent.id})).code == "charge_already_refunded"
    charge = client.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert charge.refunded and charge.amount_refunded == 2900
    assert [refund.amount for refund in charge.refunds.data] == [1900, 1000]
    kinds = [event["type"] for event in panel.objects("events")]
    assert kinds.count("charge.refunded") == kinds.count("refund.created") == 2


def test_eight_at_once_who_each_give_back_sixty_percent(client, pay, panel):
    intent = pay()
    outcomes = at_once(8, lambda: client.v1.refunds.create({"payment_intent": intent.id, "amount": 1740}))
    assert outcomes.count(stripe.InvalidRequestError) == 7
    assert [refund["amount"] for refund in panel.objects("refunds")] == [1740]


def test_a_refund_that_fails_gives_the_amount_back_to_the_charge(client, pay, panel):
    panel.ask("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    intent = pay("pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    assert refund.status == "succeeded"
    panel.ask("POST", "clock", {"now": "2026-11-01T00:01:00Z"})
    failed = client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_balance_transaction.amount) == ("failed", 1000)
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert "refund.failed" in [event["type"] for event in panel.objects("events")]


def test_a_refund_made_in_the_dashboard(client, pay, panel):
    intent = pay()
    made = panel.ask("POST", "refund", {"id": intent.id, "amount": 500})
    assert client.v1.refunds.list({"payment_intent": intent.id}).data[0].id == made["id"]
    effect = [entry["effect"] for entry in panel.log() if entry["effect"]][-1]
    assert (effect["kind"], effect["id"], effect["amount"]) == ("refund", made["id"], 500)
    status, answer = panel.raw("POST", "refund", {"id": intent.id, "amount": 5000})
    assert status == 400 and answer["error"]["param"] == "amount"


def test_nothing_to_refund_before_money_came(client, pay):
    waiting = pay("pm_card_authenticationRequired")
    assert "does not have a successful charge" in str(
        refused(lambda: client.v1.refunds.create({"payment_intent": waiting.id}))
    )


@pytest.mark.parametrize(("outcome", "status", "balance"), [("dispute_won", "won", 0), ("dispute_lost", "lost", -2900)])
def test_a_dispute_takes_the_money_until_it_is_decided(client, pay, panel, outcome, status, balance):
    intent = pay()
    panel.ask("POST", "settle", {"id": intent.id, "outcome": "disputed", "code": "fraudulent"})
    dispute = client.v1.disputes.list({"charge": intent.latest_charge}).data[0]
    assert (dispute.status, dispute.reason, dispute.balance_transactions[0].fee) == (
        "needs_response",
        "fraudulent",
        1500,
    )
    assert refused(lambda: client.v1.refunds.create({"payment_intent": intent.id})).code == "charge_disputed"
    panel.ask("POST", "settle", {"id": dispute.id, "outcome": outcome})
    after = client.v1.disputes.retrieve(dispute.id)
    assert after.status == status and sum(t.amount for t in after.balance_transactions) == balance
    kinds = [event["type"] for event in panel.objects("events")]
    assert "charge.dispute.closed" in kinds
    assert ("charge.dispute.funds_reinstated" in kinds) == (status == "won")


def test_the_dispute_card_is_disputed_at_once(client, pay):
    intent = pay("pm_card_createDispute")
    assert client.v1.disputes.list({"payment_intent": intent.id}).data[0].status == "needs_response"
