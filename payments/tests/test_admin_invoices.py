"""Invoices at the desk: what they show, and credit notes, once each."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from billing_portal.tests import world
from payments import queries
from payments.actions.recording import verify_manual_payment
from payments.admin.cells import invoice_state
from payments.models import CreditNote

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(client):
    client.user = world.user("finance@portal.example", staff=True, groups=("finance",))
    client.force_login(client.user)
    return client


@pytest.fixture
def invoice():
    return world.overage_invoice(world.subscribed(slug="acme"), cents=9_000)


def url(invoice, what="change"):
    return reverse(f"admin:payments_invoice_{what}", args=[invoice.id])


def credit(client, invoice, **changes):
    seen = changes.pop("seen", invoice.credit_notes.count())
    return client.post(
        url(invoice, "credit"), {"amount": "10.00", "reason": "A line that dropped", "seen": seen, **changes}
    )


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def paid(invoice, by):
    check = world.check_for(invoice.tenant, invoice.total_minor, by, invoice=invoice)
    other = world.user(staff=True)
    verify_manual_payment(
        payment_id=check.id, verifier=other, actor=world.staff_actor(other), now=world.at("2026-10-20")
    )
    invoice.refresh_from_db()


def test_the_page_shows_how_each_line_came_about(finance, invoice):
    text = finance.get(url(invoice)).content.decode()
    for words in (
        "Outbound minutes over the allowance",
        "How this was computed",
        "Included for a seat",
        "7,500 minutes",
        "60 s at least",
        "$0.012",
        "$90.00",
    ):
        assert words in text, words
    assert "Receivable" in text and "Revenue Overage" in text


def test_the_list_shows_what_is_due_in_few_queries(finance, django_assert_max_num_queries):
    for month in ("2026-08", "2026-09", "2026-10"):
        world.overage_invoice(world.subscribed(since=world.at("2026-07-01")), cents=9_000, month=month)
    with django_assert_max_num_queries(20):
        text = finance.get("/admin/payments/invoice/").content.decode()
    assert text.count("Overdue") >= 3


def test_a_note_on_an_open_invoice_lessens_what_is_due(finance, invoice):
    assert "is still due" in finance.get(url(invoice, "credit")).content.decode()
    answer = credit(finance, invoice)
    note = CreditNote.objects.get()
    assert answer.url == url(invoice)
    assert f"{note.number} for $10.00 is issued: it lessens what is due." in told(answer)
    assert (note.effect, note.reason) == ("reduces_due", "A line that dropped")
    assert queries.amounts(invoice).open == 8_000
    assert invoice_state(invoice, queries.amounts(invoice), world.at("2026-10-05")) == "open", "nobody paid anything"


def test_a_note_on_a_paid_invoice_is_credit(finance, invoice):
    paid(invoice, finance.user)
    assert "becomes credit" in finance.get(url(invoice, "credit")).content.decode()
    assert "is credit of the tenant now" in told(credit(finance, invoice))
    assert queries.credit_balance(invoice.tenant, "usd").minor == 1_000


def test_a_second_click_issues_no_second_note(finance, invoice):
    credit(finance, invoice, seen=0)
    assert "credited meanwhile" in told(credit(finance, invoice, seen=0))
    assert CreditNote.objects.count() == 1
    credit(finance, invoice)
    assert CreditNote.objects.count() == 2


@pytest.mark.parametrize("bad", ["", "0", "-1", "1e3", "NaN", "1_000", "7,00", "١٢", "10.001", "90.01", "1" + "0" * 30])
def test_a_bad_amount_issues_nothing(finance, invoice, bad):
    assert "amount" in credit(finance, invoice, amount=bad).context["asked"].form.errors
    assert not CreditNote.objects.exists()


def test_a_note_needs_a_reason(finance, invoice):
    assert "reason" in credit(finance, invoice, reason="").context["asked"].form.errors


def test_an_open_invoice_leads_to_the_form_that_pays_it(finance, invoice):
    answer = finance.get(url(invoice, "record_payment"))
    assert finance.get(answer.url).context["draft"].invoice == invoice
    paid(invoice, finance.user)
    assert url(invoice, "record_payment") not in finance.get(url(invoice)).content.decode()


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_who_may_not_credit_sees_no_button(client, invoice, group):
    client.force_login(world.user(staff=True, groups=(group,)))
    assert url(invoice, "credit") not in client.get(url(invoice)).content.decode()
    assert credit(client, invoice).status_code == 403
    assert not CreditNote.objects.exists()
