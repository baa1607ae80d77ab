"""Paying at PayPal by the pages: where they lead, what they say on the way back, and what is not offered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.recording import verify_manual_payment
from payments.inbox.handling import handle_due
from payments.models import Payment
from payments.pages.at_paypal import page_of
from payments.pages.paying import paypal_takes
from payments.providers import breaker
from payments.tests.paying_pages import CENTS, Paying, paying, saved

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


@pytest.fixture
def acme(paypal: PayPalWorld) -> Paying:
    return paying(payment_terms_days=3_650)


def to_paypal(acme: Paying, **fields: Any) -> Payment:
    """The form is sent; the payment that waits at PayPal."""
    answer = acme.sends(pay_with="paypal", **fields)
    payment = Payment.objects.get(status="requires_action")
    assert answer.headers["Location"] == payment.approval_url
    return payment


def back(client: Client, payment: Payment, page: str = "return") -> Any:
    """Where PayPal's page leads; the answer."""
    return client.get(f"/payments/paypal/{page}", {"token": payment.provider_ref, "PayerID": "QYR5Z8XDVJNXQ"})


def seen(acme: Paying, answer: Any) -> str:
    """The words of the page that an answer leads to."""
    return words(acme.client.get(answer.headers["Location"]))


def part(amount: str) -> dict[str, str]:
    return {"how_much": "part", "part": amount}


def test_the_form_leads_to_the_page_that_paypal_named_and_nowhere_else(paypal: PayPalWorld, acme: Paying) -> None:
    page = acme.client.get(acme.url)
    assert "PayPal You approve it at PayPal and come back here" in words(page)
    assert (
        f"form-action 'self' https://www.sandbox.paypal.com {paypal.sandbox.base_url};"
        in (page.headers["Content-Security-Policy"] + ";")
        or f"form-action 'self' {paypal.sandbox.base_url} https://www.sandbox.paypal.com"
        in (page.headers["Content-Security-Policy"])
    )
    form = acme.form()
    answers = [acme.sends(form, pay_with="paypal") for _ in range(2)]
    payment = Payment.objects.get()
    [order] = paypal.objects("orders")
    assert {each.headers["Location"] for each in answers} == {payment.approval_url}
    assert parse_qs(urlsplit(str(payment.approval_url)).query) == {"token": [order["id"]]}
    assert order["purchase_units"][0]["amount"]["value"] == "120.00"
    assert "form-action 'self'" in acme.client.get("/invoices").headers["Content-Security-Policy"].replace(";", "")
    assert "paypal" not in acme.client.get("/invoices").headers["Content-Security-Policy"]


def test_nobody_is_sent_to_an_address_that_is_not_paypals(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme)
    base = paypal.sandbox.base_url
    for strange in (
        "https://evil.example/checkoutnow?token=1",
        f"{base}.evil.example/checkoutnow",
        f"{base}@evil.example/",
        "https://www.paypal.com/checkoutnow?token=1",  # the live one
        "javascript:alert(1)",
        "",
    ):
        payment.approval_url = strange
        assert page_of(payment) == ""
        Payment.objects.filter(id=payment.id).update(approval_url=strange)
        answer = acme.client.get(f"/payments/{payment.id}/confirm")
        assert answer.headers["Location"] == f"/payments/{payment.id}"
    payment.approval_url = "https://www.sandbox.paypal.com/checkoutnow?token=1"
    assert page_of(payment) == payment.approval_url


def test_who_approves_and_comes_back_has_paid_once(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme)
    paypal.approve(str(payment.provider_ref))
    answers = [back(acme.client, payment) for _ in range(3)]
    assert {each.headers["Location"] for each in answers} == {f"/payments/{payment.id}"}
    told = seen(acme, answers[0])
    assert "Payment of $120.00 Succeeded" in told
    assert "$120.00 by PayPal." in told and "PayPal asked for your approval" in told
    assert "Paid" in words(acme.client.get(f"/invoices/{acme.invoice.id}"))
    assert paypal.taken() == ["120.00"]
    assert back(acme.client, payment, "cancel").headers["Location"] == f"/payments/{payment.id}", "it stays taken"
    payment.refresh_from_db()
    assert payment.status == "succeeded"


def test_who_comes_back_without_having_approved_is_shown_the_way(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme)
    told = seen(acme, back(acme.client, payment))
    assert "A payment of $120.00 waits for your approval at PayPal Nothing is charged until you do." in told
    assert "Finish at PayPal" in told
    onward = acme.client.get(f"/payments/{payment.id}/confirm")
    assert onward.headers["Location"] == payment.approval_url
    assert "Action needed finish it at PayPal" in words(acme.client.get("/invoices"))
    assert "Finish at PayPal" in words(acme.client.get(f"/invoices/{acme.invoice.id}"))
    assert "It is for" in words(acme.client.get("/")) and "Finish at PayPal" in words(acme.client.get("/"))
    assert "waits for you to finish it at PayPal" in words(acme.client.get(acme.url))
    assert paypal.taken() == []


def test_who_cancels_is_led_back_to_pay(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme, **part("40"))
    answer = back(acme.client, payment, "cancel")
    assert answer.headers["Location"] == f"{acme.url}?given_up={payment.id}"
    page = acme.client.get(answer.headers["Location"])
    told = words(page)
    assert "You came back from PayPal without approving Nothing was charged." in told
    assert 'value="40.00"' in page.content.decode()
    payment.refresh_from_db()
    assert payment.status == "canceled"
    assert "Given up Nothing was charged." in words(acme.client.get(f"/payments/{payment.id}"))
    assert back(acme.client, payment, "cancel").headers["Location"] == answer.headers["Location"]
    # PayPal's page is still open in another tab: what is approved there now is not taken.
    paypal.approve(str(payment.provider_ref))
    back(acme.client, payment)
    paypal.deliver()
    handle_due(timezone.now() + timedelta(seconds=1))
    assert paypal.taken() == []
    again = to_paypal(acme)
    assert again.id != payment.id


def test_a_payment_of_no_invoice_that_is_canceled_says_so(paypal: PayPalWorld, acme: Paying) -> None:
    body = {"amount": 2_900, "currency": "usd", "paymentMethod": {"type": "paypal"}}
    acme.client.post("/api/payments", body, content_type="application/json")
    payment = Payment.objects.get()
    told = seen(acme, back(acme.client, payment, "cancel"))
    assert "You came back from PayPal without approving. Nothing was charged." in told
    assert "Payment of $29.00 Canceled" in told


def test_a_declined_card_leads_back_to_the_same_page_of_paypals(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme, **part("29.21"))
    paypal.approve(str(payment.provider_ref))
    told = seen(acme, back(acme.client, payment))
    assert "PayPal could not take $29.21 from the card or account that you chose" in told
    assert "Nothing was charged. Go back to PayPal and choose another one there." in told
    assert "Choose another at PayPal" in told
    assert acme.client.get(f"/payments/{payment.id}/confirm").headers["Location"] == payment.approval_url
    paypal.approve(str(payment.provider_ref))
    assert "Payment of $29.21 Succeeded" in seen(acme, back(acme.client, payment))
    assert (paypal.taken(), Payment.objects.count()) == (["29.21"], 1)


def test_what_paypal_refuses_for_good_leads_back_to_pay(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme, **part("29.24"))
    paypal.approve(str(payment.provider_ref))
    answer = back(acme.client, payment)
    assert answer.headers["Location"] == f"{acme.url}?declined={payment.id}"
    told = seen(acme, answer)
    assert "PayPal declined this payment" in told and "Nothing was charged." in told


def test_a_review_of_paypals_says_so(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme, **part("29.22"))
    paypal.approve(str(payment.provider_ref))
    told = seen(acme, back(acme.client, payment))
    assert "Payment of $29.22 Processing" in told
    assert "PayPal looks at your payment of $29.22 You have approved it." in told and "You need not pay again." in told
    assert "You approved it, and PayPal looks at it" in told


def test_what_was_not_finished_in_time_says_so(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme)
    paypal.panel("POST", "clock", {"now": (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")})
    told = seen(acme, back(acme.client, payment))
    assert "This payment was not finished in time Nothing was charged" in told
    assert f"Pay {acme.invoice.number}" in told


def test_what_another_way_has_paid_meanwhile_is_not_taken(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme)
    check = world.check_for(acme.tenant, CENTS, world.user(staff=True), invoice=acme.invoice, now=timezone.now())
    verify_manual_payment(payment_id=check.id, verifier=world.user(staff=True), actor=world.SYSTEM, now=timezone.now())
    paypal.approve(str(payment.provider_ref))
    assert "The invoice was paid in another way meanwhile. PayPal was not charged." in seen(
        acme, back(acme.client, payment)
    )
    assert paypal.taken() == []


@pytest.mark.parametrize("way", ["return", "cancel"])
def test_a_provider_that_is_away_is_said_and_nothing_is_lost(paypal: PayPalWorld, acme: Paying, way: str) -> None:
    payment = to_paypal(acme)
    paypal.approve(str(payment.provider_ref))
    path = "/v2/checkout/orders/*/capture" if way == "return" else "/v2/checkout/orders/*"
    method = "POST" if way == "return" else "GET"
    paypal.fault("status", path, method=method, status=503, times=3)
    answer = back(acme.client, payment, way)
    assert answer.headers["Location"] == f"/payments/{payment.id}"
    paypal.panel("DELETE", "faults")
    breaker.forget()
    asked = acme.client.post(f"/payments/{payment.id}/refresh")
    assert "Payment of $120.00 Succeeded" in seen(acme, asked)
    assert paypal.taken() == ["120.00"]


def test_what_went_back_at_paypal_is_told_as_paypals(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme)
    paypal.approve(str(payment.provider_ref))
    back(acme.client, payment)
    payment.refresh_from_db()
    paypal.settle(str(payment.capture_ref), "reversed")
    paypal.deliver()
    handle_due(timezone.now() + timedelta(seconds=1))
    told = words(acme.client.get(f"/payments/{payment.id}"))
    assert "PayPal took this payment back What it had paid is due again." in told
    assert "PayPal took $120.00 back" in told
    assert "by PayPal" in told and "your bank" not in told.lower()


def test_a_dispute_at_paypal_is_told_as_paypals(paypal: PayPalWorld, acme: Paying) -> None:
    payment = to_paypal(acme)
    paypal.approve(str(payment.provider_ref))
    back(acme.client, payment)
    payment.refresh_from_db()
    paypal.settle(str(payment.capture_ref), "disputed")
    acme.client.post(f"/payments/{payment.id}/refresh")
    told = words(acme.client.get(f"/payments/{payment.id}"))
    assert "This payment is disputed at PayPal" in told and "$120.00 disputed at PayPal" in told
    assert "your bank" not in told.lower()


@pytest.mark.parametrize(
    ("amount", "is_taken"),
    [
        (Money(2_900, "usd"), True),
        (Money(2_900, "kwd"), False),
        (Money(2_900, "huf"), True),
        (Money(2_950, "huf"), False),
        (Money(290, "jpy"), True),
    ],
)
def test_what_paypal_does_not_take_is_not_offered(paypal: PayPalWorld, amount: Money, is_taken: bool) -> None:
    assert paypal_takes(amount) is is_taken


def test_it_stands_beside_cards_and_is_refused_where_it_is_not_offered(
    paypal: PayPalWorld, stripe: StripeWorld, settings: Any
) -> None:
    acme = paying(payment_terms_days=3_650)
    card = saved(stripe, acme.tenant)
    told = words(acme.client.get(acme.url))
    assert "Visa •••• 4242" in told and "New card" in told and "You approve it at PayPal" in told
    acme.sends(pay_with=card.id, **part("20"))
    assert stripe.taken() == [2_000]
    payment = to_paypal(acme)
    paypal.approve(str(payment.provider_ref))
    back(acme.client, payment)
    assert paypal.taken() == ["100.00"]


def test_without_paypal_the_form_can_not_ask_for_it(stripe: StripeWorld) -> None:
    acme = paying()
    page = acme.client.get(acme.url)
    assert "PayPal" not in words(page) and "paypal" not in page.headers["Content-Security-Policy"]
    assert "PayPal is not offered for this invoice." in words(acme.sends(pay_with="paypal"))
    assert not Payment.objects.exists()


@pytest.mark.parametrize("way", ["return", "cancel"])
def test_only_the_tenants_own_order_is_found_and_only_by_a_payer(paypal: PayPalWorld, acme: Paying, way: str) -> None:
    payment = to_paypal(acme)
    paypal.approve(str(payment.provider_ref))
    stranger, viewer = Client(), Client()
    stranger.force_login(world.member(world.tenant(slug="stranger")))
    viewer.force_login(world.member(acme.tenant, "viewer"))
    assert [back(each, payment, way).status_code for each in (stranger, viewer)] == [404, 403]
    for token in ("", "5O190127TN364715T", "../x", "a" * 65):
        assert acme.client.get(f"/payments/paypal/{way}", {"token": token}).status_code == 404
    assert back(Client(), payment, way).headers["Location"].startswith("/login?next=%2Fpayments%2Fpaypal%2F")
    payment.refresh_from_db()
    assert (payment.status, paypal.taken()) == ("requires_action", [])
