"""One check over several invoices: what is meant for which, what each takes when it is booked, what is left."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from billing_portal.kit.errors import BadInput, NotFound
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments import queries, share_queries
from payments.actions.crediting import issue_credit_note
from payments.models import Discrepancy, Invoice, Payment, PaymentShare
from payments.tests.offline_world import check_over, paid_by, verify_check
from payments.tests.refund_world import NOW, accounts_of, bill, card_payment, credit_of, tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]

LATER = at("2026-11-10 09:00")


@pytest.fixture
def acme() -> Tenant:
    return tenant()


@pytest.fixture
def three(acme: Tenant) -> list[Invoice]:
    """Of 4000, 3000 and 2000 cents."""
    return [bill(acme, cents, f"2026-{month:02}") for cents, month in ((4_000, 9), (3_000, 10), (2_000, 11))]


def states(invoices: list[Invoice]) -> list[tuple[str, int]]:
    """(status, what is open) of each."""
    rows = Invoice.objects.in_bulk([each.id for each in invoices])
    return [(rows[each.id].status, queries.amounts(rows[each.id]).open) for each in invoices]


def tasks(payment: Payment) -> list[tuple[str, int]]:
    rows = Discrepancy.objects.filter(payment=payment, closed_at=None)
    return list(rows.values_list("kind", "amount_minor"))


# --- What each takes ---


def test_a_check_over_three_invoices_pays_each_what_was_meant_for_it(acme: Tenant, three: list[Invoice]) -> None:
    payment = verify_check(check_over(three, [4_000, 1_000, 2_000], amount=7_500), now=LATER)
    assert states(three) == [("paid", 0), ("open", 2_000), ("paid", 0)]
    assert paid_by(payment) == {three[0].number: 4_000, three[1].number: 1_000, three[2].number: 2_000}
    assert (payment.invoice_id, credit_of(acme), tasks(payment)) == (None, 500, [])
    assert accounts_of(payment) == {"cash_bank": 7_500, "receivable": -7_000, "customer_credit": -500}


def test_the_invoice_that_is_named_gets_what_the_shares_leave(acme: Tenant, three: list[Invoice]) -> None:
    first, second, third = three
    payment = verify_check(check_over([third, second], [2_000, 3_000], amount=8_000, named=first), now=LATER)
    assert paid_by(payment) == {first.number: 3_000, second.number: 3_000, third.number: 2_000}
    assert states(three) == [("open", 1_000), ("paid", 0), ("paid", 0)]


def test_a_check_over_three_invoices_one_of_them_paid_by_card_in_between(
    stripe: StripeWorld, acme: Tenant, three: list[Invoice]
) -> None:
    payment = check_over(three, [4_000, 3_000, 2_000], now=at("2026-11-02 09:00"))
    card_payment(acme, 3_000, invoice=three[1])
    verify_check(payment, now=LATER)
    assert states(three) == [("paid", 0), ("paid", 0), ("paid", 0)]
    assert paid_by(payment) == {three[0].number: 4_000, three[2].number: 2_000}
    assert (credit_of(acme), tasks(payment)) == (3_000, [("not_needed", 3_000)])
    assert stripe.taken() == [3_000]


def test_what_was_sent_beyond_the_bill_is_credit_and_nobodys_task(acme: Tenant, three: list[Invoice]) -> None:
    payment = verify_check(check_over(three[1:], [3_000, 2_000], amount=10_000, named=three[0]), now=LATER)
    assert (credit_of(acme), tasks(payment)) == (1_000, [])


def test_only_what_an_invoice_did_not_need_is_a_task(stripe: StripeWorld, acme: Tenant, three: list[Invoice]) -> None:
    """Of 10000 for an invoice of 4000, 6000 were meant as credit; a card has paid 2500 of it meanwhile."""
    clerk = world.user(staff=True)
    payment = world.check_for(acme, 10_000, clerk, invoice=three[0], now=at("2026-11-02 09:00"))
    card_payment(acme, 2_500, invoice=three[0])
    verify_check(payment, now=LATER)
    assert (credit_of(acme), tasks(payment)) == (8_500, [("not_needed", 2_500)])


def test_a_credit_note_in_between_makes_money_not_needed_too(acme: Tenant, three: list[Invoice]) -> None:
    payment = check_over(three[:2], [4_000, 3_000])
    issue_credit_note(
        invoice_id=three[0].id, amount=Money(1_500, "usd"), reason="Bad line", actor=world.SYSTEM, now=LATER
    )
    verify_check(payment, now=at("2026-11-11 09:00"))
    assert (credit_of(acme), tasks(payment)) == (1_500, [("not_needed", 1_500)])


def test_a_wire_for_an_invoice_that_a_card_has_just_paid_is_credit_and_a_task(
    stripe: StripeWorld, acme: Tenant, three: list[Invoice]
) -> None:
    clerk = world.user(staff=True)
    payment = world.check_for(acme, 4_000, clerk, invoice=three[0], now=at("2026-11-02 09:00"))
    card_payment(acme, 4_000, invoice=three[0])
    verify_check(payment, now=LATER)
    assert (credit_of(acme), tasks(payment)) == (4_000, [("not_needed", 4_000)])
    row = Discrepancy.objects.get(payment=payment)
    assert (row.provider, row.provider_ref, row.tenant) == ("manual", str(payment.id), acme)


def test_money_that_names_no_invoice_is_nobodys_task(acme: Tenant, three: list[Invoice]) -> None:
    payment = verify_check(world.check_for(acme, 5_000, world.user(staff=True), now=NOW), now=LATER)
    assert (credit_of(acme), tasks(payment)) == (5_000, [])


def test_what_is_shown_before_is_what_is_booked(acme: Tenant, three: list[Invoice]) -> None:
    payment = check_over(three, [4_000, 3_000, 2_000])
    verify_check(check_over(three[1:2], [1_200]), now=LATER)
    shown = share_queries.split_now(payment)
    assert [(invoice.number, part) for invoice, part in shown] == list(
        {three[0].number: 4_000, three[1].number: 1_800, three[2].number: 2_000}.items()
    )
    ahead = share_queries.split_now(payment, taken={three[0].id: 3_500})
    assert [part for _, part in ahead] == [500, 1_800, 2_000]
    assert paid_by(verify_check(payment, now=LATER)) == {invoice.number: part for invoice, part in shown}


def test_it_is_listed_at_each_invoice_that_it_is_meant_for(acme: Tenant, three: list[Invoice]) -> None:
    payment = check_over(three[1:], [3_000, 2_000], amount=9_000, named=three[0])
    assert [list(queries.payments_of(each)) for each in three] == [[payment]] * 3


# --- What is refused ---


@pytest.mark.parametrize(
    ("cents", "field", "code"),
    [
        ([4_000, 3_001], "shares[1].amount", "amount_exceeds_due"),
        ([4_000, 0], "shares[1].amount", "too_small"),
        ([-1, 3_000], "shares[0].amount", "too_small"),
    ],
)
def test_a_share_that_can_not_be_is_named(three: list[Invoice], cents: list[int], field: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_over(three[:2], cents, amount=50_000)
    assert [(each.field, each.code) for each in refused.value.errors] == [(field, code)]
    assert not Payment.objects.exists()


def test_shares_are_no_more_than_the_amount_and_leave_some_for_the_invoice_named(three: list[Invoice]) -> None:
    with pytest.raises(BadInput) as refused:
        check_over(three[:2], [4_000, 3_000], amount=6_999)
    assert (refused.value.code, refused.value.errors[0].field) == ("shares_exceed_amount", "shares")
    with pytest.raises(BadInput) as refused:
        check_over(three[:2], [4_000, 3_000], named=three[2])
    assert refused.value.code == "nothing_left"


def test_no_invoice_is_named_twice(three: list[Invoice]) -> None:
    for invoices, named in (([three[0], three[0]], None), ([three[1], three[0]], three[0])):
        with pytest.raises(BadInput) as refused:
            check_over(invoices, [100, 100], amount=1_000, named=named)
        assert [(each.field, each.code) for each in refused.value.errors] == [("shares[1].invoice", "named_twice")]


def test_only_the_tenants_own_open_invoices_take_a_share(acme: Tenant, three: list[Invoice]) -> None:
    with pytest.raises(NotFound):
        check_over([three[0], bill(tenant(), 500)], [100, 100])
    verify_check(check_over(three[:1], [4_000]), now=LATER)
    with pytest.raises(BadInput) as refused:
        check_over(three[:2], [100, 100])
    assert [(each.field, each.code) for each in refused.value.errors] == [("shares[0].invoice", "already_paid")]


def test_shares_are_history(three: list[Invoice]) -> None:
    payment = check_over(three[:2], [100, 200])
    assert list(payment.shares.values_list("invoice_id", "amount_minor", "position")) == [
        (three[0].id, 100, 0),
        (three[1].id, 200, 1),
    ]
    for change in (
        lambda: PaymentShare.objects.update(amount_minor=1),
        lambda: PaymentShare.objects.filter(payment=payment).delete(),
    ):
        with pytest.raises(IntegrityError, match="paymentshare is append-only"), transaction.atomic():
            change()
