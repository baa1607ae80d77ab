"""The page that starts a subscription: what it shows is what is charged, whichever way; a card is added on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import hidden, words
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries as money
from payments.actions.saving_methods import customer_for
from payments.models import Invoice, PaymentMethod
from payments.tests.offline_world import verify_check
from subscriptions.models import Subscription
from subscriptions.tests.pages_world import browser, sent
from subscriptions.tests.paypal_plans import agreed, at_paypal
from subscriptions.tests.plan_world import credit_of, price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
START = "/subscription/start?plan=pro&cycle=monthly&seats=2"


@pytest.fixture
def taxed() -> Any:
    """Who pays tax, and has 10.00 of credit."""
    found = world.tenant(currency="usd", tax_name="Sales tax", tax_percent=Decimal("6.25"))
    verify_check(world.check_for(found, 1_000, world.user(staff=True)))
    return found


def saved_card(stripe: StripeWorld, of: Any, client: Client) -> str:
    customer = customer_for(tenant=of, provider=stripe.provider, now=timezone.now())
    reference = stripe.saved_method(customer.provider_ref)
    client.post("/methods/saved", {"method_ref": reference})
    return reference


def test_by_invoice_its_tax_is_shown_and_its_credit_pays(stripe: StripeWorld, taxed: Any) -> None:
    price(2_900, code="pro")
    client = browser(taxed)
    saved_card(stripe, taxed, client)
    page = client.get(START)
    assert "Your credit pays of it −$10.00" in words(page) and "Start for $51.63" in words(page)
    client.post("/subscription/start", sent(page, pay_with=""))
    invoice = Invoice.objects.get()
    assert (invoice.total_minor, money.amounts(invoice).open, credit_of(taxed)) == (6_163, 5_163, 0)


def test_by_card_the_price_alone_is_shown_and_charged(stripe: StripeWorld, taxed: Any) -> None:
    price(2_900, code="pro")
    client = browser(taxed)
    card = saved_card(stripe, taxed, client)
    page = client.get(START)
    assert "Start for $58.00" in words(page) and "Your credit of $10.00 stays" in words(page)
    assert (hidden(page)["shown"], hidden(page)["shown_charge"]) == (["6163"], ["5800"])
    client.post("/subscription/start", sent(page, pay_with=card))
    assert Subscription.objects.get().status == "active"
    assert (stripe.taken(), Invoice.objects.get().total_minor, credit_of(taxed)) == ([5_800], 5_800, 1_000)
    told = words(client.get("/subscription"))
    assert "Next invoice $58.00" in told and "tax" not in told


def test_by_paypal_too(paypal: PayPalWorld, taxed: Any) -> None:
    at_paypal(price(2_900, code="pro"))
    client = browser(taxed)
    page = client.get(START)
    assert "Start for $58.00" in words(page)
    client.post("/subscription/start", sent(page, pay_with="paypal"))
    agreed(paypal, Subscription.objects.get())
    assert [each["amount"]["total"] for each in paypal.objects("sales")] == ["58.00"]
    assert (Invoice.objects.get().total, credit_of(taxed)) == (Money(5_800, "usd"), 1_000)


def test_what_was_shown_for_one_way_does_not_start_it_another_way(stripe: StripeWorld, taxed: Any) -> None:
    price(2_900, code="pro")
    client = browser(taxed)
    card = saved_card(stripe, taxed, client)
    form = sent(client.get(START), pay_with=card) | {"shown_charge": "5900"}
    assert "What it costs has changed" in words(client.post("/subscription/start", form))
    assert stripe.taken() == [] and not Subscription.objects.exists()


def test_who_has_neither_tax_nor_credit_sees_one_sum(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    price(2_900, code="pro")
    saved_card(stripe, acme, owner)
    page = owner.get(START)
    assert "shown_charge" not in hidden(page) and words(page).count("Start for $58.00") == 1


def test_a_card_is_added_on_the_way_and_the_choices_are_kept(stripe: StripeWorld, acme: Any, owner: Client) -> None:
    price(2_900, code="pro", trial_days=14)
    saved_card(stripe, acme, owner)
    page = owner.get(f"{START}&begin=now").content.decode()
    assert 'form="choosing" formaction="/methods/add-card"' in page
    chosen = {"plan": "pro", "cycle": "monthly", "seats": "7", "coupon": "", "begin": "now"}
    adding = owner.get("/methods/add-card", chosen | {"next": "/subscription/start"})
    back = hidden(adding)["next"][-1]  # those before it are of the page around it
    customer = customer_for(tenant=acme, provider=stripe.provider, now=timezone.now())
    reference = stripe.saved_method(customer.provider_ref, "pm_card_mastercard")
    answer = owner.post("/methods/saved", {"method_ref": reference, "next": back})
    to = urlsplit(answer["Location"])
    assert to.path == "/subscription/start"
    asked = {name: values[0] for name, values in parse_qs(to.query, keep_blank_values=True).items()}
    assert asked == chosen | {"pay_with": reference}
    started = owner.get(answer["Location"])
    assert "is saved" in words(started) and "Start for $203.00" in words(started)
    assert f'value="{reference}" checked' in started.content.decode()
    assert PaymentMethod.objects.filter(provider_ref=reference).exists()


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_led_to_another_site_by_it(stripe: StripeWorld, acme: Any, owner: Client, elsewhere: str) -> None:
    assert elsewhere not in hidden(owner.get("/methods/add-card", {"next": elsewhere}))["next"]
    customer = customer_for(tenant=acme, provider=stripe.provider, now=timezone.now())
    reference = stripe.saved_method(customer.provider_ref)
    answer = owner.post("/methods/saved", {"method_ref": reference, "next": elsewhere})
    assert answer["Location"] == "/methods"
