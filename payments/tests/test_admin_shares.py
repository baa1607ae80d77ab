"""One check over several invoices at the desk: typed, followed, refused at its field, recorded once, verified."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.reading import words
from payments import queries
from payments.actions.crediting import issue_credit_note
from payments.models import Discrepancy, Invoice, Payment
from payments.tests.offline_world import check_over, open_of, paid_by
from payments.tests.refund_world import bill, credit_of, tenant
from payments.tests.test_admin_verifying import LIST, at_the_desk, confirmed, status, told, url, verify

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
ADD = "/admin/payments/payment/add/"


@pytest.fixture
def clerk() -> Client:
    return at_the_desk("clerk")


@pytest.fixture
def finance() -> Client:
    return at_the_desk("finance")


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture
def three(acme: Tenant) -> list[Invoice]:
    """Of 40, 30 and 20 dollars, oldest first."""
    return [bill(acme, cents, f"2026-{month:02}") for cents, month in ((4_000, 9), (3_000, 10), (2_000, 11))]


def fields(of: Tenant, amount: str, shares: dict[Invoice, str], **changes: Any) -> dict[str, Any]:
    return {
        "tenant": str(of.id),
        "invoices_of": str(of.id),
        "kind": "check",
        "reference": "20984",
        "received_on": str(timezone.now().date()),
        "amount": amount,
        "invoice": "",
        "note": "",
        "key": str(uuid4()),
        **{f"share_{invoice.id}": typed for invoice, typed in shares.items()},
        **changes,
    }


def follow(client: Client, sent: dict[str, Any]) -> str:
    return words(client.post(reverse("admin:payments_payment_follow"), sent))


def meant(payment: Payment) -> list[tuple[str | None, int]]:
    return list(payment.shares.values_list("invoice__number", "amount_minor"))


# --- Typing and saving ---


def test_what_is_typed_beside_invoices_is_kept_with_the_check(
    clerk: Client, acme: Tenant, three: list[Invoice]
) -> None:
    first, second, third = three
    answer = clerk.post(ADD, fields(acme, "75.00", {third: "20.00", first: "40", second: "10.00"}))
    payment = Payment.objects.get()
    assert answer.url == reverse("admin:payments_payment_change", args=[payment.id])  # type: ignore[attr-defined]
    assert (payment.amount_minor, payment.invoice, payment.status) == (7_500, None, "awaiting_review")
    assert meant(payment) == [(first.number, 4_000), (second.number, 1_000), (third.number, 2_000)]
    assert [open_of(each)[0] for each in three] == ["open", "open", "open"]
    page = words(clerk.get(answer.url))  # type: ignore[attr-defined]
    for sentence in (
        f"$40.00 pays {first}",
        f"$10.00 goes to {second} ($20.00 stays due)",
        f"$20.00 pays {third}",
        "$5.00 becomes credit.",
    ):
        assert sentence in page


def test_the_chosen_invoice_gets_what_the_amounts_leave(clerk: Client, acme: Tenant, three: list[Invoice]) -> None:
    first, second, _ = three
    clerk.post(ADD, fields(acme, "60.00", {second: "30.00"}, invoice=str(first.id)))
    payment = Payment.objects.get()
    assert (payment.invoice, meant(payment)) == (first, [(second.number, 3_000)])


def test_nothing_is_left_for_a_chosen_invoice_that_has_its_own_amount_or_gets_none(
    clerk: Client, acme: Tenant, three: list[Invoice]
) -> None:
    first, second, third = three
    for number, shares in enumerate(({first: "10.00"}, {second: "30.00", third: "20.00"})):
        sent = fields(acme, "50.00", shares, invoice=str(first.id), reference=str(number))
        assert clerk.post(ADD, sent).status_code == 302
    own, none = Payment.objects.order_by("reference")
    assert (own.invoice, meant(own)) == (None, [(first.number, 1_000)])
    assert (none.invoice, meant(none)) == (None, [(second.number, 3_000), (third.number, 2_000)])


def test_one_chosen_invoice_needs_no_amount_beside_it(clerk: Client, acme: Tenant, three: list[Invoice]) -> None:
    clerk.post(ADD, fields(acme, "100.00", {three[0]: "", three[1]: "0.00"}, invoice=str(three[0].id)))
    payment = Payment.objects.get()
    assert (payment.invoice, meant(payment)) == (three[0], [])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("30.01", "Only $30.00 of"),
        ("1e1", "Write the amount like"),
        ("-5", "Write the amount like"),
        ("1.005", "decimal places"),
    ],
)
def test_an_amount_that_can_not_be_is_marked_beside_its_invoice(
    clerk: Client, acme: Tenant, three: list[Invoice], typed: str, said: str
) -> None:
    sent = fields(acme, "90.00", {three[0]: "40.00", three[1]: typed})
    answer = clerk.post(ADD, sent)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [f"share_{three[1].id}"]
    text = answer.content.decode()
    error = text.split(f'id="id_share_{three[1].id}_error"')[1].split("</p>")[0]
    assert said in error
    assert f'value="{typed}"' in text and 'value="40.00"' in text, "what was typed stands there still"
    assert said in follow(clerk, sent), "and it was said before"
    assert not Payment.objects.exists()


def test_amounts_beyond_the_check_are_refused(clerk: Client, acme: Tenant, three: list[Invoice]) -> None:
    sent = fields(acme, "69.99", {three[0]: "40.00", three[1]: "30.00"})
    assert "more than the payment" in follow(clerk, sent)
    answer = clerk.post(ADD, sent)
    assert "The shares are more than the amount." in answer.context["form"].errors["__all__"][0]
    assert not Payment.objects.exists()


def test_an_amount_for_an_invoice_that_was_paid_meanwhile_is_not_passed_over(
    clerk: Client, finance: Client, acme: Tenant, three: list[Invoice]
) -> None:
    sent = fields(acme, "70.00", {three[0]: "40.00", three[1]: "30.00"})
    verify(finance, check_over(three[:1], [4_000]))
    answer = clerk.post(ADD, sent)
    assert "not open any more" in answer.context["form"].errors["__all__"][0]
    other = tenant()
    assert "not open any more" in words(clerk.post(ADD, {**sent, "tenant": str(other.id), "invoice": ""}))
    assert Payment.objects.filter(status="awaiting_review").count() == 0


def test_what_is_typed_is_followed_by_what_each_gets(clerk: Client, acme: Tenant, three: list[Invoice]) -> None:
    first, second, _ = three
    page = follow(clerk, fields(acme, "60.00", {second: "30.00"}, invoice=str(first.id)))
    assert f"$30.00 goes to {first} ($10.00 stays due), $30.00 pays {second}." in page
    assert "The rest: $30.00" in page
    page = follow(clerk, fields(acme, "60.00", {second: "30.00"}))
    assert f"When verified: $30.00 pays {second}, $30.00 becomes credit." in page


@pytest.mark.parametrize("place", [ADD, ADD + "follow/"])
def test_the_button_spreads_the_amount_oldest_first_and_saves_nothing(
    clerk: Client, acme: Tenant, three: list[Invoice], place: str
) -> None:
    """Without scripting it is the page that answers, with it the part of the page."""
    sent = fields(acme, "85.00", {three[2]: "1.00"}, _spread="1", note="by hand", kind="wire")
    answer = clerk.post(place, sent)
    assert answer.status_code == 200
    draft = answer.context["draft"]
    assert [row.share for row in draft.rows] == ["40.00", "30.00", "15.00"]
    assert 'value="15.00"' in answer.content.decode()
    if place == ADD:
        assert 'value="by hand"' in answer.content.decode() and sent["key"] in answer.content.decode()
    assert "Type the amount of the payment first." in words(clerk.post(place, {**sent, "amount": ""}))
    assert not Payment.objects.exists()


def test_enter_saves_and_does_not_spread(clerk: Client, acme: Tenant, three: list[Invoice]) -> None:
    """A browser presses the first button of a form."""
    text = clerk.get(ADD, {"tenant": str(acme.id)}).content.decode().split('id="payment_form"')[1]
    assert text.index('name="_save"') < text.index('name="_spread"')


def test_what_awaits_review_stands_at_each_invoice(clerk: Client, acme: Tenant, three: list[Invoice]) -> None:
    check_over(three[1:], [1_000, 2_000], amount=7_000, named=three[0])
    draft = clerk.get(ADD, {"tenant": str(acme.id)}).context["draft"]
    assert [row.waiting.minor for row in draft.rows] == [4_000, 1_000, 2_000]


def test_the_same_form_twice_is_one_check_and_with_other_amounts_it_is_refused(
    clerk: Client, acme: Tenant, three: list[Invoice]
) -> None:
    sent = fields(acme, "70.00", {three[0]: "40.00", three[1]: "30.00"})
    assert clerk.post(ADD, sent).url == clerk.post(ADD, sent).url  # type: ignore[attr-defined]
    answer = clerk.post(ADD, {**sent, f"share_{three[1].id}": "20.00"})
    assert "recorded" in answer.context["form"].errors["__all__"][0]
    payment = Payment.objects.get()
    assert meant(payment) == [(three[0].number, 4_000), (three[1].number, 3_000)]


@pytest.mark.django_db(transaction=True)
def test_the_same_form_from_eight_hands_at_once_is_one_check(live_db: Any) -> None:
    acme, clerk = tenant(), world.user(staff=True, groups=("clerk",))
    two = [bill(acme, cents, f"2026-{month:02}") for cents, month in ((4_000, 9), (3_000, 10))]
    sent, clients = fields(acme, "70.00", {two[0]: "40.00", two[1]: "30.00"}), [Client() for _ in range(8)]
    for client in clients:
        client.force_login(clerk)
    answers = live_db(8, lambda number: clients[number].post(ADD, sent))
    assert not answers.errors
    assert len({answer.url for answer in answers}) == 1
    assert meant(Payment.objects.get()) == [(two[0].number, 4_000), (two[1].number, 3_000)]


# --- Before it is verified, and after ---


def test_before_it_is_verified_each_invoice_has_its_line(finance: Client, acme: Tenant, three: list[Invoice]) -> None:
    check = check_over(three, [4_000, 1_000, 2_000], amount=7_500)
    table = finance.get(url(check, "verify")).context["asked"].tables[0]
    goes = [row[-3:] for row in table.rows]
    assert [(str(to), amount, left) for to, amount, left in goes[3:]] == [(f"The credit of {acme}", "$5.00", "—")]
    assert [(amount, left) for _, amount, left in goes[:3]] == [
        ("$40.00", "$0.00"), ("$10.00", "$20.00"), ("$20.00", "$0.00"),
    ]  # fmt: skip
    answer = verify(finance, check)
    assert f"$40.00 to {three[0]}, $10.00 to {three[1]}, $20.00 to {three[2]}, $5.00 to credit." in told(answer)
    assert paid_by(check) == {three[0].number: 4_000, three[1].number: 1_000, three[2].number: 2_000}


def test_an_invoice_that_was_paid_meanwhile_is_warned_of(finance: Client, acme: Tenant, three: list[Invoice]) -> None:
    first, second, _ = three
    check = check_over([first, second], [4_000, 3_000])
    verify(finance, check_over([first], [4_000]))
    issue_credit_note(
        invoice_id=second.id, amount=Money(1_000, "usd"), reason="x", actor=world.SYSTEM, now=world.at("2026-11-20")
    )
    for page in (url(check, "verify"), url(check, "change")):
        text = words(finance.get(page))
        assert f"{first} is paid by now: the $40.00 meant for it becomes credit." in text
        assert f"{second} asks for less by now: $10.00 meant for it becomes credit." in text
    verify(finance, check)
    assert credit_of(acme) == 5_000
    task = Discrepancy.objects.get(payment=check, closed_at=None)
    assert (task.kind, task.amount_minor) == ("not_needed", 5_000), "what was warned of is the task"


def test_what_was_sent_beyond_its_invoice_on_purpose_is_no_warning(
    finance: Client, acme: Tenant, three: list[Invoice]
) -> None:
    check = world.check_for(acme, 9_000, world.user(staff=True), invoice=three[0], now=world.at("2026-11-02 09:00"))
    assert "meant for it" not in words(finance.get(url(check, "verify")))


def test_of_several_chosen_those_ahead_use_up_what_the_invoices_ask_for(
    finance: Client, acme: Tenant, three: list[Invoice]
) -> None:
    first, second, _ = three
    ahead = check_over([first], [3_000], now=world.at("2026-11-03 09:00"))
    over = check_over([first, second], [4_000, 3_000], now=world.at("2026-11-04 09:00"))
    page, answer = confirmed(finance, "verify_chosen", [over, ahead])
    rows = [row[-2:] for row in page.context["asked"].tables[0].rows]
    assert rows == [("$30.00", "$10.00"), ("$10.00", "$0.00"), ("$30.00", "$0.00"), ("$30.00", "—")]
    assert "$30.00 meant for it becomes credit" in words(page)
    assert answer.status_code == 302
    assert paid_by(over) == {first.number: 1_000, second.number: 3_000}
    assert queries.credit_balance(acme, "usd").minor == 3_000


def test_a_share_that_changed_meanwhile_is_shown_again(finance: Client, acme: Tenant, three: list[Invoice]) -> None:
    """The sum is the same: 40 for one invoice, and nothing is credit; but it goes elsewhere."""
    first, second, _ = three
    check = check_over([second], [1_000], amount=4_000, named=first)
    page = finance.get(url(check, "verify"))
    shown = dict(page.context["asked"].hidden)
    verify(finance, check_over([second], [2_500]))
    again = finance.post(url(check, "verify"), shown)
    assert "has changed meanwhile" in again.content.decode()
    assert status(check) == "awaiting_review"
    finance.post(url(check, "verify"), dict(again.context["asked"].hidden))
    assert paid_by(check) == {first.number: 3_000, second.number: 500}


def test_the_list_names_its_invoices_and_finds_it_by_each(clerk: Client, acme: Tenant, three: list[Invoice]) -> None:
    check = check_over(three[1:], [100, 200], amount=900, named=three[0])
    world.check_for(acme, 500, world.user(staff=True))
    for invoice in three:
        text = clerk.get(LIST, {"q": invoice.number}).content.decode()
        assert text.count(url(check, "change")) >= 1 and all(str(each) in text for each in three)
        assert clerk.get(LIST, {"q": invoice.number}).context["cl"].result_count == 1
