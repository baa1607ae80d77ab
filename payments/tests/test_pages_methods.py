"""Payment methods as pages: the list, what a default in trouble says, choosing, removing; and what pages may load."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client

from billing_portal.tests import world
from billing_portal.tests.reading import words
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments.models import PaymentMethod
from payments.pages import stripe_js
from payments.tests.paying_pages import Paying, paying, saved

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("october")]


@pytest.fixture
def october():
    with time_machine.travel(at("2026-10-05 12:00"), tick=False):
        yield


@pytest.fixture
def acme(stripe: StripeWorld) -> Paying:
    return paying()


def test_the_list_says_what_each_is_and_did_last(stripe: StripeWorld, acme: Paying) -> None:
    card = saved(stripe, acme.tenant, "pm_card_chargeCustomerFail")
    saved(stripe, acme.tenant, "account")
    acme.sends(pay_with=card.id)
    seen = words(acme.client.get("/methods"))
    assert "Visa •••• 0341 Default Last charge declined Expires 12/34" in seen
    assert "Last used Oct 5, $120.00 declined" in seen
    assert "Visa •••• 0341 did not pay last time Declined on October 5, 2026. It is your default" in seen
    assert "Payments take 3 to 5 business days" in seen
    assert f"Remove {'Visa'} •••• 0341" not in seen  # the default goes last


@pytest.mark.parametrize(
    ("month", "told"),
    [
        (9, ("has run out It is your default and can't pay any more.", "Expired Expired 09/26")),
        (10, ("runs out at the end of this month It is your default.", "Expires this month Expires 10/26")),
    ],
)
def test_a_default_that_runs_out_is_told(stripe: StripeWorld, acme: Paying, month: int, told: tuple[str, str]) -> None:
    card = saved(stripe, acme.tenant)
    stripe.fault("rate_limit", "/v1/customers/*", method="GET", times=4)
    PaymentMethod.objects.filter(id=card.id).update(exp_month=month, exp_year=2026)
    seen = words(acme.client.get("/methods"))
    for each in told:
        assert each in seen


def test_another_is_made_the_default_and_the_old_one_is_removed(stripe: StripeWorld, acme: Paying) -> None:
    old, new = saved(stripe, acme.tenant), saved(stripe, acme.tenant, "pm_card_mastercard")
    done = acme.client.post(f"/methods/{new.id}/default", follow=True)
    assert "Mastercard •••• 4444 is the default now." in words(done)
    asked = words(acme.client.get(f"/methods/{old.id}/remove"))
    assert "Remove Visa •••• 4242?" in asked and "What it has paid stays in your payments." in asked
    done = acme.client.post(f"/methods/{old.id}/remove", follow=True)
    assert "Visa •••• 4242 is removed." in words(done)
    assert [each.id for each in PaymentMethod.objects.filter(removed_at=None)] == [new.id]
    assert acme.client.get(f"/methods/{old.id}/remove").status_code == 404


def test_one_that_a_debit_is_under_way_with_stays_and_says_why(stripe: StripeWorld, acme: Paying) -> None:
    account = saved(stripe, acme.tenant, "account")
    acme.sends(pay_with=account.id)
    done = acme.client.post(f"/methods/{account.id}/remove", follow=True)
    assert "A payment with this method is still on its way." in words(done)
    assert PaymentMethod.objects.filter(removed_at=None).count() == 1


def test_what_was_saved_in_the_browser_is_taken_in_and_leads_back_to_the_invoice(
    stripe: StripeWorld, acme: Paying
) -> None:
    saved(stripe, acme.tenant)
    customer = stripe.objects("customers")[0]["id"]
    reference = stripe.saved_method(customer, "pm_card_mastercard")
    sent = {"method_ref": reference, "make_default": "on", "invoice": str(acme.invoice.id)}
    answer = acme.client.post("/methods/saved", sent)
    method = PaymentMethod.objects.get(provider_ref=reference)
    assert method.is_default
    assert answer.headers["Location"] == f"{acme.url}?method={method.id}"
    strange = acme.client.post("/methods/saved", {"method_ref": "pm_nobodys"}, follow=True)
    assert "It is saved, and shows here in a moment." in words(strange)


def test_a_viewer_sees_them_and_has_no_buttons(stripe: StripeWorld, acme: Paying) -> None:
    saved(stripe, acme.tenant)
    reader = Client()
    reader.force_login(world.member(acme.tenant, "viewer"))
    seen = words(reader.get("/methods"))
    assert "Visa •••• 4242" in seen
    assert "Add card" not in seen and "Remove" not in seen


def test_a_page_of_ours_begins_to_save_with_a_session_and_a_key(stripe: StripeWorld, acme: Paying) -> None:
    """Stripe.js' page asks the API as the browser does: session, CSRF token, Idempotency-Key, JSON."""
    client = Client(enforce_csrf_checks=True)
    client.cookies["sessionid"] = acme.client.cookies["sessionid"].value
    token = client.get("/methods/add-card").context["csrf_token"]
    headers = {"X-CSRFToken": str(token), "Idempotency-Key": "a-form"}
    asked = [
        client.post("/api/payments/setup-intent", {"type": "card"}, "application/json", headers=headers)
        for _ in range(2)
    ]
    assert [each.status_code for each in asked] == [201, 201]
    assert asked[0].json() == asked[1].json()
    assert len(stripe.objects("setup_intents")) == 1


# --- What pages may load ----------------------------------------------------------------------------------------------


def policy(client: Client, path: str) -> dict[str, str]:
    parts = client.get(path).headers["Content-Security-Policy"].split(";")
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in parts)}


def test_only_pages_that_take_a_card_load_from_stripes_origin(stripe: StripeWorld, acme: Paying, settings) -> None:
    origin = settings.STRIPE_JS_ORIGIN
    saved(stripe, acme.tenant)
    acme.sends(pay_with="new-card", card="pm_card_authenticationRequired", how_much="part", part="10")
    waiting = acme.tenant.payments.get()
    for path in (acme.url, "/methods/add-card", "/methods/add-bank-account", f"/payments/{waiting.id}/confirm"):
        found = policy(acme.client, path)
        for name in ("script-src", "frame-src", "connect-src"):
            assert found[name] == f"'self' {origin}", path
        assert found["default-src"] == "'self'"
    paths = ("/", "/usage", "/invoices", f"/invoices/{acme.invoice.id}", "/payments", f"/payments/{waiting.id}")
    for path in (*paths, "/methods", f"/methods/{PaymentMethod.objects.get().id}/remove"):
        found = policy(acme.client, path)
        assert origin not in " ".join(found.values()), path
        assert not {"script-src", "frame-src", "connect-src"} & set(found), path


def test_stripes_own_script_brings_the_origins_it_needs(settings) -> None:
    settings.STRIPE_JS_ORIGIN = "https://js.stripe.com"
    assert stripe_js.policy() == {
        "script-src": ["'self'", "https://js.stripe.com"],
        "frame-src": ["'self'", "https://js.stripe.com", "https://hooks.stripe.com"],
        "connect-src": ["'self'", "https://js.stripe.com", "https://api.stripe.com"],
    }


def test_without_the_browsers_key_saved_methods_pay_and_no_script_is_loaded(
    stripe: StripeWorld, acme: Paying, settings
) -> None:
    settings.STRIPE_PUBLISHABLE_KEY = ""
    card = saved(stripe, acme.tenant)
    page = acme.client.get(acme.url)
    assert "New card" not in words(page)
    assert settings.STRIPE_JS_ORIGIN not in page.content.decode() + page.headers["Content-Security-Policy"]
    acme.sends(pay_with=card.id)
    assert len(stripe.taken()) == 1
    assert acme.client.get("/methods/add-card").status_code == 404
