"""What was shown at the desk is what is booked, by the names and amounts as they stand everywhere."""

import pytest
from django.urls import reverse

from billing_portal.kit.money import Money
from billing_portal.notices import waking
from billing_portal.tests import world
from billing_portal.tests.reading import hidden
from payments import queries
from payments.actions.crediting import issue_credit_note
from payments.admin import ledger
from payments.models import CreditBalance, LedgerLeg
from payments.tests.test_admin_verifying import LIST, at_the_desk, status, told, url, verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk():
    return at_the_desk("clerk")


@pytest.fixture
def finance():
    return at_the_desk("finance")


def test_what_was_shown_is_what_is_booked_or_it_is_shown_again(clerk, finance, acme):
    invoice = world.overage_invoice(acme, cents=9_000)
    first, second = (world.check_for(acme, 9_000, clerk.user, invoice=invoice, reference=text) for text in "12")
    shown = dict(finance.get(url(second, "verify")).context["asked"].hidden)
    verify(finance, first)
    again = finance.post(url(second, "verify"), shown)
    assert "has changed meanwhile" in again.content.decode()
    assert status(second) == "awaiting_review"
    finance.post(url(second, "verify"), dict(again.context["asked"].hidden))
    assert status(second) == "succeeded"
    assert queries.credit_balance(acme, "usd").minor == 9_000


def test_who_has_not_seen_what_is_booked_books_nothing(clerk, finance, acme):
    check = world.check_for(acme, 9_000, clerk.user, invoice=world.overage_invoice(acme, cents=9_000))
    other = world.check_for(acme, 9_000, clerk.user)
    for shown in ({}, {"shown": ""}, {"shown": "x"}, hidden(finance.get(url(other, "verify")))):
        assert "What will be booked" in finance.post(url(check, "verify"), shown).content.decode()
        assert status(check) == "awaiting_review"
    assert not LedgerLeg.objects.filter(payment=check).exists()


def test_of_several_those_that_changed_are_shown_again_and_the_others_are_booked(clerk, finance, acme):
    invoice = world.overage_invoice(acme, cents=9_000)
    for_invoice, for_credit = (
        world.check_for(acme, 9_000, clerk.user, invoice=invoice),
        world.check_for(acme, 500, clerk.user),
    )
    asked = finance.post(LIST, {"action": "verify_chosen", "_selected_action": [for_invoice.pk, for_credit.pk]})
    issue_credit_note(
        invoice_id=invoice.id,
        amount=Money(1_000, "usd"),
        reason="Lost calls",
        actor=world.SYSTEM,
        now=world.at("2026-10-20"),
    )
    again = finance.post(LIST, {**hidden(asked), "confirmed": "yes"})
    text = again.content.decode()
    assert "has changed meanwhile" in text and "Verify this payment?" in text and "$80.00" in text
    assert (status(for_invoice), status(for_credit)) == ("awaiting_review", "succeeded")
    assert finance.post(LIST, {**hidden(again), "confirmed": "yes"}).status_code == 302
    assert status(for_invoice) == "succeeded"
    assert queries.credit_balance(acme, "usd").minor == 1_500


def test_a_reference_keeps_its_letters_and_the_amount_its_format(clerk, finance, acme):
    invoice = world.overage_invoice(acme, cents=1_093_650)
    check = world.check_for(acme, 1_093_650, clerk.user, invoice=invoice, reference="CHK-1")
    pages = [finance.get(url(check, what)).content.decode() for what in ("change", "verify", "reject")]
    assert "$10,936.50 check CHK-1" in pages[0]
    answer = verify(finance, check)
    assert "Check CHK-1 for $10,936.50 is verified" in told(answer)
    leg = LedgerLeg.objects.filter(payment=check).first()
    pages += [
        finance.get(reverse(f"admin:payments_{name}_change", args=[row.pk])).content.decode()
        for name, row in (("invoice", invoice), ("ledgerleg", leg))
    ]
    assert all("CHK-1" in page and "chk-1" not in page for page in pages)
    assert "10936.50" not in "".join(pages)


def test_a_worker_is_woken_for_the_mail_that_follows(clerk, finance, acme, django_capture_on_commit_callbacks):
    checks = [world.check_for(acme, 9_000, clerk.user) for _ in range(2)]
    with django_capture_on_commit_callbacks() as woken:
        verify(finance, checks[0])
        finance.post(url(checks[1], "reject"), {"reason": "not found"})
    assert [status(check) for check in checks] == ["succeeded", "rejected"]
    assert [each.func for each in woken].count(waking._send) == 2


def test_a_balances_page_adds_up_no_part_of_its_legs(clerk, finance, acme, monkeypatch):
    for _ in range(2):
        verify(finance, world.check_for(acme, 700, clerk.user))
    page = reverse("admin:payments_creditbalance_change", args=[CreditBalance.objects.get().pk])
    assert "Together" in finance.get(page).content.decode() and "$14.00" in finance.get(page).content.decode()
    monkeypatch.setattr(ledger, "MOST_LEGS", 1)
    cut = finance.get(page).content.decode()
    assert "Together" not in cut and "The latest 1; the ledger has all." in cut
