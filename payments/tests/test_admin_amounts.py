"""Amounts as the desk types or pastes them: what is read, what is refused, what the form holds at first."""

import pytest

from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from billing_portal.tests import world
from billing_portal.tests.reading import words
from payments.actions.crediting import issue_credit_note
from payments.actions.recording import verify_manual_payment
from payments.admin.drafts import Draft
from payments.models import Payment
from payments.tests.test_admin_recording import ADD, errors_of, fields

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client):
    client.force_login(world.user("clerk@portal.example", staff=True, groups=("clerk",)))
    return client


BAD = [
    "", " ", "0", "0.00", "-0", "-1", "+1", "1e3", "1E3", "NaN", "nan", "Infinity", "-Infinity", "1_000", "7\xa0",
    "\n7", "7 000", "١٢", "\uff11\uff12", "²", "29.001", "1.", ".5", "007", "0x10", "1,00", "0,100", "01,000",
    "1,0000", "1,000,00", "1,000.5", "1,000.001", "1000,000.00", ",000", "1,,000", "12,50", "9.000,00", "9.000", "$12",
    "0.1+0.2", "true", "null", "[]", "90071992547409.92", "9223372036854775808", "1" + "0" * 30, "1" + "0" * 5000,
    "12\x00",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=lambda text: repr(text)[:24])
def test_a_bad_amount_is_refused_and_named(clerk, bad):
    assert "amount" in errors_of(clerk.post(ADD, fields(world.subscribed(), amount=bad)))
    assert not Payment.objects.exists()


@pytest.mark.parametrize("bad", ["12.5", "12.0", "0", "1e3", "-1"])
def test_a_currency_without_cents_takes_none(clerk, bad):
    assert "amount" in errors_of(clerk.post(ADD, fields(world.subscribed(world.plan_price("jpy")), amount=bad)))
    assert not Payment.objects.exists()


def test_an_amount_is_read_as_the_pages_show_it(clerk):
    read = {"10,936.50": 1_093_650, "10,936": 1_093_600, "1,234,567.89": 123_456_789, " 7 ": 700, "7.5": 750}
    for typed, minor in read.items():
        assert amount_from_text(typed, "usd") == Money(minor, "usd"), typed
    assert amount_from_text("9,000", "jpy") == Money(9_000, "jpy")
    assert amount_from_text("9,000.000", "kwd") == amount_from_text("9000", "kwd") == Money(9_000_000, "kwd")
    assert amount_from_text("9,000,000", "kwd") == Money(9_000_000_000, "kwd")
    clerk.post(ADD, fields(world.subscribed(), amount=" 10,936.50 "))
    assert Payment.objects.get().amount_minor == 1_093_650


@pytest.mark.parametrize(("typed", "currency"), [("9,000", "kwd"), ("9,000.00", "kwd"), ("9,000.00", "jpy")])
def test_what_could_be_read_two_ways_is_refused(typed, currency):
    with pytest.raises(BadAmount, match="Write the amount like"):
        amount_from_text(typed, currency)


@pytest.mark.parametrize("large", ["90071992547409.92", "90,071,992,547,409.92", "1" + "0" * 30, "1" + "0" * 5000])
def test_too_large_is_called_too_large(clerk, large):
    (said,) = errors_of(clerk.post(ADD, fields(world.subscribed(), amount=large)))["amount"]
    assert said == "This amount is too large: $90,071,992,547,409.91 is the most we can take."


def test_opened_from_an_invoice_it_holds_what_is_due(clerk):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=1_093_650)
    answer = clerk.get(ADD, {"tenant": str(acme.id), "invoice": str(invoice.id)})
    assert answer.context["form"]["amount"].value() == "10936.50"
    assert f"When verified: $10,936.50 pays {invoice.number}." in words(answer)
    assert not clerk.get(ADD, {"tenant": str(acme.id)}).context["form"]["amount"].value()


def test_the_last_payment_is_one_that_arrived(clerk):
    acme, finance = world.subscribed(), world.user(staff=True)
    arrived = world.check_for(acme, 5_000, finance, reference="1")
    verify_manual_payment(
        payment_id=arrived.id, verifier=finance, actor=world.staff_actor(finance), now=world.at("2026-09-02")
    )
    world.check_for(acme, 7_000, finance, reference="2", now=world.at("2026-09-03"))
    assert "Last payment Check 1," in words(clerk.get(ADD, {"tenant": str(acme.id)}))


def test_credited_is_not_paid():
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=9_000)
    now = world.at("2026-10-05")
    issue_credit_note(invoice_id=invoice.id, amount=Money(500, "usd"), reason="Lost calls", actor=world.SYSTEM, now=now)
    (row,) = Draft.read({"tenant": str(acme.id)}, now).rows
    assert (row.due, row.state) == (Money(8_500, "usd"), "open")
