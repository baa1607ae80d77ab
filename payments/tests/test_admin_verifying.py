"""Verify and reject at the desk: what is booked, who may, and that it happens once."""

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from billing_portal.tests import world
from billing_portal.tests.reading import hidden
from payments import queries
from payments.models import LedgerLeg, Payment

pytestmark = pytest.mark.django_db
LIST = "/admin/payments/payment/"


def at_the_desk(group, email=None):
    client = Client()
    client.user = world.user(email or f"{group}@portal.example", staff=True, groups=(group,))
    client.force_login(client.user)
    return client


@pytest.fixture
def clerk():
    return at_the_desk("clerk")


@pytest.fixture
def finance():
    return at_the_desk("finance")


def url(payment, what):
    return reverse(f"admin:payments_payment_{what}", args=[payment.id])


def verify(client, payment):
    """Read what would be booked, and press the button of that page."""
    return client.post(url(payment, "verify"), hidden(client.get(url(payment, "verify"))))


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def status(thing):
    thing.refresh_from_db()
    return thing.status


def test_a_check_recorded_and_verified_pays_the_invoice(clerk, finance, acme):
    invoice = world.overage_invoice(acme, cents=9_000)
    check = world.check_for(acme, 9_000, clerk.user, invoice=invoice, reference="20984")
    asked = finance.get(url(check, "verify")).content.decode()
    assert "Verify and book it" in asked
    assert "$90.00" in asked and invoice.number in asked
    assert status(check) == "awaiting_review"  # a GET books nothing
    answer = verify(finance, check)
    assert answer.url == url(check, "change")
    assert f"is verified and booked: $90.00 to {invoice.number}" in told(answer)
    assert status(check) == "succeeded" and status(invoice) == "paid"
    assert check.verified_by == finance.user
    legs = dict(LedgerLeg.objects.filter(payment=check).values_list("account", "amount_minor"))
    assert legs == {"cash_bank": 9_000, "receivable": -9_000}
    page = finance.get(answer.url).content.decode()
    assert "Cash Bank" in page and "finance@portal.example" in page and "verified" in page


def test_in_part_the_invoice_stays_open(finance, clerk, acme):
    invoice = world.overage_invoice(acme, cents=9_000)
    check = world.check_for(acme, 4_000, clerk.user, invoice=invoice)
    verify(finance, check)
    assert status(invoice) == "open"
    assert queries.amounts(invoice).open == 5_000


def test_over_the_rest_is_credit(finance, clerk, acme):
    invoice = world.overage_invoice(acme, cents=9_000)
    check = world.check_for(acme, 10_000, clerk.user, invoice=invoice)
    asked = finance.get(url(check, "verify")).content.decode()
    assert "$90.00" in asked and "$10.00" in asked
    assert "$10.00 to credit" in told(verify(finance, check))
    assert status(invoice) == "paid"
    assert queries.credit_balance(acme, "usd").minor == 1_000


def test_above_the_threshold_the_recorder_leaves_it_to_another(acme):
    finance, finance2 = at_the_desk("finance"), at_the_desk("finance", "finance2@portal.example")
    check = world.check_for(acme, 1_000_001, finance.user)
    page = finance.get(url(check, "change")).content.decode()
    assert "somebody else has to verify it" in page
    assert url(check, "verify") not in page and url(check, "reject") in page
    assert "Verify and book it" not in finance.get(url(check, "verify")).content.decode()
    assert "somebody other than the person" in told(verify(finance, check)).lower()
    assert status(check) == "awaiting_review"
    verify(finance2, check)
    assert status(check) == "succeeded"
    assert check.verified_by == finance2.user


def test_at_the_threshold_one_person_is_enough(finance, acme):
    check = world.check_for(acme, 1_000_000, finance.user)
    verify(finance, check)
    assert status(check) == "succeeded"


def test_a_second_verifier_is_told_who_was_first(clerk, finance, acme):
    other = at_the_desk("finance", "finance2@portal.example")
    check = world.check_for(acme, 9_000, clerk.user)
    verify(finance, check)
    for answer in (
        other.get(url(check, "verify")),
        verify(other, check),
        other.post(url(check, "reject"), {"reason": "x"}),
    ):
        assert "was verified already by finance@portal.example" in told(answer)
    assert LedgerLeg.objects.filter(payment=check).count() == 2
    assert status(check) == "succeeded"


def test_a_rejection_needs_a_reason_and_books_nothing(clerk, finance, acme):
    invoice = world.overage_invoice(acme, cents=9_000)
    check = world.check_for(acme, 9_000, clerk.user, invoice=invoice)
    assert finance.get(url(check, "reject")).status_code == 200
    for reason in ("", "   ", "4242424242424242"):
        assert "reason" in finance.post(url(check, "reject"), {"reason": reason}).context["asked"].form.errors
    assert status(check) == "awaiting_review"
    finance.post(url(check, "reject"), {"reason": "No such deposit"})
    assert status(check) == "rejected" and status(invoice) == "open"
    assert not LedgerLeg.objects.filter(payment=check).exists()
    assert "No such deposit" in finance.get(url(check, "change")).content.decode()
    assert "was rejected already by finance@portal.example" in told(verify(finance, check))


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_who_may_not_verify_sees_and_does_not(clerk, acme, group):
    check = world.check_for(acme, 9_000, clerk.user)
    client = at_the_desk(group, "other@portal.example")
    page = client.get(url(check, "change"))
    assert page.status_code == 200
    assert url(check, "verify") not in page.content.decode()
    for what in ("verify", "reject"):
        assert client.get(url(check, what)).status_code == 403
        assert client.post(url(check, what), {"reason": "x"}).status_code == 403
    client.post(LIST, {"action": "verify_chosen", "_selected_action": [str(check.id)], "confirmed": "yes"})
    assert status(check) == "awaiting_review"


def test_a_form_from_elsewhere_books_nothing(finance, clerk, acme):
    check = world.check_for(acme, 9_000, clerk.user)
    finance.handler.enforce_csrf_checks = True
    assert finance.post(url(check, "verify")).status_code == 403
    assert status(check) == "awaiting_review"


def confirmed(client, action, payments, **more):
    """The list's action, then its confirmation with what that showed."""
    chosen = {"action": action, "_selected_action": [str(payment.id) for payment in payments]}
    page = client.post(LIST, chosen)
    assert page.status_code == 200
    hidden = {}
    for name, value in page.context["asked"].hidden:
        hidden.setdefault(name, []).append(value)
    return page, client.post(LIST, {**hidden, "confirmed": "yes", **more})


def test_several_are_verified_at_once_and_their_invoice_is_used_once(clerk, finance, acme):
    invoice = world.overage_invoice(acme, cents=9_000)
    checks = [world.check_for(acme, 6_000, clerk.user, invoice=invoice, reference=text) for text in "12"]
    page, answer = confirmed(finance, "verify_chosen", checks)
    text = page.content.decode()
    assert "Verify 2 payments?" in text
    assert "$60.00" in text and "$30.00" in text  # the second finds 30.00 still due
    assert answer.status_code == 302
    assert [status(check) for check in checks] == ["succeeded", "succeeded"]
    assert status(invoice) == "paid"
    assert queries.credit_balance(acme, "usd").minor == 3_000


def test_of_several_those_that_need_another_person_are_left_out(finance, acme):
    small, large = world.check_for(acme, 9_000, finance.user), world.check_for(acme, 2_000_000, finance.user)
    page, _ = confirmed(finance, "verify_chosen", [small, large])
    assert "somebody else has to verify it" in page.content.decode()
    assert (status(small), status(large)) == ("succeeded", "awaiting_review")


def test_several_are_rejected_for_one_reason(clerk, finance, acme):
    checks = [world.check_for(acme, 6_000, clerk.user, reference=text) for text in "12"]
    _, answer = confirmed(finance, "reject_chosen", checks, reason="")
    assert "reason" in answer.context["asked"].form.errors
    confirmed(finance, "reject_chosen", checks, reason="Both came back")
    assert {status(check) for check in checks} == {"rejected"}


def test_what_does_not_exist_is_not_found(finance):
    for missing in ("11111111-1111-4111-8111-111111111111", "abc"):
        assert finance.get(reverse("admin:payments_payment_verify", args=[missing])).status_code == 404
        assert finance.post(reverse("admin:payments_payment_reject", args=[missing])).status_code == 404


def test_no_form_changes_or_deletes_a_payment(clerk, acme):
    check = world.check_for(acme, 9_000, clerk.user)
    root = Client()
    root.force_login(world.user(staff=True, is_superuser=True))
    assert root.post(url(check, "change"), {"status": "succeeded", "amount_minor": 1}).status_code == 403
    assert root.post(url(check, "delete"), {"post": "yes"}).status_code == 403
    root.post(LIST, {"action": "delete_selected", "_selected_action": [str(check.id)], "post": "yes"})
    assert Payment.objects.get().status == "awaiting_review"


@pytest.mark.parametrize("term", ["20984", "acme", "INV-2026"])
def test_a_payment_is_found_by_what_stands_on_it(clerk, acme, term):
    invoice = world.overage_invoice(acme, cents=9_000)
    check = world.check_for(acme, 9_000, clerk.user, invoice=invoice, reference="20984")
    other = world.check_for(world.subscribed(slug="other"), 5_000, clerk.user, reference="777")
    for asked in (term, invoice.remittance_code):
        text = clerk.get(LIST, {"q": asked}).content.decode()
        assert str(check.id) in text and str(other.id) not in text
    assert clerk.get(LIST, {"q": "a\x00b"}).status_code == 200
