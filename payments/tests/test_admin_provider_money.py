"""What providers said and did, at the desk: attempts, disputes, saved methods, discrepancies, and a question asked
now."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.reading import hidden, queries, words
from payments.actions import calling
from payments.actions.charging import start_payment
from payments.actions.customers import customer_for
from payments.actions.discrepancies import report_discrepancy
from payments.actions.opening import MethodChoice
from payments.actions.saving_methods import sync_methods
from payments.admin.attempts import OPERATIONS
from payments.models import Attempt, Discrepancy, Dispute, Payment, PaymentMethod, ProviderCustomer
from payments.tests.refund_world import NOW, card_payment, check_payment, refund, tenant
from payments.tests.test_admin_refunds import url
from payments.tests.test_admin_verifying import at_the_desk, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance() -> Client:
    return at_the_desk("finance")


@pytest.fixture
def acme() -> Any:
    return tenant(slug="acme")


def started(of: Any, *, method: str = "pm_card_visa") -> Payment:
    choice = MethodChoice("card", method_ref=method)
    return start_payment(
        tenant=of, amount=Money(10_000, "usd"), choice=choice, key="once", actor=world.SYSTEM, now=timezone.now()
    )


def at_odds(of: Any, ref: str = "pi_1", cents: int = 2_900, currency: str = "usd", **facts: Any) -> Discrepancy:
    report_discrepancy(
        kind="unknown_charge",
        provider="stripe",
        provider_ref=ref,
        amount=Money(cents, currency),
        detail="Nobody here asked for <b>it</b>.",
        now=timezone.now() - timedelta(days=3),
        tenant=of,
        **facts,
    )
    return Discrepancy.objects.get(provider_ref=ref)


# --- Payments ---------------------------------------------------------------------------------------------------------


def test_a_card_payments_page_says_what_the_provider_said(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    fee = stripe.objects("balance_transactions")[0]["fee"]
    page = finance.get(url(payment))
    text = words(page)
    for said in ("Visa ending 4242", payment.provider_ref, f"${fee / 100:.2f}", "Calls to the provider", "Charge"):
        assert said in text, said
    assert f'data-copy="{payment.provider_ref}"' in page.content.decode()
    assert "Recorded by" not in text and "Verified by" not in text, "nobody did"
    asked = Attempt.objects.filter(payment=payment, operation="charge").get()
    assert asked.request_id and asked.request_id in text


def test_a_decline_shows_its_codes_to_staff(stripe: Any, finance: Client, acme: Any) -> None:
    payment = started(acme, method="pm_card_visa_chargeDeclinedInsufficientFunds")
    text = words(finance.get(url(payment)))
    assert "insufficient_funds" in text
    assert "Declined" in text


def test_an_unknown_outcome_is_asked_about_now(stripe: Any, finance: Client, acme: Any) -> None:
    stripe.fault("drop_after")
    payment = started(acme)
    assert payment.outcome_unknown
    page = words(finance.get(url(payment)))
    assert "Nobody knows yet whether money moved: the provider is being asked. Next at" in page
    assert "Nothing is charged" in words(finance.get(url(payment, "ask_provider")))
    assert Payment.objects.get().status == "processing", "to look is not to ask"
    answer = finance.post(url(payment, "ask_provider"))
    assert "Stripe was asked. Visa ending 4242 for $100.00 is now succeeded." in told(answer)
    assert Payment.objects.get().status == "succeeded"
    assert stripe.taken() == [10_000]


def test_a_provider_that_does_not_tell_changes_nothing(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    stripe.fault("drop_before", "/v1/payment_intents*", method="GET", times=10)
    assert "did not tell, so nothing was changed" in told(finance.post(url(payment, "ask_provider")))
    assert Payment.objects.get().status == "succeeded"


def test_a_refund_of_the_dashboard_is_found_by_asking(stripe: Any, acme: Any) -> None:
    payment = card_payment(acme)
    stripe.api.refunds.create({"payment_intent": payment.provider_ref, "amount": 4_000})
    support = at_the_desk("support")
    assert "is now partially refunded" in told(support.post(url(payment, "ask_provider")))
    assert "Made in the provider's dashboard" in words(support.get(url(payment.refunds.get())))


def test_a_check_has_nobody_to_ask(finance: Client, acme: Any) -> None:
    payment = check_payment(acme)
    page = finance.get(url(payment))
    assert url(payment, "ask_provider") not in page.content.decode()
    assert "Calls to the provider" not in words(page) and "Verified by" in words(page)
    assert "can't be asked" in words(finance.get(url(payment, "ask_provider")))


@pytest.mark.parametrize("group", ["clerk", "auditor"])
def test_who_may_not_ask_does_not(stripe: Any, acme: Any, group: str) -> None:
    payment, client = card_payment(acme), at_the_desk(group)
    assert url(payment, "ask_provider") not in client.get(url(payment)).content.decode()
    assert client.post(url(payment, "ask_provider")).status_code == 403


def test_payments_are_found_by_provider_and_by_its_reference(stripe: Any, finance: Client, acme: Any) -> None:
    card, check = card_payment(acme), check_payment(acme)
    for query, found in ((f"q={card.provider_ref}", card), ("provider=stripe", card), ("provider=manual", check)):
        listed = finance.get(f"/admin/payments/payment/?{query}").context["cl"].queryset
        assert list(listed) == [found], query


# --- Attempts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["auditor", "support"])
def test_attempts_are_listed_and_filtered(stripe: Any, acme: Any, group: str) -> None:
    stripe.fault("drop_after")
    lost = started(acme)
    card_payment(tenant())
    client = at_the_desk(group)
    attempts = "/admin/payments/attempt/"
    listed = client.get(f"{attempts}?outcome__exact=unknown").context["cl"].queryset
    assert [(each.payment, each.operation) for each in listed] == [(lost, "charge")]
    operations = {each.operation for each in client.get(f"{attempts}?operation=charge").context["cl"].queryset}
    assert operations == {"charge"}
    (known,) = Attempt.objects.filter(operation="charge", outcome="answered")
    found = client.get(f"{attempts}?q={known.request_id}").context["cl"].queryset
    assert known in found
    page = words(client.get(url(known)))
    assert known.request_id in page and "Visa ending 4242" in page


def test_every_operation_that_is_called_can_be_filtered_by() -> None:
    sources = (path.read_text() for path in Path(calling.__file__).parent.glob("*.py"))
    called = {name for source in sources for name in re.findall(r'\bcall\(\s*"(\w+)"', source)}
    assert {"charge", "refund"} <= called <= set(OPERATIONS)


# --- Disputes and methods ---------------------------------------------------------------------------------------------


def test_a_dispute_says_what_the_bank_holds(stripe: Any, acme: Any) -> None:
    payment = card_payment(acme, method="pm_card_createDispute")
    dispute, client = Dispute.objects.get(), at_the_desk("auditor")
    page = words(client.get(url(dispute)))
    for said in ("The bank holds $100.00 until it decides", "Stripe's dashboard", "Fraudulent", dispute.provider_ref):
        assert said in page, said
    assert f"${dispute.fee_minor / 100:.2f}" in page and dispute.fee_minor
    text = words(client.get(url(payment)))
    assert "Disputes Since Status Reason" in text and "Open discrepancies" in text
    listed = client.get("/admin/payments/dispute/?status__exact=open")
    assert "Visa ending" in words(listed)
    assert [each.id for each in listed.context["cl"].result_list] == [dispute.id]


def test_saved_methods_and_customers_show_the_last_four_alone(stripe: Any, acme: Any) -> None:
    customer = customer_for(tenant=acme, provider=stripe.provider, now=NOW)
    stripe.saved_method(customer.provider_ref)
    sync_methods(tenant=acme, now=NOW)
    method, client = PaymentMethod.objects.get(), at_the_desk("support")
    assert "Visa ending 4242" in words(client.get("/admin/payments/paymentmethod/"))
    page = words(client.get(url(method)))
    assert "Visa ending 4242" in page and method.provider_ref in page and f"{method.exp_year}" in page
    page = words(client.get(url(ProviderCustomer.objects.get())))
    assert customer.provider_ref in page and "Visa ending 4242" in page
    assert client.post(url(method), {"last4": "0000"}).status_code == 403


# --- Discrepancies ----------------------------------------------------------------------------------------------------


def test_open_discrepancies_come_first_with_what_is_at_stake(finance: Client, acme: Any) -> None:
    old = at_odds(acme, "pi_1")
    Discrepancy.objects.filter(id=old.id).update(closed_at=timezone.now())
    at_odds(None, "pi_2", 100, "eur")
    at_odds(acme, "pi_3", 700)
    at_odds(acme, "pi_4", 300)
    page = finance.get("/admin/payments/discrepancy/")
    assert page.context["cl"].result_list[3] == old
    assert "Nobody knows whose" in words(page) and "3 days" in words(page)
    opened = finance.get("/admin/payments/discrepancy/?closed_at__isempty=1").context["cl"].queryset
    assert {each.provider_ref for each in opened} == {"pi_2", "pi_3", "pi_4"}
    home = finance.get("/admin/")
    text = words(home)
    assert "Discrepancies: 3" in text
    assert "At stake together €1.00" in text and "At stake together $10.00" in text
    places = {item["title"]: item for group in home.context["sidebar_navigation"] for item in group["items"]}
    assert (places["Discrepancies"]["badge"], "badge" in places["Refunds to approve"]) == ("3", False)


def test_one_is_closed_with_a_note_by_whoever_has_seen_to_it(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    row = at_odds(acme, payment=payment)
    page = finance.get(url(row))
    assert "&lt;b&gt;it&lt;/b&gt;" in page.content.decode()
    assert "Visa ending 4242" in words(page)
    for bad in ("", "  ", "4242424242424242"):
        assert "note" in finance.post(url(row, "close"), {"note": bad}).context["asked"].form.errors
    assert "Nothing is booked by this" in words(finance.get(url(row, "close")))
    row.refresh_from_db()
    assert row.closed_at is None
    finance.post(url(row, "close"), {"note": "A test of ours; refunded there"})
    row.refresh_from_db()
    assert (row.closed_by, row.note) == (finance.user, "A test of ours; refunded there")
    assert "A test of ours" in words(finance.get(url(row)))
    assert "closed already" in told(finance.post(url(row, "close"), {"note": "again"}))
    assert Discrepancy.objects.get().note == "A test of ours; refunded there"


def test_several_are_closed_with_one_note(finance: Client, acme: Any) -> None:
    rows = [at_odds(acme, f"pi_{n}") for n in range(3)]
    chosen = {"action": "close_chosen", "_selected_action": [str(each.id) for each in rows[:2]]}
    page = finance.post("/admin/payments/discrepancy/", chosen)
    assert "Close 2 discrepancies?" in words(page)
    finance.post("/admin/payments/discrepancy/", {**hidden(page), "confirmed": "yes", "note": "Seen"})
    assert list(Discrepancy.objects.order_by("provider_ref").values_list("note", flat=True)) == ["Seen", "Seen", ""]


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_others_look(acme: Any, group: str) -> None:
    row, client = at_odds(acme), at_the_desk(group)
    assert "Discrepancies: 1" in words(client.get("/admin/"))
    assert url(row, "close") not in client.get(url(row)).content.decode()
    assert client.post(url(row, "close"), {"note": "x"}).status_code == 403
    client.post("/admin/payments/discrepancy/", {"action": "close_chosen", "_selected_action": [str(row.id)],
                                                 "confirmed": "yes", "note": "x"})  # fmt: skip
    row.refresh_from_db()
    assert row.closed_at is None


@pytest.mark.parametrize("model", ["refund", "discrepancy", "attempt", "payment", "dispute"])
def test_a_long_list_takes_no_more_queries_than_a_short_one(stripe: Any, finance: Client, model: str) -> None:
    def another() -> None:
        of = tenant()
        refund(card_payment(of, 2_000), 500)
        at_odds(of, f"pi_of_{of.slug}", payment=card_payment(of, 3_000, method="pm_card_createDispute"))

    another()
    path = f"/admin/payments/{model}/"
    finance.get(path)
    short = queries(finance, path)
    for _ in range(3):
        another()
    assert queries(finance, path) <= short
