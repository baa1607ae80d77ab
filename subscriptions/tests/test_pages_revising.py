"""The page that changes a subscription by PayPal: what it says, where it leads, and what is read on the way back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from subscriptions.tests.pages_world import CHANGE, changes, sent
from subscriptions.tests.paypal_plans import told
from subscriptions.tests.revised import Revised, invoices

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
JULY = at("2026-07-01 00:00")


@pytest.fixture
def life(paypal: PayPalWorld, owner: Client, settings: Any) -> Iterator[Revised]:
    settings.SESSION_COOKIE_AGE = 10**9
    with time_machine.travel(at("2026-06-01 00:00"), tick=False) as moment:
        life = Revised(paypal, owner, moment)
        life.on("2026-06-16 00:00")
        yield life


def back(life: Revised, page: str, decision: str = "pay") -> str:
    """What the payer reads who has decided on PayPal's page."""
    address = life.paypal.decides(page, decision)
    assert f"subscription_id={life.row.provider_ref}" in address
    return read(life, address)


def read(life: Revised, address: str) -> str:
    answer = life.owner.get(address, follow=True)
    assert answer.redirect_chain == [("/subscription", 302)]
    return words(answer)


def test_a_change_is_shown_agreed_to_at_paypal_and_read_on_the_way_back(life: Revised) -> None:
    Tenant.objects.update(tax_name="VAT", tax_percent=Decimal(10))
    page = life.owner.get(f"{CHANGE}?plan=big&cycle=monthly&seats=3")
    shown = words(page)
    assert "You are on Professional, monthly, 2 seats. Nothing changes until you agree at PayPal." in shown
    assert "From July 1, 2026 Nothing today" in shown and "Agree at PayPal" in shown
    assert "After that A month, from Jul 1, 2026 $75.00 was $20.00" in shown, "PayPal's prices are gross"
    assert "before tax" not in shown and "instead" not in shown and "Change now" not in shown
    assert f"form-action 'self' {life.paypal.sandbox.base_url}" in page.headers["Content-Security-Policy"]
    theirs = life.owner.post(CHANGE, sent(page)).headers["Location"]
    assert theirs.startswith(f"{life.paypal.sandbox.base_url}/webapps/billing/subscriptions?ba_token=")
    assert (life.terms(), life.pending) == (("small", 2), None)
    told_so = back(life, theirs)
    assert "You have agreed at PayPal. From July 1, 2026 it is Professional, monthly, 3 seats." in told_so
    assert "Until then it stays Professional, monthly, 2 seats." in told_so
    assert (life.pending, invoices()) == (("big", 3, JULY), [2_000])
    life.on("2026-07-01 00:00")
    assert "$75.00 a month" in words(life.owner.get("/subscription"))


def test_who_leaves_paypal_without_agreeing_reads_that_nothing_was_changed(life: Revised) -> None:
    theirs = changes(life.owner, "seats=5").headers["Location"]
    told_so = back(life, theirs, "cancel")
    assert "You came back from PayPal without agreeing. Nothing was changed." in told_so
    assert "From July 1" not in told_so and life.pending is None


def test_who_comes_back_before_paypal_knows_waits_and_who_never_comes_back_is_read_all_the_same(life: Revised) -> None:
    changes(life.owner, "seats=5")
    facts = {"subscription_id": life.row.provider_ref, "price": life.row.terms.get().price_id, "seats": 5}
    address = f"/subscription/paypal/change/return?{urlencode(facts)}"
    assert "PayPal has not told us yet that you agreed." in read(life, address)
    life.agrees()
    assert "From July 1, 2026: Professional, monthly, 5 seats" in words(life.owner.get("/subscription"))


def test_sent_again_from_an_old_page_it_leads_to_paypal_again(life: Revised) -> None:
    form = sent(life.owner.get(f"{CHANGE}?seats=5"))
    pages = [life.owner.post(CHANGE, form).headers["Location"] for _ in range(2)]
    assert all("ba_token=" in each for each in pages)
    life.agrees()
    assert life.owner.post(CHANGE, form).headers["Location"] == "/subscription"
    assert "That is what it is already." in words(life.owner.get("/subscription"))
    assert life.pending == ("small", 5, JULY)


def test_what_was_agreed_is_taken_back_at_paypal(life: Revised) -> None:
    changes(life.owner, "seats=5")
    life.agrees()
    page = life.owner.get(f"{CHANGE}?plan=small&cycle=monthly&seats=2")
    assert "What was agreed for later is taken back once you agree on PayPal's page." in words(page)
    theirs = life.owner.post(CHANGE, sent(page)).headers["Location"]
    assert life.pending
    assert "You have agreed at PayPal. It is Professional, monthly, 2 seats now." in back(life, theirs)
    assert life.pending is None


def test_at_once_is_refused_where_it_is_asked_for(life: Revised) -> None:
    shown = words(life.owner.get(f"{CHANGE}?seats=5&when=now"))
    assert "With PayPal a change can only hold from the period's end." in shown and "Agree at PayPal" not in shown


def test_while_paypal_tries_to_be_paid_the_page_says_what_comes_first(life: Revised) -> None:
    life.paypal.panel("POST", "bill", {"subscriptionId": life.row.provider_ref, "outcome": "failed"})
    told(life.paypal)
    assert life.row.status == "past_due"
    shown = words(life.owner.get(f"{CHANGE}?seats=5"))
    assert "It can't be changed before this is settled. PayPal could not charge your subscription" in shown
    assert "Agree at PayPal" not in shown


def test_where_paypal_does_not_answer_nothing_is_changed_and_the_page_says_so(life: Revised) -> None:
    form = sent(life.owner.get(f"{CHANGE}?seats=5"))
    life.paypal.fault("drop_before", "/v1/billing/subscriptions/*/revise")
    answer = life.owner.post(CHANGE, form)
    assert answer.status_code == 200 and "does not answer right now" in words(answer)
    assert life.pending is None
