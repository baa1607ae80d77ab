"""A coupon on pages: typed at the start with its sum, on the invoice with its derivation, and made and closed at the
desk."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from payments.models import Invoice
from subscriptions.models import Coupon, Subscription
from subscriptions.tests.coupon_world import coupon
from subscriptions.tests.pages_world import browser, changes, sent
from subscriptions.tests.plan_world import price, started, usd

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("june", "books_hold")]
START = "/subscription/start?plan=pro&cycle=monthly&seats=12"
ADD = "/admin/subscriptions/coupon/add/"


@pytest.fixture
def june() -> Iterator[None]:
    with time_machine.travel(at("2026-06-10 12:00"), tick=False):
        yield


@pytest.fixture
def client() -> Client:
    price(2_900, code="pro")
    return browser(world.tenant(tax_name="Sales tax", tax_percent=Decimal("6.25"), payment_terms_days=30))


def desk(group: str) -> Client:
    client = Client()
    client.force_login(world.user(staff=True, groups=(group,)))
    return client


def test_the_sum_is_less_before_anything_begins_and_then_just_that_is_billed(client: Client) -> None:
    coupon()
    page = client.get(f"{START}&coupon=welcome20")
    told = words(page)
    assert "Professional, 12 seats, monthly June 10 to July 9, 2026 $348.00 WELCOME20: 20% off −$69.60" in told
    assert "Sales tax 6.25% on $278.40 $17.40" in told
    assert "To pay $295.80" in told and "$295.80 with 12 seats" in told
    assert "WELCOME20 takes 20% off the first 3 invoices." in told
    client.post("/subscription/start", sent(page, pay_with=""))
    assert Invoice.objects.get().total_minor == 29_580
    told = words(client.get("/subscription"))
    assert "Coupon 20% off WELCOME20, the next 2 invoices" in told
    assert "Next invoice $295.80" in told


def test_after_the_last_period_of_a_coupon_the_usual_price_is_named(client: Client) -> None:
    coupon("ONCE", amount=usd(10_000), cycles=1)
    told = words(client.get(f"{START}&coupon=once"))
    assert "To pay $263.50" in told and "$369.75 with 12 seats" in told
    assert "ONCE takes $100.00 off the first invoice." in told


def test_what_costs_nothing_at_first_promises_no_invoice(client: Client) -> None:
    coupon("FREE", "100", cycles=1)
    page = client.get(f"{START}&coupon=FREE")
    told = words(page)
    assert "Nothing to pay $0.00" in told and "The first month costs nothing" in told
    assert "The invoice goes to" not in told and "to pay by" not in told
    client.post("/subscription/start", sent(page, pay_with=""))
    assert (Subscription.objects.get().status, Invoice.objects.count()) == ("active", 0)


def test_a_code_that_is_none_is_told_at_its_field_and_no_sum_stands(client: Client) -> None:
    page = client.get(f"{START}&coupon=nothing")
    told = words(page)
    assert "We don't know this coupon." in told and "Mend what is marked" in told
    assert 'value="nothing"' in page.content.decode()
    assert "To pay" not in told
    part = client.get(f"{START}&coupon=nothing", headers={"HX-Request": "true"}).content.decode()
    assert 'id="coupon-error" role="alert" hx-swap-oob="true"' in part and "We don&#x27;t know this coupon." in part


def test_one_that_was_used_up_meanwhile_starts_nothing(client: Client) -> None:
    coupon(max_redemptions=1)
    form = sent(client.get(f"{START}&coupon=WELCOME20"), pay_with="")
    started(price(1_000, code="other"), "2026-06-10 12:00", coupon="WELCOME20")
    answer = client.post("/subscription/start", form)
    assert "This coupon has been used as often as it may be." in words(answer)
    assert Subscription.objects.count() == 1


def test_with_paypal_it_says_so_and_keeps_the_sum(paypal: PayPalWorld, client: Client) -> None:
    coupon()
    page = client.get(f"{START}&coupon=WELCOME20")
    assert "can't be used with PayPal" in words(page)
    told = words(client.post("/subscription/start", sent(page, pay_with="paypal")))
    assert "A coupon can't be used with PayPal." in told and "To pay $295.80" in told
    assert not Subscription.objects.exists()


def test_the_invoice_explains_what_was_taken_off(client: Client) -> None:
    coupon()
    client.post("/subscription/start", sent(client.get(f"{START}&coupon=WELCOME20"), pay_with=""))
    told = words(client.get(reverse("invoice-page", args=[Invoice.objects.get().id])))
    assert "Professional, 12 seats, monthly 20% of $348.00 −$69.60 = Taken off −$69.60" in told
    assert "Coupon WELCOME20: 20% off the first 3 periods that are billed. This is number 1." in told


def test_a_change_shows_and_explains_what_the_coupon_takes_off(client: Client) -> None:
    coupon()
    client.post("/subscription/start", sent(client.get(f"{START}&coupon=WELCOME20"), pay_with=""))
    preview = words(client.get("/subscription/change?plan=pro&cycle=monthly&seats=15"))
    assert "Unused time of Professional, 12 seats" in preview
    assert "WELCOME20: 20% off June 10 to July 9 −$17.40" in preview.replace("Jun 10 to Jul 9", "June 10 to July 9")
    changes(client, "plan=pro&cycle=monthly&seats=15")
    newest = Invoice.objects.latest("number_sequence")
    assert newest.subtotal_minor == 6_960
    told = words(client.get(reverse("invoice-page", args=[newest.id])))
    assert "20% of $348.00 $69.60 − Remaining time of Professional, 15 seats 20% of $435.00 $87.00" in told
    assert "= Taken off −$17.40" in told
    assert "Of unused time only what was paid for it is given back." in told
    listed = words(desk("auditor").get(reverse("admin:payments_invoice_change", args=[newest.id])))
    assert "Coupon WELCOME20 Period 1 of 3" in listed


def test_finance_makes_a_coupon_and_closes_it_and_its_terms_stay() -> None:
    price(2_900, code="pro")
    finance = desk("finance")
    form = {"code": "spring", "percent_off": "12.5", "cycles": "2", "last_day": "2026-06-30", "max_redemptions": "5"}
    answer = finance.post(ADD, form)
    made = Coupon.objects.get()
    assert answer.headers["Location"] == f"/admin/subscriptions/coupon/{made.id}/change/"
    assert (made.code, made.percent_off, made.cycles, made.max_redemptions) == ("SPRING", Decimal("12.50"), 2, 5)
    assert (made.redeem_by, made.created_at) == (at("2026-07-01 00:00"), at("2026-06-10 12:00"))
    started(price(1_000, code="other"), "2026-06-10 12:00", coupon="SPRING", slug="buyer")
    told = words(finance.get(f"/admin/subscriptions/coupon/{made.id}/change/"))
    assert "12.5%" in told and "1 of 5" in told and "Buyer" in told
    assert "SPRING" in words(finance.get("/admin/subscriptions/coupon/"))
    close = f"/admin/subscriptions/coupon/{made.id}/close/"
    assert "Nobody can redeem it from then on." in words(finance.get(close))
    finance.post(close)
    made.refresh_from_db()
    assert made.closed_at == at("2026-06-10 12:00")
    assert "Close coupon" not in words(finance.get(f"/admin/subscriptions/coupon/{made.id}/change/"))


def test_what_makes_no_coupon_is_told_at_its_field() -> None:
    price(2_900, code="pro")
    finance = desk("finance")
    coupon("TAKEN")
    good = {"code": "GOOD", "percent_off": "10"}
    for wrong, field in (
        ({"code": "taken"}, "code"),
        ({"code": "a b"}, "code"),
        ({"percent_off": ""}, "percent_off"),
        ({"percent_off": "101"}, "percent_off"),
        ({"amount_off": "5.00"}, "currency"),
        ({"amount_off": "5.00", "currency": "usd"}, "percent_off"),
        ({"percent_off": "", "amount_off": "5,0", "currency": "usd"}, "amount_off"),
        ({"cycles": "0"}, "cycles"),
        ({"cycles": "99999999999"}, "cycles"),
        ({"max_redemptions": "99999999999"}, "max_redemptions"),
        ({"code": "ß" * 20}, "code"),  # longer in capitals
        ({"last_day": "9999-12-31"}, "last_day"),
        ({"last_day": "2026-06-09"}, "last_day"),
        ({"tenant": "abc"}, "tenant"),
    ):
        answer = finance.post(ADD, good | wrong)
        assert field in answer.context["asked"].form.errors, (wrong, answer.context["asked"].form.errors)
    assert Coupon.objects.count() == 1
    finance.post(ADD, {"code": "OFF5", "amount_off": "5.00", "currency": "usd"})
    made = Coupon.objects.get(code="OFF5")
    assert (made.amount_off_minor, made.currency, made.cycles) == (500, "usd", None)


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_nobody_else_makes_or_closes_one(group: str) -> None:
    mine, who = coupon(), desk(group)
    assert who.get("/admin/subscriptions/coupon/").status_code == 200
    assert who.post(ADD, {"code": "MINE", "percent_off": "100"}).status_code == 403
    assert who.post(f"/admin/subscriptions/coupon/{mine.id}/close/").status_code == 403
    assert Coupon.objects.filter(closed_at=None).count() == 1


def test_the_desk_starts_a_subscription_with_one() -> None:
    plan, acme = price(2_900, code="pro"), world.tenant()
    coupon()
    form = {"tenant": str(acme.id), "price": str(plan.id), "seats": "1", "coupon": "nope"}
    answer = desk("finance").post("/admin/subscriptions/subscription/add/", form)
    assert "coupon" in answer.context["asked"].form.errors
    desk("finance").post("/admin/subscriptions/subscription/add/", form | {"coupon": "WELCOME20"})
    assert Invoice.objects.get().total_minor == 2_320
