"""What the page shows is what a provider is asked for, in every currency's own counting: to pay, and to give back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing_portal.invariants import check_books
from billing_portal.kit.currencies import CURRENCIES
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money, exponent
from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Invoice, LedgerLeg, Payment, Refund
from payments.providers import breaker
from payments.tests.paypal_payments import finance, given, owner_of, post
from payments.tests.refund_world import bill

pytestmark = pytest.mark.django_db

# The invoice and what is given back of it, in the smallest unit; then what stands on the page.
AMOUNTS = {
    "usd": (2_904, 905, "$29.04", "$9.05"),
    "jpy": (2_904, 905, "¥2,904", "¥905"),
    "huf": (290_400, 90_500, "HUF 2,904.00", "HUF 905.00"),
    "twd": (290_400, 90_500, "NT$2,904.00", "NT$905.00"),
    "kwd": (12_340, 4_560, "KWD 12.340", "KWD 4.560"),
    "isk": (5_000, 1_999, "ISK 5,000", "ISK 1,999"),
}
# As each provider is sent it, written out by hand; None: it does not take the currency.
AT_STRIPE = {
    "usd": (2_904, 905),
    "jpy": (2_904, 905),
    "huf": (290_400, 90_500),
    "twd": (290_400, 90_500),
    "kwd": (12_340, 4_560),
    "isk": (500_000, 199_900),
}
AT_PAYPAL = {
    "usd": ("29.04", "9.05"),
    "jpy": ("2904", "905"),
    "huf": ("2904", "905"),
    "twd": ("2904", "905"),
    "kwd": None,
    "isk": None,
}
TAKEN = [currency for currency, sent in AT_PAYPAL.items() if sent]


@pytest.fixture(autouse=True)
def books_hold(stripe: StripeWorld, paypal: PayPalWorld, settings: Any) -> Iterator[None]:
    """Both providers are on. No refund here waits for a second person."""
    breaker.forget()
    settings.SECOND_PERSON_ABOVE = dict.fromkeys(AMOUNTS, 10**9)
    yield
    assert check_books()[1] == []
    paypal_books_agree(paypal)


def billed(currency: str, minor: int | None = None) -> tuple[Client, Invoice]:
    tenant = world.subscribed(world.plan_price(currency, outbound="1"), slug=f"in-{currency}")
    return owner_of(tenant), bill(tenant, minor or AMOUNTS[currency][0])


def wish(invoice: Invoice, provider: str, minor: int | None = None) -> dict[str, Any]:
    card = {"type": "card", "stripePaymentMethodId": "pm_card_visa"}
    return {
        "amount": minor or invoice.total_minor,
        "currency": invoice.currency,
        "invoiceId": str(invoice.id),
        "paymentMethod": card if provider == "stripe" else {"type": "paypal"},
    }


def in_main_units(text: str) -> Decimal:
    """What a person reads."""
    return Decimal(re.sub(r"[^0-9.]", "", text))


@pytest.mark.parametrize("currency", AMOUNTS)
def test_stripe_receives_what_the_page_shows(stripe: StripeWorld, paypal: PayPalWorld, currency: str) -> None:
    minor, back, shown, shown_back = AMOUNTS[currency]
    owner, invoice = billed(currency)
    assert shown in words(owner.get(f"/invoices/{invoice.id}"))
    answer = post(owner, "/api/payments", wish(invoice, "stripe"))
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")
    payment = Payment.objects.get()
    assert given(finance(), payment, back).json()["status"] == "succeeded"

    charge, refund = stripe.objects("charges")[0], stripe.objects("refunds")[0]
    assert (charge["amount"], refund["amount"]) == AT_STRIPE[currency]
    assert {charge["currency"], refund["currency"]} == {currency}
    places = CURRENCIES[currency].stripe
    assert places is not None
    assert Decimal(charge["amount"]).scaleb(-places) == in_main_units(shown)
    assert Decimal(refund["amount"]).scaleb(-places) == in_main_units(shown_back)
    assert (payment.amount_minor, Refund.objects.get().amount_minor) == (minor, back)
    seen = words(owner.get(f"/payments/{payment.id}"))
    assert shown in seen and shown_back in seen
    assert paypal.panel("GET", "log") == []


@pytest.mark.parametrize("currency", TAKEN)
def test_paypal_receives_what_the_page_shows(stripe: StripeWorld, paypal: PayPalWorld, currency: str) -> None:
    minor, back, shown, shown_back = AMOUNTS[currency]
    owner, invoice = billed(currency)
    assert shown in words(owner.get(f"/invoices/{invoice.id}"))
    assert post(owner, "/api/payments", wish(invoice, "paypal")).status_code == 201
    payment = Payment.objects.get()
    paypal.approve(payment.provider_ref or "")
    assert post(owner, f"/api/payments/paypal/capture/{payment.provider_ref}").status_code == 200
    assert given(finance(), payment, back).json()["status"] == "succeeded"

    order, capture, refund = (paypal.objects(kind)[0] for kind in ("orders", "captures", "refunds"))
    sent = [order["purchase_units"][0]["amount"], capture["amount"], refund["amount"]]
    assert {each["currency_code"] for each in sent} == {currency.upper()}
    assert (sent[0]["value"], sent[2]["value"]) == AT_PAYPAL[currency]
    assert sent[1]["value"] == sent[0]["value"]
    assert Decimal(sent[0]["value"]) == in_main_units(shown)
    assert Decimal(sent[2]["value"]) == in_main_units(shown_back)
    payment.refresh_from_db()
    assert (payment.amount_minor, Refund.objects.get().amount_minor) == (minor, back)
    fee = capture["seller_receivable_breakdown"]["paypal_fee"]["value"]
    assert payment.fee_minor == int(Decimal(fee).scaleb(exponent(currency)))
    cash = LedgerLeg.objects.filter(account="cash_paypal").values_list("amount_minor", flat=True)
    assert sum(cash) == minor - payment.fee_minor - back
    seen = words(owner.get(f"/payments/{payment.id}"))
    assert shown in seen and shown_back in seen
    assert stripe.panel("GET", "log") == []


@pytest.mark.parametrize("currency", [each for each in AMOUNTS if each not in TAKEN])
def test_what_paypal_does_not_take_is_refused_before_anybody_is_asked(
    stripe: StripeWorld, paypal: PayPalWorld, currency: str
) -> None:
    owner, invoice = billed(currency)
    for path, body in (
        ("/api/payments", wish(invoice, "paypal")),
        (f"/api/invoices/{invoice.id}/pay", {"paymentMethod": {"type": "paypal"}}),
    ):
        answer = post(owner, path, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "currency_not_supported")
    assert not Payment.objects.exists()
    assert paypal.panel("GET", "log") == stripe.panel("GET", "log") == []


@pytest.mark.parametrize(
    ("provider", "currency", "minor", "step"),
    [
        ("paypal", "huf", 290_450, "HUF 1.00"),
        ("paypal", "twd", 290_499, "NT$1.00"),
        ("stripe", "kwd", 12_345, "KWD 0.010"),
    ],
)
def test_what_can_not_be_written_is_refused_before_anybody_is_asked(
    stripe: StripeWorld, paypal: PayPalWorld, provider: str, currency: str, minor: int, step: str
) -> None:
    owner, invoice = billed(currency, minor)
    answer = post(owner, "/api/payments", wish(invoice, provider))
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["field"]) == (400, "invalid_amount", "amount")
    assert step in error["message"].replace("\N{NO-BREAK SPACE}", " ")
    assert not Payment.objects.exists()
    assert paypal.panel("GET", "log") == stripe.panel("GET", "log") == []


@pytest.mark.parametrize(
    ("provider", "currency", "back"), [("paypal", "huf", 90_550), ("paypal", "twd", 1), ("stripe", "kwd", 4_565)]
)
def test_nor_is_it_given_back(
    stripe: StripeWorld, paypal: PayPalWorld, provider: str, currency: str, back: int
) -> None:
    owner, invoice = billed(currency)
    assert post(owner, "/api/payments", wish(invoice, provider)).status_code == 201
    payment = Payment.objects.get()
    if provider == "paypal":
        paypal.approve(payment.provider_ref or "")
        post(owner, f"/api/payments/paypal/capture/{payment.provider_ref}")
    staff = finance()
    answer = given(staff, payment, back)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["field"]) == (400, "invalid_amount", "amount")
    assert not Refund.objects.exists() and not paypal.objects("refunds") and not stripe.objects("refunds")
    body = json.dumps({"amount": back, "destination": "credit"})
    path = f"/api/payments/{payment.id}/refund"
    assert staff.post(path, body, content_type="application/json").status_code == 201, "credit is ours to count"


def test_what_is_shown_is_read_as_it_was_meant() -> None:
    """The table above, by the code that writes pages."""
    plain: Callable[[int, str], str] = lambda minor, code: money_text(Money(minor, code)).replace("\xa0", " ")  # noqa: E731
    for currency, (minor, back, shown, shown_back) in AMOUNTS.items():
        assert (plain(minor, currency), plain(back, currency)) == (shown, shown_back)
        assert in_main_units(shown) == Money(minor, currency).decimal()
