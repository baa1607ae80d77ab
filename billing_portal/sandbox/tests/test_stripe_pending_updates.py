"""Changes that take effect only when they are paid."""

import pytest
import stripe

from billing_portal.sandbox.tests.stripe_billing import at, kinds_since


@pytest.fixture
def upgrade(client, subscribe, price, with_card, clock):
    """Ask for twice the price on 16 November, with a card of one's choice."""

    def upgrade(card):
        with_card()
        sub = subscribe(1000)
        with_card(card)
        clock("2026-11-16")
        items = [{"id": sub["items"].data[0].id, "price": price(2000)}]
        how = {"items": items, "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
        return client.v1.subscriptions.update(sub.id, {**how, "expand": ["latest_invoice.payments"]})

    return upgrade


def price_of(sub):
    return sub["items"].data[0].price.unit_amount


def test_a_good_card_changes_it_at_once(upgrade, panel):
    after = upgrade("pm_card_visa")
    assert (price_of(after), after.pending_update, after.latest_invoice.amount_paid) == (2000, None, 500)
    assert "customer.subscription.pending_update_applied" not in kinds_since(panel, 0)


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
def test_what_is_not_paid_waits_and_is_applied_when_it_is(client, upgrade, panel, card):
    waiting = upgrade(card)
    assert (price_of(waiting), waiting.status, waiting.latest_invoice.status) == (1000, "active", "open")
    assert waiting.pending_update.expires_at == at("2026-11-16 23:00")
    assert waiting.pending_update.subscription_items[0].price.unit_amount == 2000
    assert waiting.latest_invoice.next_payment_attempt is None
    intent = waiting.latest_invoice.payments.data[0].payment.payment_intent
    if card == "pm_card_authenticationRequired":
        panel.ask("POST", "authenticate", {"id": intent, "outcome": "succeeded"})
    else:
        client.v1.invoices.pay(waiting.latest_invoice.id, {"payment_method": "pm_card_visa"})
    after = client.v1.subscriptions.retrieve(waiting.id)
    assert (price_of(after), after.pending_update) == (2000, None)
    assert "customer.subscription.pending_update_applied" in kinds_since(panel, 0)


def test_after_23_hours_nothing_has_changed(client, upgrade, clock, panel):
    waiting = upgrade("pm_card_chargeCustomerFail")
    clock("2026-11-16 23:00")
    after = client.v1.subscriptions.retrieve(waiting.id, {"expand": ["latest_invoice"]})
    assert (price_of(after), after.pending_update, after.latest_invoice.status) == (1000, None, "void")
    assert kinds_since(panel, 0)[-1] == "customer.subscription.pending_update_expired"
    clock("2026-12-01")
    assert client.v1.invoices.list({"limit": 1}).data[0].total == 1000


def test_another_change_takes_its_place(client, upgrade, with_card):
    waiting = upgrade("pm_card_chargeCustomerFail")
    with_card()
    items = [{"id": waiting["items"].data[0].id, "quantity": 3}]
    how = {"items": items, "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    after = client.v1.subscriptions.update(waiting.id, {**how, "expand": ["latest_invoice"]})
    assert (price_of(after), after["items"].data[0].quantity, after.pending_update) == (1000, 3, None)
    assert (after.latest_invoice.amount_paid, client.v1.invoices.retrieve(waiting.latest_invoice.id).status) == (
        1000,
        "void",
    )


def test_a_void_invoice_forgets_the_change(client, upgrade):
    waiting = upgrade("pm_card_chargeCustomerFail")
    client.v1.invoices.void_invoice(waiting.latest_invoice.id)
    after = client.v1.subscriptions.retrieve(waiting.id)
    assert (after.pending_update, after.status, price_of(after)) == (None, "active", 1000)


def test_only_what_may_wait_is_taken(client, subscribe, with_card):
    with_card()
    sub = subscribe()
    params = {"payment_behavior": "pending_if_incomplete", "cancel_at_period_end": True}
    with pytest.raises(stripe.InvalidRequestError, match="only pass supported params"):
        client.v1.subscriptions.update(sub.id, params)


@pytest.mark.parametrize(
    ("behavior", "status", "amount"), [("allow_incomplete", "past_due", 2000), ("default_incomplete", "past_due", 2000)]
)
def test_other_behaviors_change_it_and_it_owes(client, subscribe, price, with_card, behavior, status, amount):
    with_card()
    sub = subscribe()
    with_card("pm_card_chargeCustomerFail")
    items = [{"id": sub["items"].data[0].id, "price": price(2000)}]
    how = {"items": items, "proration_behavior": "always_invoice", "payment_behavior": behavior}
    after = client.v1.subscriptions.update(sub.id, how)
    assert (after.status, price_of(after)) == (status, amount)


def test_error_if_incomplete_changes_nothing(client, subscribe, price, with_card, panel):
    with_card()
    sub = subscribe()
    with_card("pm_card_chargeCustomerFail")
    items = [{"id": sub["items"].data[0].id, "price": price(2000)}]
    how = {"items": items, "proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}
    with pytest.raises(stripe.CardError):
        client.v1.subscriptions.update(sub.id, how)
    after = client.v1.subscriptions.retrieve(sub.id)
    assert (after.status, price_of(after), len(panel.objects("invoices"))) == ("active", 1000, 1)
