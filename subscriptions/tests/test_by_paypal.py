"""Subscriptions that PayPal charges: the guide's bodies, from approval to renewal and cancellation, by both books."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.notices import outbox
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from payments.models import Discrepancy, Invoice, LedgerLeg, Payment, Refund
from subscriptions import tasks
from subscriptions.entitlement import entitlement
from subscriptions.models import Plan, Subscription
from subscriptions.tests.paypal_plans import PATH, agreed, at_night, at_paypal, begun, billed, guide, post, told
from subscriptions.tests.plan_world import moves, price

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("paypal", "books_hold")]


@pytest.fixture
def plan(paypal: PayPalWorld) -> str:
    return at_paypal(price(trial_days=14))


def invoices() -> list[tuple[str, int]]:
    """(status, total), oldest first."""
    return list(Invoice.objects.order_by("number").values_list("status", "total_minor"))


def cash() -> int:
    return sum(LedgerLeg.objects.filter(account="cash_paypal").values_list("amount_minor", flat=True))


def test_the_guides_subscription_from_approval_to_the_third_renewal(
    paypal: PayPalWorld, acme: Any, owner: Client, plan: str
) -> None:
    subscription = begun(owner, plan)
    assert (subscription.status, entitlement(acme, timezone.now()).active) == ("approval_pending", False)
    subscription = agreed(paypal, subscription)
    assert (subscription.status, invoices()) == ("active", [("paid", 2_900)])
    for renewal in range(2, 5):
        billed(paypal, subscription)
        told(paypal)
        told(paypal)
        assert invoices() == [("paid", 2_900)] * renewal
    subscription.refresh_from_db()
    sales = paypal.objects("sales")
    payments = Payment.objects.order_by("created_at", "id")
    assert {each.provider_ref for each in payments} == {each["id"] for each in sales}
    assert cash() == 4 * 2_900 - sum(each.fee_minor or 0 for each in payments)
    spans = list(Invoice.objects.order_by("number").values_list("period_start", "period_end"))
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert (subscription.period_start, subscription.period_end) == spans[-1]
    assert moves(subscription) == ["approval_pending", "active"]
    shown = owner.get("/api/subscription").json()
    assert (shown["provider"], shown["status"], shown["latestInvoiceId"] is None) == ("paypal", "active", False)


def test_a_renewal_that_no_event_told_is_found_at_night_and_booked_once(
    paypal: PayPalWorld, owner: Client, plan: str
) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    paypal.panel("POST", "webhooks", {"mode": "drop"})
    billed(paypal, subscription)
    paypal.panel("POST", "webhooks", {"mode": "normal"})
    for _ in range(2):
        at_night()
        assert invoices() == [("paid", 2_900)] * 2
        books_agree(paypal)
    billed(paypal, subscription)
    told(paypal)
    at_night()
    assert invoices() == [("paid", 2_900)] * 3


def books_agree(paypal: PayPalWorld) -> None:
    """Sale for sale: one payment, and one invoice that it paid."""
    theirs = {(each["id"], each["amount"]["total"]) for each in paypal.objects("sales")}
    ours = Payment.objects.filter(status="succeeded")
    assert {(each.provider_ref, each.amount.decimal_text()) for each in ours} == theirs
    assert Payment.objects.count() == Invoice.objects.count() == len(theirs)
    assert sorted(each.invoice_id for each in ours if each.invoice_id) == sorted(
        Invoice.objects.filter(status="paid").values_list("id", flat=True)
    )


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "together"])
@pytest.mark.parametrize("order_of_events", ["forward", "backward"])
def test_its_events_in_both_orders_and_twice_are_one_invoice_and_one_payment_for_each_sale(
    paypal: PayPalWorld, owner: Client, plan: str, order_of_events: str, one_by_one: bool
) -> None:
    subscription = begun(owner, plan)
    paypal.panel("POST", "webhooks", {"mode": "drop"})
    paypal.approve(subscription.provider_ref or "")
    billed(paypal, subscription)
    paypal.panel("POST", "webhooks", {"mode": "normal"})
    events = paypal.objects("events")
    kinds = {each["event_type"] for each in events}
    assert "PAYMENT.SALE.COMPLETED" in kinds and any(kind.startswith("BILLING.SUBSCRIPTION.") for kind in kinds)
    for event in events if order_of_events == "forward" else reversed(events):
        for _ in range(2):
            paypal.panel("POST", "webhooks/resend", {"eventId": event["id"]})
            if one_by_one:
                told(paypal)
    told(paypal)
    subscription.refresh_from_db()
    assert (subscription.status, invoices()) == ("active", [("paid", 2_900)] * 2)
    books_agree(paypal)
    at_night()
    books_agree(paypal)


def test_a_payer_who_agrees_and_closes_the_tab_is_found(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    subscription = begun(owner, plan)
    paypal.approve(subscription.provider_ref or "")
    Subscription.objects.update(started_at=timezone.now() - timedelta(minutes=10))
    tasks.follow_begun()
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_a_payment_that_fails_is_past_due_with_access_and_paid_later_active(
    paypal: PayPalWorld, acme: Any, owner: Client, plan: str
) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    billed(paypal, subscription, "failed")
    told(paypal)
    subscription.refresh_from_db()
    assert (subscription.status, entitlement(acme, timezone.now()).active) == ("past_due", True)
    billed(paypal, subscription)
    told(paypal)
    subscription.refresh_from_db()
    assert (subscription.status, invoices()) == ("active", [("paid", 2_900)] * 2)


def test_what_paypal_gives_up_to_charge_is_unpaid_and_not_paused(
    paypal: PayPalWorld, acme: Any, owner: Client, plan: str
) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    billed(paypal, subscription)
    for _ in range(3):
        billed(paypal, subscription, "failed")
    told(paypal)
    subscription.refresh_from_db()
    assert (subscription.status, entitlement(acme, timezone.now()).active) == ("unpaid", False)


def test_paused_and_resumed(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    billed(paypal, subscription)
    for _ in range(2):
        assert post(owner, "/api/subscription/pause").json()["status"] == "paused"
    assert paypal.objects("subscriptions")[0]["status"] == "SUSPENDED"
    told(paypal)
    for _ in range(2):
        assert post(owner, "/api/subscription/resume").json()["status"] == "active"
    assert paypal.objects("subscriptions")[0]["status"] == "ACTIVE"


def test_paused_and_then_ending_one_word_takes_both_back(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    billed(paypal, subscription)
    post(owner, "/api/subscription/pause")
    assert post(owner, "/api/subscription/cancel").json()["cancelAtPeriodEnd"] is True
    resumed = post(owner, "/api/subscription/resume").json()
    assert (resumed["status"], resumed["cancelAtPeriodEnd"]) == ("active", False)
    assert paypal.objects("subscriptions")[0]["status"] == "ACTIVE"


def test_what_was_read_before_a_pause_and_written_after_it_leaves_it_a_pause(
    paypal: PayPalWorld, owner: Client, plan: str
) -> None:
    from payments.providers import registry
    from payments.providers.recurring import RunsSubscriptions
    from subscriptions.actions import following

    subscription = agreed(paypal, begun(owner, plan))
    billed(paypal, subscription)
    provider = registry.named("paypal", RunsSubscriptions)
    assert provider
    read_before = provider.look_up_subscription(str(subscription.provider_ref))
    post(owner, "/api/subscription/pause")
    following.take(
        subscription_id=subscription.id, facts=read_before, provider=provider, actor=world.SYSTEM, now=timezone.now()
    )
    told(paypal)
    at_night()
    subscription.refresh_from_db()
    assert subscription.status == "paused"


def test_canceled_at_the_periods_end_it_is_held_at_paypal_and_can_be_used(
    paypal: PayPalWorld, acme: Any, owner: Client, plan: str
) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    billed(paypal, subscription)
    told(paypal)
    ended = post(owner, "/api/subscription/cancel", {"reason": "Moving"}).json()
    assert (ended["status"], ended["cancelAtPeriodEnd"]) == ("active", True)
    assert paypal.objects("subscriptions")[0]["status"] == "SUSPENDED"
    told(paypal)
    at_night()
    subscription.refresh_from_db()
    assert (subscription.status, entitlement(acme, timezone.now()).active) == ("active", True)
    kept = post(owner, "/api/subscription/resume").json()
    assert (kept["status"], kept["cancelAtPeriodEnd"]) == ("active", False)
    assert paypal.objects("subscriptions")[0]["status"] == "ACTIVE"
    post(owner, "/api/subscription/cancel")
    Subscription.objects.update(
        period_start=timezone.now() - timedelta(days=31), period_end=timezone.now() - timedelta(hours=1)
    )
    from subscriptions.actions import directing

    directing.finish(subscription_id=subscription.id, actor=world.SYSTEM, now=timezone.now())
    subscription.refresh_from_db()
    assert (subscription.status, paypal.objects("subscriptions")[0]["status"]) == ("canceled", "CANCELLED")


@pytest.mark.parametrize("named", ["ours", "paypals"])
def test_the_guides_cancel_ends_it_at_once_and_what_was_paid_can_be_used(
    paypal: PayPalWorld, acme: Any, owner: Client, plan: str, named: str
) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    billed(paypal, subscription)
    told(paypal)
    name = subscription.id if named == "ours" else subscription.provider_ref
    for _ in range(2):
        ended = post(owner, f"{PATH}/{name}/cancel", {"reason": "No longer needed"})
        assert (ended.status_code, ended.json()["status"]) == (200, "canceled"), ended.content
    assert paypal.objects("subscriptions")[0]["status"] == "CANCELLED"
    told(paypal)
    subscription.refresh_from_db()
    assert subscription.ended_at == subscription.period_end
    assert entitlement(acme, timezone.now()).active, "until the end of what was paid"
    assert subscription.period_end and not entitlement(acme, subscription.period_end).active


def test_canceled_at_paypal_it_is_canceled_here(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    from payments.providers import registry
    from payments.providers.recurring import RunsSubscriptions

    provider = registry.named("paypal", RunsSubscriptions)
    assert provider and subscription.provider_ref
    provider.cancel_subscription(subscription.provider_ref, reason="in PayPal's own list")
    paypal.panel("POST", "webhooks", {"mode": "drop"})
    at_night()
    subscription.refresh_from_db()
    assert subscription.status == "canceled"
    assert post(owner, f"{PATH}/{subscription.id}/cancel").json()["status"] == "canceled", "ended before: as it is"


def test_one_that_nobody_agreed_to_ends_here_and_when_it_comes_alive_there_too(
    paypal: PayPalWorld, owner: Client, plan: str
) -> None:
    first = begun(owner, plan)
    second = begun(owner, plan)
    first.refresh_from_db()
    assert (first.status, second.status) == ("canceled", "approval_pending")
    agreed(paypal, second)
    agreed(paypal, first)
    states = {each["id"]: each["status"] for each in paypal.objects("subscriptions")}
    assert states == {first.provider_ref: "CANCELLED", second.provider_ref: "ACTIVE"}
    second.refresh_from_db()
    first.refresh_from_db()
    assert (first.status, second.status) == ("canceled", "active")


@pytest.mark.parametrize("finds", ["its events", "the night"])
def test_what_a_start_has_charged_that_another_replaced_goes_back_once(
    paypal: PayPalWorld, owner: Client, plan: str, finds: str
) -> None:
    first, second = begun(owner, plan), begun(owner, plan)
    agreed(paypal, second)
    outbox.deliver_due(timezone.now())  # dropped, as far as it can be: PayPal ends none that nobody has agreed to
    if finds == "the night":
        paypal.panel("POST", "webhooks", {"mode": "drop"})
    paypal.approve(first.provider_ref or "")
    if finds == "the night":
        at_night()
    for _ in range(3):
        told(paypal)
        outbox.deliver_due(timezone.now())
    assert [each["state"] for each in paypal.objects("sales")] == ["completed", "refunded"]
    refund = Refund.objects.get()
    assert (refund.status, refund.amount_minor, refund.requested_by) == ("succeeded", 2_900, None)
    assert refund.payment.invoice and refund.payment.invoice.subscription_ref == first.id
    assert not Discrepancy.objects.filter(closed_at=None).exists(), "nobody has to see to it"


def test_a_trial_is_a_beginning_in_the_future(paypal: PayPalWorld, acme: Any, owner: Client, plan: str) -> None:
    subscription = agreed(paypal, begun(owner, plan, trialDays=14))
    assert (subscription.status, invoices()) == ("trialing", [])
    assert subscription.trial_start is not None
    assert entitlement(acme, timezone.now()).valid_until == subscription.trial_end


def test_a_lost_answer_begins_it_once(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    paypal.fault("drop_after", "/v1/billing/subscriptions")
    begun(owner, plan)
    assert len(paypal.objects("subscriptions")) == 1


def test_without_an_answer_nothing_is_begun(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    paypal.fault("drop_before", "/v1/billing/subscriptions", times=2)
    answer = post(owner, PATH, guide(plan))
    assert answer.status_code == 503, "nobody was sent to PayPal's page: nothing can move"
    assert Subscription.objects.get().status == "canceled"
    agreed(paypal, begun(owner, plan))


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"planId": "P-NOBODYS0000000000000000"}, "planId", "unknown_plan"),
        ({"payerInfo": {}}, "payerInfo.email", "required"),
        ({"payerInfo": {"email": "a@b.example", "age": 5}}, "payerInfo.age", "unknown_field"),
        ({"seats": 0}, "seats", None),
        ({"trialDays": 15}, "trialDays", "trial_too_long"),
    ],
)
def test_what_cant_be_begun_names_its_field(
    paypal: PayPalWorld, owner: Client, plan: str, change: dict[str, Any], field: str, code: str | None
) -> None:
    answer = post(owner, PATH, guide(plan) | change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), answer.content
    assert code in (None, answer.json()["errors"][0]["code"])
    assert not Subscription.objects.exists() and paypal.objects("subscriptions") == []


def test_another_tenants_is_not_there(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    other = Client()
    other.force_login(world.member(world.tenant(slug="other")))
    for name in (subscription.id, subscription.provider_ref):
        assert post(other, f"{PATH}/{name}/cancel").status_code == 404
    assert paypal.objects("subscriptions")[0]["status"] == "ACTIVE"


def test_a_sale_that_goes_back_is_a_refund_of_its_payment(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    from payments.tests.paypal_payments import finance, given

    agreed(paypal, begun(owner, plan))
    payment = Payment.objects.get()
    answer = given(finance(), payment, 900)
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded"), answer.content
    paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 500})
    told(paypal)
    assert sorted(payment.refunds.values_list("amount_minor", flat=True)) == [500, 900]


# --- Pages ---


def test_a_person_starts_by_paypal_on_the_page_and_comes_back(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    code = Plan.objects.get().code
    page = owner.get(f"/subscription/start?plan={code}&cycle=monthly&begin=now").content.decode()
    assert 'value="paypal"' in page
    form = {
        "plan": code,
        "cycle": "monthly",
        "seats": "2",
        "begin": "now",
        "pay_with": "paypal",
        "shown": "5800",
        "after": "",
    }
    left = owner.post("/subscription/start", form)
    subscription = Subscription.objects.get()
    assert (left.status_code, subscription.status) == (302, "approval_pending")
    assert "ba_token=" in left["Location"]
    paypal.approve(subscription.provider_ref or "")
    back = owner.get("/subscription/paypal/return", {"subscription_id": subscription.provider_ref}, follow=True)
    assert "Your subscription has begun" in back.content.decode()
    subscription.refresh_from_db()
    assert (subscription.status, invoices()) == ("active", [("paid", 5_800)])
    assert "By PayPal" in owner.get("/subscription").content.decode()


def test_who_leaves_paypals_page_has_started_nothing(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    subscription = begun(owner, plan)
    assert "waits for your approval" in owner.get("/subscription").content.decode()
    for _ in range(2):
        back = owner.get("/subscription/paypal/cancel", {"subscription_id": subscription.provider_ref}, follow=True)
        assert back.status_code == 200
    subscription.refresh_from_db()
    assert (subscription.status, invoices()) == ("canceled", [])


def test_the_page_cancels_pauses_and_keeps_it_at_paypal(paypal: PayPalWorld, owner: Client, plan: str) -> None:
    subscription = agreed(paypal, begun(owner, plan))
    of = {"of": str(subscription.id)}
    state = lambda: paypal.objects("subscriptions")[0]["status"]  # noqa: E731
    assert owner.get("/subscription/cancel").status_code == 200
    owner.post("/subscription/cancel", of | {"when": "period_end"})
    assert state() == "SUSPENDED"
    assert "Take that back" in owner.get("/subscription").content.decode()
    owner.post("/subscription/keep", of)
    assert state() == "ACTIVE"
    assert owner.get("/subscription/pause").status_code == 200
    owner.post("/subscription/pause", of)
    assert state() == "SUSPENDED"
    owner.post("/subscription/resume", of)
    assert state() == "ACTIVE"
    assert owner.get("/subscription/change").status_code == 200
