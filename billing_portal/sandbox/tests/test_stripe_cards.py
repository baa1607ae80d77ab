"""Cards: paid, declined, asked for 3-D Secure, saved for later."""

import pytest
import stripe

from billing_portal.sandbox.stripe.in_process import ADDRESS, call
from billing_portal.sandbox.tests.conftest import AUTOMATIC


def test_the_guides_placeholder_pays_and_the_fee_is_on_the_balance(pay, panel):
    intent = pay("pm_1234567890", expand=["latest_charge.balance_transaction", "payment_method"])
    assert intent.status == "succeeded" and intent.amount_received == 2900
    assert intent.payment_method.card.last4 == "4242"
    assert intent.latest_charge.balance_transaction.fee == 114  # 2.9 % and 30 cents
    assert intent.latest_charge.balance_transaction.net == 2786
    assert panel.log()[-1]["effect"] == {
        "kind": "charge",
        "id": intent.id,
        "amount": 2900,
        "currency": "usd",
        "state": "succeeded",
        "metadata": {"payment_id": "p1"},
    }
    kinds = [event["type"] for event in panel.objects("events")]
    assert kinds == ["customer.created", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ],
)
def test_a_decline_is_402_and_leaves_a_failed_charge(pay, panel, method, code, decline_code):
    with pytest.raises(stripe.CardError) as declined:
        pay(method)
    error = declined.value.error
    assert (declined.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.last_payment_error.code == code
    assert [(charge["status"], charge["failure_code"]) for charge in panel.objects("charges")] == [("failed", code)]
    assert panel.objects("events")[-1]["type"] == "payment_intent.payment_failed"
    assert all(entry["effect"] is None for entry in panel.log())


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_three_d_secure_ends_as_the_person_says(client, pay, panel, outcome):
    intent = pay("pm_card_authenticationRequiredOnSetup")
    assert intent.status == "requires_action" and intent.next_action.type == "use_stripe_sdk"
    assert panel.objects("charges") == []
    panel.ask("POST", "authenticate", {"id": intent.id, "outcome": outcome})
    after = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    if outcome == "succeeded":
        assert after.status == "succeeded"
        assert after.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    else:
        assert after.status == "requires_payment_method"
        assert after.last_payment_error.code == "payment_intent_authentication_failure"
    status, refusal = panel.raw("POST", "authenticate", {"id": intent.id, "outcome": outcome})
    assert status == 400 and "waits for no authentication" in refusal["error"]["message"]


def test_the_banks_page_asks_and_sends_back_to_the_return_address(sandbox, pay, client):
    automatic = {"enabled": True}
    intent = pay(
        "pm_card_authenticationRequired",
        automatic_payment_methods=automatic,
        return_url="http://portal.example/back?a=1",
    )
    page = intent.next_action.redirect_to_url.url
    assert b"$29.00 usd" in call(sandbox, "GET", page)[2]
    status, headers, _ = call(sandbox, "POST", page, {}, "outcome=succeeded")
    assert status == 303
    assert headers["location"].startswith(f"http://portal.example/back?a=1&payment_intent={intent.id}&")
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert call(sandbox, "GET", f"{ADDRESS}/3ds/{intent.id}_secret_guessed")[0] == 404


def test_off_session_a_card_that_wants_its_person_says_so(client, pay, customer, save, panel):
    saved = save("pm_card_authenticationRequired", panel)
    with pytest.raises(stripe.CardError) as declined:
        pay(saved, off_session=True)
    assert declined.value.error.code == "authentication_required"
    waiting = declined.value.error.payment_intent
    assert waiting.status == "requires_payment_method" and waiting.client_secret
    again = client.v1.payment_intents.confirm(waiting.id, {"payment_method": saved})
    assert again.status == "requires_action"


def test_a_card_that_was_set_up_with_its_person_pays_off_session(pay, save, panel):
    with pytest.raises(stripe.CardError):
        pay("pm_card_authenticationRequiredOnSetup", off_session=True)
    assert pay(save("pm_card_authenticationRequiredOnSetup", panel), off_session=True).status == "succeeded"


def test_methods_belong_to_one_customer(client, customer, pay):
    other = client.v1.customers.create({"email": "other@globex.example"})
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": other.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(saved.id)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        "resource_missing",
        "payment_method",
    )
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.attach(saved.id, {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError) as unseen:
        client.v1.customers.payment_methods.retrieve(customer.id, saved.id)
    assert unseen.value.http_status == 404


def test_a_default_is_kept_until_it_is_detached(client, customer, panel):
    saved = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    settings = {"invoice_settings": {"default_payment_method": saved.id}}
    assert client.v1.customers.update(customer.id, settings).invoice_settings.default_payment_method == saved.id
    assert [m.id for m in client.v1.customers.payment_methods.list(customer.id).data] == [saved.id]
    client.v1.payment_methods.detach(saved.id)
    assert client.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    assert client.v1.customers.payment_methods.list(customer.id).data == []
    event = panel.objects("events")[-1]
    assert event["type"] == "payment_method.detached"
    assert event["data"]["previous_attributes"] == {"customer": customer.id}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.attach(saved.id, {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(customer.id, settings)


def test_a_bad_card_is_refused_when_it_is_saved(client, customer, save):
    for attempt in (
        lambda: client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id}),
        lambda: save("pm_card_chargeDeclined"),
    ):
        with pytest.raises(stripe.CardError) as declined:
            attempt()
        assert declined.value.error.decline_code == "generic_decline"


def test_a_customer_with_a_bad_card_is_not_made(client, panel):
    with pytest.raises(stripe.CardError):
        client.v1.customers.create({"payment_method": "pm_card_chargeDeclined"})
    assert panel.objects("customers") == []


def test_a_renewed_card_is_told_of(client, customer, panel):
    saved = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    panel.ask("POST", "update_card", {"id": saved.id, "expMonth": 3, "expYear": 2040})
    assert client.v1.payment_methods.retrieve(saved.id).card.exp_year == 2040
    assert panel.objects("events")[-1]["type"] == "payment_method.automatically_updated"


def test_only_test_numbers_are_taken(client):
    card = {"exp_month": 12, "exp_year": 2034, "cvc": "123"}
    made = client.v1.payment_methods.create({"type": "card", "card": {"number": "4242 4242 4242 4242", **card}})
    assert made.card.last4 == "4242" and made.customer is None
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_methods.create({"type": "card", "card": {"number": "4111111111111111", **card}})
    assert declined.value.error.decline_code == "test_mode_live_card"


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (49, "jpy", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (0, "usd", "parameter_invalid_integer"),
        (1005, "kwd", None),
        (2900, "xyz", None),
    ],
)
def test_amounts_that_cannot_be_charged(pay, panel, amount, currency, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay(amount=amount, currency=currency)
    assert (refused.value.http_status, refused.value.code) == (400, code)
    assert panel.objects("payment_intents") == []


@pytest.mark.parametrize(("amount", "currency"), [(50, "usd"), (50, "jpy"), (30, "gbp"), (1010, "kwd"), (50, "eur")])
def test_amounts_that_can_be_charged(pay, amount, currency):
    intent = pay(amount=amount, currency=currency)
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", amount, currency)


def test_an_intent_is_cancelled_before_money_moves_but_not_after(client, customer, pay):
    params = {"amount": 2900, "currency": "usd", "automatic_payment_methods": AUTOMATIC}
    waiting = client.v1.payment_intents.create(params)
    assert waiting.status == "requires_payment_method"
    assert client.v1.payment_intents.cancel(waiting.id, {"cancellation_reason": "abandoned"}).status == "canceled"
    for attempt in (client.v1.payment_intents.cancel, client.v1.payment_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            attempt(pay().id)
        assert refused.value.code == "payment_intent_unexpected_state"
