"""Invoices of subscriptions: paid, paid elsewhere, declined, void, and the money's way back."""

import pytest
import stripe

from billing_portal.sandbox.tests.stripe_billing import at, kinds_since


@pytest.fixture
def owed(client, subscribe, with_card, clock):
    """A subscription that is past due, and its open invoice."""
    with_card()
    sub = subscribe(4900)
    with_card("pm_card_chargeCustomerFail")
    clock("2026-12-01")
    return client.v1.invoices.list({"subscription": sub.id, "status": "open", "expand": ["data.payments"]}).data[0]


def subscription_of(client, invoice):
    return client.v1.subscriptions.retrieve(invoice.parent.subscription_details.subscription)


def test_an_open_invoice_is_paid_with_another_card(client, owed, panel):
    paid = client.v1.invoices.pay(owed.id, {"payment_method": "pm_card_visa", "expand": ["payments"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining, paid.auto_advance) == ("paid", 4900, 0, False)
    assert (paid.payments.data[0].status, paid.payments.data[0].amount_paid) == ("paid", 4900)
    assert subscription_of(client, owed).status == "active"
    found = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": owed.payments.data[0].payment.payment_intent}}
    )
    assert [p.invoice for p in found.data] == [owed.id]
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(owed.id)


def test_a_decline_is_402_and_leaves_it_open(client, owed):
    with pytest.raises(stripe.CardError) as declined:
        client.v1.invoices.pay(owed.id)
    assert (declined.value.http_status, declined.value.error.decline_code) == (402, "generic_decline")
    after = client.v1.invoices.retrieve(owed.id)
    # Stripe's own schedule counts its own attempts: this one changes nothing of it.
    assert (after.status, after.attempt_count, after.next_payment_attempt) == ("open", 1, at("2026-12-04"))
    assert subscription_of(client, owed).status == "past_due"


def test_with_its_person_present_a_payment_may_ask_for_3d_secure(client, customer, owed, panel):
    card = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id}).id
    with pytest.raises(stripe.CardError) as absent:
        client.v1.invoices.pay(owed.id, {"payment_method": card})
    assert absent.value.error.code == "authentication_required"
    with pytest.raises(stripe.CardError) as asked:
        client.v1.invoices.pay(owed.id, {"payment_method": card, "off_session": False})
    assert asked.value.error.code == "invoice_payment_intent_requires_action"
    panel.ask("POST", "authenticate", {"id": asked.value.error.payment_intent.id, "outcome": "succeeded"})
    assert client.v1.invoices.retrieve(owed.id).status == "paid"


def test_what_was_paid_elsewhere_is_not_charged(client, owed, panel, clock):
    client.v1.invoices.update(owed.id, {"auto_advance": False})
    clock("2026-12-05")
    assert client.v1.invoices.retrieve(owed.id).attempt_count == 1
    paid = client.v1.invoices.pay(owed.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_remaining, paid.amount_paid_off_stripe) == ("paid", 0, 4900)
    assert subscription_of(client, owed).status == "active"
    assert panel.objects("payment_intents")[-1]["status"] == "canceled"
    assert [c["status"] for c in panel.objects("charges")] == ["succeeded", "failed"]


def test_a_void_invoice_is_owed_by_nobody(client, owed, panel):
    voided = client.v1.invoices.void_invoice(owed.id)
    assert (voided.status, voided.status_transitions.voided_at) == ("void", at("2026-12-01"))
    assert subscription_of(client, owed).status == "active"
    for refused in (client.v1.invoices.void_invoice, client.v1.invoices.pay):
        with pytest.raises(stripe.InvalidRequestError):
            refused(owed.id)


def test_the_intent_of_an_invoice_is_not_canceled_by_itself(client, owed):
    with pytest.raises(stripe.InvalidRequestError, match="created by an Invoice"):
        client.v1.payment_intents.cancel(owed.payments.data[0].payment.payment_intent)


def test_numbers_count_up_for_each_customer(client, customer, subscribe, with_card, clock):
    with_card()
    subscribe()
    clock("2027-01-01")
    prefix = client.v1.customers.retrieve(customer.id).invoice_prefix
    numbers = [invoice.number for invoice in client.v1.invoices.list({"customer": customer.id}).data]
    assert numbers == [f"{prefix}-000{n}" for n in (3, 2, 1)]


def test_what_is_too_small_to_charge_goes_with_the_next_invoice(client, customer, subscribe, with_card, clock):
    with_card()
    sub = subscribe(30, expand=["latest_invoice"])
    first = sub.latest_invoice
    assert (sub.status, first.status, first.total, first.amount_due, first.ending_balance) == (
        "active",
        "paid",
        30,
        0,
        30,
    )
    clock("2026-12-01")
    second = client.v1.invoices.list({"limit": 1}).data[0]
    assert (second.total, second.amount_due, second.amount_paid) == (30, 60, 60)
    assert client.v1.customers.retrieve(customer.id).balance == 0


def test_a_refund_and_a_dispute_find_the_charge_of_an_invoice(client, subscribe, with_card, panel):
    with_card()
    sub = subscribe(4900, expand=["latest_invoice.payments"])
    intent = sub.latest_invoice.payments.data[0].payment.payment_intent
    assert panel.ask("POST", "refund", {"id": intent, "amount": 900})["amount"] == 900
    panel.ask("POST", "settle", {"id": intent, "outcome": "disputed"})
    dispute = client.v1.disputes.list({"payment_intent": intent}).data[0]
    assert (dispute.amount, client.v1.invoices.retrieve(sub.latest_invoice.id).status) == (4000, "paid")


def test_metadata_and_lines_are_kept(client, owed, panel):
    client.v1.invoices.update(owed.id, {"metadata": {"invoice_id": "i1"}, "description": "December"})
    after = client.v1.invoices.retrieve(owed.id)
    assert (after.metadata["invoice_id"], after.description) == ("i1", "December")
    (line,) = client.v1.invoices.line_items.list(owed.id).data
    assert (line.amount, line.description) == (4900, "1 × Professional (at $49.00 / month)")
    assert kinds_since(panel, 0)[-1] == "invoice.updated"
    assert client.v1.invoices.mark_uncollectible(owed.id).status == "uncollectible"


def test_a_list_may_be_of_a_time(client, owed):
    found = client.v1.invoices.list({"created": {"gte": at("2026-12-01")}}).data
    assert [invoice.id for invoice in found] == [owed.id]
