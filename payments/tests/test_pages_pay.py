"""The page that pays an invoice: which methods, how much, one payment for one form, and what it says when it fails."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.models import Payment, PaymentMethod
from payments.tests.paying_pages import CENTS, Paying, paying, saved

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("october")]


@pytest.fixture
def october():
    with time_machine.travel(at("2026-10-05 12:00"), tick=False):
        yield


@pytest.fixture
def acme(stripe: StripeWorld) -> Paying:
    return paying()


def test_the_default_is_chosen_and_the_button_says_the_amount(stripe: StripeWorld, acme: Paying) -> None:
    card, other = saved(stripe, acme.tenant), saved(stripe, acme.tenant, "pm_card_mastercard")
    page = acme.client.get(acme.url)
    body = page.content.decode()
    assert re.search(rf'value="{card.id}"[^>]* checked', body)
    assert not re.search(rf'value="{other.id}"[^>]* checked', body)
    seen = words(page)
    assert "Pay $120.00" in seen and "Visa •••• 4242 Default Charged at once Expires 12/34" in seen
    assert f"Write this code on the check or in the wire's reference {acme.invoice.remittance_code}" in seen


def test_a_saved_card_pays_all_that_is_due(stripe: StripeWorld, acme: Paying) -> None:
    card = saved(stripe, acme.tenant)
    answer = acme.sends(pay_with=card.id)
    payment = Payment.objects.get()
    assert answer.headers["Location"] == f"/payments/{payment.id}"
    assert (payment.status, payment.amount_minor, payment.method_ref) == ("succeeded", CENTS, card.provider_ref)
    assert stripe.taken() == [CENTS]
    seen = words(acme.client.get(f"/payments/{payment.id}"))
    assert "Payment of $120.00 Succeeded" in seen and "Visa •••• 4242" in seen and "Print receipt" in seen
    again = acme.client.get(acme.url)
    assert again.headers["Location"] == f"/invoices/{acme.invoice.id}"


def test_a_form_whose_key_no_database_takes_is_refused_and_no_error_of_ours(stripe: StripeWorld, acme: Paying) -> None:
    answer = acme.sends(pay_with=saved(stripe, acme.tenant).id, key="a\0b")
    assert answer.status_code == 400 and "nothing was changed" in words(answer)
    assert not Payment.objects.exists() and stripe.taken() == []


@pytest.mark.parametrize("then", ["again", "otherwise"])
def test_one_form_is_one_payment_however_often_it_comes(stripe: StripeWorld, acme: Paying, then: str) -> None:
    card, other = saved(stripe, acme.tenant), saved(stripe, acme.tenant, "pm_card_mastercard")
    form = acme.form()
    first = acme.sends(form, pay_with=card.id)
    second = acme.sends(form, pay_with=card.id if then == "again" else other.id)
    assert first.headers["Location"] == second.headers["Location"]
    assert stripe.taken() == [CENTS]


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one_payment(stripe: StripeWorld, acme: Paying) -> None:
    card, form = saved(stripe, acme.tenant), acme.form()
    cookie = acme.client.cookies["sessionid"].value

    def click() -> int:
        client = Client()
        client.cookies["sessionid"] = cookie
        return client.post(acme.url, {**form, "pay_with": card.id}).status_code

    outcomes = at_once(6, click)
    assert outcomes.errors == []
    assert set(outcomes.results) == {302}
    assert (Payment.objects.count(), stripe.taken()) == (1, [CENTS])


def test_a_new_card_pays_and_is_kept_only_when_asked_to(stripe: StripeWorld, acme: Paying) -> None:
    acme.sends(pay_with="new-card", card="pm_card_visa", how_much="part", part="20")
    assert not PaymentMethod.objects.exists()
    acme.sends(pay_with="new-card", card="pm_card_mastercard", how_much="part", part="30.00", keep="on")
    assert [each.amount_minor for each in Payment.objects.order_by("amount_minor")] == [2_000, 3_000]
    assert "Mastercard •••• 4444" in words(acme.client.get("/methods"))
    assert PaymentMethod.objects.get().brand == "mastercard"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"pay_with": "new-card", "card": "4242424242424242"}, "A new card needs JavaScript"),
        ({"pay_with": "new-card"}, "A new card needs JavaScript"),
        ({}, "Choose how you would like to pay."),
        ({"pay_with": "offline"}, "A check or wire is sent, not paid here."),
        ({"pay_with": str(uuid4())}, "This payment method is gone. Choose another."),
        (
            {"pay_with": "new-card", "card": "pm_card_visa", "how_much": "part", "part": "120.01"},
            "That is more than is due: $120.00 is the most.",
        ),
        ({"pay_with": "new-card", "card": "pm_card_visa", "how_much": "part", "part": ""}, "Write the amount like"),
        (
            {"pay_with": "new-card", "card": "pm_card_visa", "how_much": "part", "part": "0.10"},
            "The least that can be paid this way is $0.50.",
        ),
        ({"pay_with": "new-card", "card": "pm_card_visa", "shown": "11900"}, "What is due has changed"),
        ({"pay_with": "new-card", "card": "pm_card_visa", "key": "x"}, "This page was not sent as a whole."),
    ],
)
def test_what_cannot_be_paid_is_said_and_nothing_is_sent(
    stripe: StripeWorld, acme: Paying, fields: dict[str, str], told: str
) -> None:
    answer = acme.sends(**fields)
    assert told in words(answer)
    assert 'role="alert"' in answer.content.decode()
    assert not Payment.objects.exists()
    assert stripe.objects("payment_intents") == []


def test_a_declined_card_leads_back_with_the_reason_and_a_new_key(stripe: StripeWorld, acme: Paying) -> None:
    form = acme.form()
    poor = "pm_card_chargeDeclinedInsufficientFunds"
    answer = acme.sends(form, pay_with="new-card", card=poor, how_much="part", part="40")
    payment = Payment.objects.get()
    assert answer.headers["Location"] == f"{acme.url}?declined={payment.id}"
    page = acme.client.get(answer.headers["Location"])
    seen = words(page)
    assert "Your bank declined Visa •••• 9995: not enough money on the account." in seen
    assert "Nothing was charged. Try another card, or this one again tomorrow." in seen
    assert 'value="40.00"' in page.content.decode()
    assert acme.form()["key"] != form["key"]
    acme.sends(pay_with="new-card", card="pm_card_visa")
    assert stripe.taken() == [CENTS]
    story = words(acme.client.get(f"/payments/{payment.id}"))
    assert "Your bank declined Visa •••• 9995: not enough money on the account." in story


@pytest.mark.parametrize("method", ["pm_card_visa_chargeDeclinedStolenCard", "pm_card_radarBlock"])
def test_what_hints_at_theft_is_not_told(stripe: StripeWorld, acme: Paying, method: str) -> None:
    answer = acme.sends(pay_with="new-card", card=method)
    seen = words(acme.client.get(answer.headers["Location"]))
    assert "It did not say why." in seen
    assert "stolen" not in seen and "fraud" not in seen


def test_a_payment_that_its_bank_asks_about_is_confirmed_or_given_up(stripe: StripeWorld, acme: Paying) -> None:
    answer = acme.sends(pay_with="new-card", card="pm_card_authenticationRequired")
    payment = Payment.objects.get()
    assert answer.headers["Location"] == f"/payments/{payment.id}/confirm"
    assert "Your bank wants you to confirm this payment" in words(acme.client.get(answer.headers["Location"]))
    assert "Action needed" in words(acme.client.get(f"/invoices/{acme.invoice.id}"))
    assert "Action needed" in words(acme.client.get("/invoices"))
    assert "Confirm $120.00" in words(acme.client.get("/"))
    assert "waits for you to confirm it at your bank" in words(acme.client.get(acme.url))
    asked = acme.client.post(f"/payments/{payment.id}/refresh")
    assert asked.headers["Location"] == f"/payments/{payment.id}"  # not opened again by itself
    stripe.authenticate(str(payment.provider_ref))
    acme.client.post(f"/payments/{payment.id}/refresh")
    assert "Your bank asked you to confirm it" in words(acme.client.get(f"/payments/{payment.id}"))
    assert stripe.taken() == [CENTS]
    over = acme.client.get(f"/payments/{payment.id}/confirm")
    assert over.headers["Location"] == f"/payments/{payment.id}"


def test_who_refuses_at_the_bank_is_led_back_to_pay(stripe: StripeWorld, acme: Paying) -> None:
    acme.sends(pay_with="new-card", card="pm_card_authenticationRequired")
    payment = Payment.objects.get()
    stripe.authenticate(str(payment.provider_ref), "failed")
    answer = acme.client.post(f"/payments/{payment.id}/refresh")
    assert "You did not confirm this payment at your bank." in words(acme.client.get(answer.headers["Location"]))


def test_a_payment_given_up_is_canceled_at_stripe_too(stripe: StripeWorld, acme: Paying) -> None:
    acme.sends(pay_with="new-card", card="pm_card_authenticationRequired")
    payment = Payment.objects.get()
    acme.client.post(f"/payments/{payment.id}/give-up")
    assert "Given up Nothing was charged." in words(acme.client.get(f"/payments/{payment.id}"))
    assert stripe.objects("payment_intents")[0]["status"] == "canceled"
    assert "Pay $120.00" in words(acme.client.get(acme.url))


def test_a_bank_account_pays_in_days_and_nobody_is_asked_meanwhile(stripe: StripeWorld, acme: Paying) -> None:
    account = saved(stripe, acme.tenant, "account")
    assert "Bank debit (ACH): takes 3 to 5 business days" in words(acme.client.get(acme.url))
    acme.sends(pay_with=account.id)
    payment = Payment.objects.get()
    seen = words(acme.client.get(f"/payments/{payment.id}"))
    assert "$120.00 is on its way from" in seen and "It takes 3 to 5 business days. You need not pay again." in seen
    assert "Pay $" not in words(acme.client.get(f"/invoices/{acme.invoice.id}"))
    assert acme.client.get(acme.url).headers["Location"] == f"/invoices/{acme.invoice.id}"
    stripe.settle(str(payment.provider_ref), "failed", "account_closed")
    answer = acme.client.post(f"/payments/{payment.id}/refresh")
    assert "the account is closed. Nothing was charged. Try another account." in words(
        acme.client.get(answer.headers["Location"])
    )


def test_an_answer_that_was_lost_is_told_and_nothing_is_charged_twice(stripe: StripeWorld, acme: Paying) -> None:
    card, form = saved(stripe, acme.tenant), acme.form()
    stripe.fault("drop_after", times=2)
    acme.sends(form, pay_with=card.id)
    payment = Payment.objects.get()
    seen = words(acme.client.get(f"/payments/{payment.id}"))
    assert "We sent your payment to the bank and have no answer yet" in seen
    assert "Do not pay again; we look every few minutes and write to you. Nothing is charged twice." in seen
    acme.client.post(f"/payments/{payment.id}/refresh")
    acme.sends(form, pay_with=card.id)
    assert (Payment.objects.get().status, stripe.taken()) == ("succeeded", [CENTS])


def test_a_stripe_that_is_away_charges_nothing_and_says_so(stripe: StripeWorld, acme: Paying) -> None:
    card = saved(stripe, acme.tenant)
    stripe.fault("rate_limit")
    answer = acme.sends(pay_with=card.id)
    assert "Nothing was charged." in words(answer)
    acme.sends(pay_with=card.id)
    assert stripe.taken() == [CENTS]


def test_a_card_that_ran_out_says_so_and_is_not_chosen(stripe: StripeWorld, acme: Paying) -> None:
    card = saved(stripe, acme.tenant)
    PaymentMethod.objects.filter(id=card.id).update(exp_month=9, exp_year=2026)
    page = acme.client.get(acme.url)
    assert "This card has run out Expired 09/26" in words(page)
    assert re.search(r'value="new-card"[^>]* checked', page.content.decode())


def test_in_euro_no_bank_account_is_offered(stripe: StripeWorld) -> None:
    euro = paying(price=world.plan_price("eur"))
    account = saved(stripe, euro.tenant, "account")
    assert "bank account" not in words(euro.client.get(euro.url)).lower()
    assert "This payment method is gone." in words(euro.sends(pay_with=account.id))


def test_without_stripe_there_is_no_page_and_all_is_as_before() -> None:
    acme = paying()
    assert acme.client.get(acme.url).status_code == 404
    for path in ("/methods", "/methods/add-card", "/methods/add-bank-account"):
        assert acme.client.get(path).status_code == 404
    seen = words(acme.client.get(f"/invoices/{acme.invoice.id}"))
    assert "How to pay $120.00" in seen
    assert "Payment methods" not in seen


def test_a_viewer_reads_and_is_not_asked_to_pay(stripe: StripeWorld, acme: Paying) -> None:
    card = saved(stripe, acme.tenant)
    form = acme.form()
    reader = Client()
    reader.force_login(world.member(acme.tenant, "viewer"))
    assert reader.get(acme.url).status_code == 403
    assert reader.post(acme.url, {**form, "pay_with": card.id}).status_code == 403
    assert acme.url not in reader.get(f"/invoices/{acme.invoice.id}").content.decode()
    assert not Payment.objects.exists()
