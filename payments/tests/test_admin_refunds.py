"""Refunds at the desk: what is shown is what is booked, once, and above the threshold by two people."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from billing_portal.kit.money import Money
from billing_portal.notices import waking
from billing_portal.tests import world
from billing_portal.tests.reading import hidden, words
from payments import queries
from payments.actions.crediting import issue_credit_note
from payments.models import CreditNote, Payment, Refund, StatusChange
from payments.providers import registry
from payments.tests.refund_world import NOW, bill, card_payment, check_payment, notes, synced, tenant
from payments.tests.test_admin_verifying import at_the_desk, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe", "books_hold")]
LIST = "/admin/payments/refund/"
VERBS = ("approve", "cancel", "ask_provider", "sent", "withhold")


@pytest.fixture
def finance() -> Client:
    return at_the_desk("finance")


@pytest.fixture
def other() -> Client:
    return at_the_desk("finance", "finance2@portal.example")


@pytest.fixture
def acme() -> Any:
    return tenant(slug="acme", tax_name="VAT", tax_percent=19)


def url(row: Any, what: str = "change") -> str:
    return reverse(f"admin:payments_{row._meta.model_name}_{what}", args=[row.pk])


def form(client: Client, payment: Payment, **typed: str) -> dict[str, str]:
    """The form as it opens, with what somebody typed over it."""
    opened = client.get(url(payment, "refund")).context["asked"].form
    start = {name: str(opened[name].value() or "") for name in opened.fields}
    return {**start, "reason": "Sent twice", **typed}


def asked(client: Client, payment: Payment, **typed: str) -> Any:
    """The page that says what will be booked."""
    return client.post(url(payment, "refund"), form(client, payment, **typed))


def refunded(client: Client, payment: Payment, **typed: str) -> Any:
    return client.post(url(payment, "refund"), {**hidden(asked(client, payment, **typed)), "confirmed": "yes"})


def test_what_is_shown_is_what_is_booked_and_given(stripe: Any, finance: Client, acme: Any) -> None:
    invoice = bill(acme, 8_000)  # 95.20 with tax
    payment = card_payment(acme, 9_520, invoice=invoice)
    assert "Visa ending 4242" in words(finance.get(url(payment)))
    page = asked(finance, payment, amount="50")
    text = words(page)
    for said in (
        "Refund $50.00?",
        "Visa ending 4242",
        f"{invoice.number} $50.00 $7.98 A credit note says that it is refunded; the invoice stays paid",
        "Sent twice",
        "keeps the fee",
    ):
        assert said in text, said
    assert not Refund.objects.exists(), "to show is not to do"
    answer = finance.post(url(payment, "refund"), hidden(page))
    refund = Refund.objects.get()
    note = CreditNote.objects.get()
    assert answer.url == url(refund)
    assert f"$50.00 went to Visa ending 4242. It is documented by {note}." in told(answer)
    assert (refund.status, refund.amount_minor, refund.requested_by) == ("succeeded", 5_000, finance.user)
    assert notes(invoice) == [("refunded", 5_000, 798)]
    assert [each["amount"] for each in stripe.objects("refunds")] == [5_000]
    page = words(finance.get(answer.url))
    for said in (
        invoice.number,
        note.number,
        "Refund Answered",
        "Cash Stripe",
        "finance@portal.example",
        refund.provider_ref,
    ):
        assert said in page, said
    assert "$50.00" in words(finance.get(url(payment)))
    assert StatusChange.objects.filter(subject="refund", new="succeeded").get().actor_id == finance.user.id


def test_the_form_opens_with_all_that_is_left(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    refunded(finance, payment, amount="30")
    opened = finance.get(url(payment, "refund")).context["asked"].form
    assert (opened["amount"].value(), opened["destination"].value()) == ("70.00", "source")
    refunded(finance, payment)
    assert queries.amount_refunded(payment) == 10_000
    page = words(finance.get(url(payment)))
    assert "No refund is possible. All of this payment has been given back" in page
    assert url(payment, "refund") not in finance.get(url(payment)).content.decode()
    assert "Nothing to refund" in words(finance.get(url(payment, "refund")))
    assert sum(each["amount"] for each in stripe.objects("refunds")) == 10_000


@pytest.mark.parametrize("bad", ["", "0", "-1", "1e3", "7,00", "10.001", "100.01", "NaN", "1" + "0" * 30])
def test_a_bad_amount_gives_nothing(stripe: Any, finance: Client, acme: Any, bad: str) -> None:
    payment = card_payment(acme)
    assert "amount" in asked(finance, payment, amount=bad).context["asked"].form.errors
    assert not Refund.objects.exists()


@pytest.mark.parametrize("bad", ["", "  ", "4242424242424242"])
def test_a_refund_says_why_and_holds_no_card_number(finance: Client, acme: Any, bad: str) -> None:
    payment = card_payment(acme)
    assert "reason" in asked(finance, payment, reason=bad).context["asked"].form.errors


def test_to_the_tenants_credit_nobody_is_asked(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    invoice = bill(acme, 8_000)  # takes 95.20 of it, and 4.80 stays credit
    page = asked(finance, payment, destination="credit", amount="95.20")
    assert f"{invoice.number} $95.20 $15.20 A credit note says that it becomes credit" in words(page)
    answer = finance.post(url(payment, "refund"), hidden(page))
    assert "$95.20 went to the credit of Acme." in told(answer)
    assert queries.credit_balance(acme, "usd") == Money(10_000, "usd")
    assert stripe.objects("refunds") == []
    left = finance.get(url(payment, "refund")).context["asked"].form
    assert [name for name, _ in left.fields["destination"].choices] == ["source"]


def test_money_that_people_received_is_sent_back_by_people(finance: Client, acme: Any) -> None:
    payment = check_payment(acme, 9_520, invoice=bill(acme, 8_000))
    page = asked(finance, payment)
    assert "somebody sends a check or a wire of ours" in words(page)
    assert "Somebody has to send it" in told(finance.post(url(payment, "refund"), hidden(page)))
    refund = Refund.objects.get()
    assert refund.status == "pending" and not CreditNote.objects.exists()
    assert "Refunds to send: 1" in words(finance.get("/admin/"))
    text = finance.get(url(refund)).content.decode()
    assert url(refund, "sent") in text and url(refund, "ask_provider") not in text
    for bad in ("", " ", "4242424242424242", "x" * 141):
        assert "reference" in finance.post(url(refund, "sent"), {"reference": bad}).context["asked"].form.errors
    assert "went to the payer, by our check or wire" in told(
        finance.post(url(refund, "sent"), {"reference": "Check 7"})
    )
    refund.refresh_from_db()
    assert (refund.status, refund.reference) == ("succeeded", "Check 7")
    assert "Cash Bank" in words(finance.get(url(refund)))
    assert "Nobody has to send" in told(finance.post(url(refund, "sent"), {"reference": "Check 8"}))
    assert "Nobody has to send" in told(finance.post(url(refund, "withhold"), {"reason": "x"}))
    assert CreditNote.objects.count() == 1


def test_what_is_not_sent_after_all_is_free_again(finance: Client, acme: Any) -> None:
    payment = check_payment(acme, 5_000)
    refunded(finance, payment)
    refund = Refund.objects.get()
    assert queries.credit_balance(acme, "usd").minor == 0
    assert "reason" in finance.post(url(refund, "withhold"), {}).context["asked"].form.errors
    finance.post(url(refund, "withhold"), {"reason": "They asked for credit"})
    refund.refresh_from_db()
    assert (refund.status, queries.credit_balance(acme, "usd").minor) == ("canceled", 5_000)


def test_while_its_provider_is_off_money_can_become_credit_alone(stripe: Any, settings: Any, finance: Client) -> None:
    acme = tenant()
    payment = card_payment(acme, 8_000, invoice=bill(acme, 8_000))
    settings.STRIPE_SECRET_KEY = ""
    registry.providers.cache_clear()
    opened = finance.get(url(payment, "refund")).context["asked"].form
    assert [name for name, _ in opened.fields["destination"].choices] == ["credit"]
    assert "its provider is off" in opened.fields["destination"].help_text
    sent = asked(finance, payment, destination="source")
    assert "its provider is off" in sent.context["asked"].form.errors["destination"][0]
    refunded(finance, payment)
    assert queries.credit_balance(acme, "usd") == Money(8_000, "usd")


def test_the_same_form_sent_again_gives_nothing_more(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    sent = hidden(asked(finance, payment, amount="60"))
    answers = [finance.post(url(payment, "refund"), sent) for _ in range(3)]
    assert len({answer.url for answer in answers}) == 1
    assert [each["amount"] for each in stripe.objects("refunds")] == [6_000]
    assert finance.post(url(payment, "refund"), {**sent, "amount": "10"}).status_code == 200
    assert Refund.objects.count() == 1


def test_what_has_changed_meanwhile_is_shown_again(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    bill(acme, 8_000)  # takes 95.20 of it, and 4.80 stays credit
    page = asked(finance, payment, amount="50")
    assert "The tenant's credit $4.80 — Leaves the credit" in words(page)
    stripe.api.refunds.create({"payment_intent": payment.provider_ref, "amount": 200})
    synced(payment)
    again = finance.post(url(payment, "refund"), hidden(page))
    assert "Something has changed meanwhile" in words(again)
    assert "The tenant's credit $2.80 — Leaves the credit" in words(again)
    assert Refund.objects.count() == 1, "the one of the dashboard"
    finance.post(url(payment, "refund"), hidden(again))
    assert queries.amount_refunded(payment) == 5_200


def test_what_was_credited_already_is_not_given_again(finance: Client, acme: Any) -> None:
    invoice = bill(acme, 8_000)
    payment = card_payment(acme, 9_520, invoice=invoice)
    page = asked(finance, payment)
    issue_credit_note(invoice_id=invoice.id, amount=Money(9_520, "usd"), reason="a", actor=world.SYSTEM, now=NOW)
    answer = finance.post(url(payment, "refund"), hidden(page))
    assert "given back already by a credit note" in words(answer)
    assert not Refund.objects.exists()


def test_a_disputed_payment_says_why_not(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme, method="pm_card_createDispute")
    text = words(finance.get(url(payment)))
    assert "No refund is possible. The payer's bank disputes this payment." in text
    assert url(payment, "refund") not in finance.get(url(payment)).content.decode()
    assert "disputes this payment" in words(finance.get(url(payment, "refund")))
    assert "disputes this payment" in words(finance.post(url(payment, "refund"), {"shown": "", "amount": "1"}))
    assert not Refund.objects.exists()


def test_above_the_threshold_another_person_gives_it(stripe: Any, finance: Client, other: Client, acme: Any) -> None:
    payment = card_payment(acme, 2_000_000)
    page = asked(finance, payment, amount="10000.01")
    assert "Ask for the refund of $10,000.01" in words(page)
    answer = finance.post(url(payment, "refund"), hidden(page))
    assert "waits for a second person" in told(answer)
    refund = Refund.objects.get()
    assert (refund.status, stripe.objects("refunds")) == ("awaiting_approval", [])
    mine = finance.get(url(refund)).content.decode()
    assert "somebody else has to approve it" in mine
    assert url(refund, "approve") not in mine
    assert "Approve and give" not in words(finance.get(url(refund, "approve")))
    assert "somebody other than" in told(finance.post(url(refund, "approve"))).lower()
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.filter(id=refund.id).update(status="pending", approved_by=finance.user)
    assert "Refunds to approve: 1" in words(other.get("/admin/"))
    assert "$10,000.01" in words(other.get(url(refund, "approve")))
    assert Refund.objects.get().status == "awaiting_approval", "to look is not to approve"
    assert "went to Visa ending 4242" in told(other.post(url(refund, "approve")))
    refund.refresh_from_db()
    assert (refund.status, refund.approved_by) == ("succeeded", other.user)
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_000_001]
    assert "was approved already by finance2@portal.example" in told(finance.post(url(refund, "cancel")))


def test_at_the_threshold_one_person_is_enough(stripe: Any, finance: Client, acme: Any) -> None:
    refunded(finance, card_payment(acme, 2_000_000), amount="10000")
    assert [each["amount"] for each in stripe.objects("refunds")] == [1_000_000]


def test_who_declines_says_why_and_what_was_reserved_is_free(stripe: Any, finance: Client, other: Client) -> None:
    acme = tenant()
    payment = card_payment(acme, 2_000_000)
    refunded(finance, payment)
    refund = Refund.objects.get()
    assert queries.credit_balance(acme, "usd").minor == 0
    assert "reason" in other.post(url(refund, "cancel"), {"reason": ""}).context["asked"].form.errors
    other.post(url(refund, "cancel"), {"reason": "Ask sales first"})
    refund.refresh_from_db()
    assert (refund.status, stripe.objects("refunds")) == ("canceled", [])
    assert queries.credit_balance(acme, "usd").minor == 2_000_000
    page = words(other.get(url(refund)))
    assert "Ask sales first" in page and "finance2@portal.example" in page
    assert url(payment, "refund") in finance.get(url(payment)).content.decode()


def confirmed(client: Client, name: str, refunds: list[Refund], **more: str) -> Any:
    chosen = {"action": name, "_selected_action": [str(each.pk) for each in refunds]}
    page = client.post(LIST, chosen)
    return page, client.post(LIST, {**hidden(page), "confirmed": "yes", **more})


def test_several_are_approved_or_declined_from_the_list(stripe: Any, finance: Client, other: Client) -> None:
    payments = [card_payment(tenant(), 2_000_000) for _ in range(4)]
    for payment in payments[:3]:
        refunded(finance, payment)
    refunded(other, payments[3])
    rows = list(Refund.objects.order_by("created_at"))
    page, _ = confirmed(other, "approve_chosen", [rows[0], rows[1], rows[3]])
    assert "Approve 2 refunds?" in words(page) and "You asked for this refund" in words(page)
    assert [Refund.objects.get(id=each.id).status for each in rows] == [
        "succeeded",
        "succeeded",
        "awaiting_approval",
        "awaiting_approval",
    ]
    _, answer = confirmed(other, "cancel_chosen", [rows[2]], reason="")
    assert "reason" in answer.context["asked"].form.errors
    confirmed(other, "cancel_chosen", [rows[2]], reason="Twice")
    assert [each["amount"] for each in stripe.objects("refunds")] == [2_000_000] * 2
    listed = [each.status for each in other.get(LIST).context["cl"].result_list]
    assert listed[0] == "awaiting_approval", "what waits comes first"


def test_without_an_answer_it_says_that_the_provider_is_being_asked(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    stripe.fault("drop_after", "/v1/refunds")
    answer = refunded(finance, payment, amount="50")
    assert "It is being asked again and again" in told(answer)
    refund = Refund.objects.get()
    assert (refund.status, refund.outcome_unknown) == ("pending", True)
    page = finance.get(url(refund))
    assert "has not told us whether it gave this refund" in words(page) and "No answer" in words(page)
    assert "What it says is booked" in words(finance.get(url(refund, "ask_provider")))
    assert "$50.00 went to" in told(finance.post(url(refund, "ask_provider")))
    assert [each["amount"] for each in stripe.objects("refunds")] == [5_000]
    assert url(refund, "ask_provider") not in finance.get(url(refund)).content.decode()


def test_what_surely_was_not_sent_can_be_sent_again_from_the_same_page(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    stripe.fault("rate_limit", "/v1/refunds")
    answer = refunded(finance, payment, amount="50")
    assert "Nothing was given back. Try again in a minute." in words(answer)
    assert Refund.objects.get().status == "canceled"
    finance.post(url(payment, "refund"), hidden(answer))
    assert [each["amount"] for each in stripe.objects("refunds")] == [5_000]


def test_a_worker_is_woken(finance: Client, acme: Any, django_capture_on_commit_callbacks: Any) -> None:
    payment = card_payment(acme)
    sent = hidden(asked(finance, payment))
    with django_capture_on_commit_callbacks() as woken:
        finance.post(url(payment, "refund"), sent)
    assert waking._send in [each.func for each in woken]


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_who_may_not_refund_sees_and_does_not(stripe: Any, finance: Client, acme: Any, group: str) -> None:
    payment = card_payment(acme, 2_000_000)
    refunded(finance, payment, amount="15000")
    refund, client = Refund.objects.get(), at_the_desk(group)
    assert client.get(url(refund)).status_code == client.get(LIST).status_code == 200
    for row, what in ((payment, "refund"), *((refund, verb) for verb in VERBS)):
        assert url(row, what) not in client.get(url(row)).content.decode()
        assert client.get(url(row, what)).status_code == client.post(url(row, what)).status_code == 403
    client.post(LIST, {"action": "approve_chosen", "_selected_action": [str(refund.id)], "confirmed": "yes"})
    refund.refresh_from_db()
    assert (refund.status, stripe.objects("refunds")) == ("awaiting_approval", [])


@pytest.mark.parametrize("query", ["q=acme", "payment__provider=stripe", "destination__exact=source", "q=re_"])
def test_it_is_found_by_what_it_is(finance: Client, acme: Any, query: str) -> None:
    refunded(finance, card_payment(acme))
    globex = tenant(slug="globex")
    recorded = refunded(finance, check_payment(globex, 4_000, invoice=bill(globex, 4_000)), destination="credit")
    assert "went to the credit of Globex" in told(recorded)
    found = finance.get(f"{LIST}?{query}").context["cl"].queryset
    assert [each.tenant for each in found] == [acme]


def test_a_form_from_elsewhere_gives_nothing(stripe: Any, finance: Client, acme: Any) -> None:
    payment = card_payment(acme)
    sent = hidden(asked(finance, payment))
    finance.handler.enforce_csrf_checks = True
    assert finance.post(url(payment, "refund"), {**sent, "csrfmiddlewaretoken": "x"}).status_code == 403
    assert not Refund.objects.exists()
