"""Changes of a subscription by PayPal: agreed to on its page, and in force from the next period, whatever is told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.reading import words
from billing_portal.tests.world import at
from payments.providers import registry
from payments.providers.recurring import RunsSubscriptions
from subscriptions import pricing_terms
from subscriptions.actions import following
from subscriptions.entitlement import entitlement
from subscriptions.models import PlanPriceRef
from subscriptions.tests.paypal_plans import told
from subscriptions.tests.revised import Revised, invoices

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]
JULY, AUGUST = at("2026-07-01 00:00"), at("2026-08-01 00:00")


def test_an_upgrade_by_paypal_takes_effect_with_the_third_renewal(life: Revised) -> None:
    for month in ("07", "08"):
        life.on(f"2026-{month}-01 00:00")
    life.on("2026-08-12 00:00")
    shown = life.asks("post", "/preview", planType="big", seats=3)
    assert (shown["amountDueNow"], shown["total"], shown["lines"]) == (0, 0, [])
    assert (shown["when"], shown["effectiveAt"]) == ("period_end", "2026-09-01T00:00:00Z")
    assert shown["next"] == {"amount": 7_500, "at": "2026-09-01T00:00:00Z"}
    asked = life.asks(planType="big", seats=3, previewToken=shown["previewToken"])
    assert asked["approvalUrl"].startswith("http") and asked["pendingChange"] is None
    assert (asked["planType"], asked["seats"], asked["status"]) == ("small", 2, "active")
    life.night()
    assert (life.pending, life.asks("get")["approvalUrl"]) == (None, None), "nobody has agreed"
    life.agrees()
    assert life.asks("get")["pendingChange"] == {
        "planType": "big",
        "billingCycle": "monthly",
        "seats": 3,
        "effectiveAt": "2026-09-01T00:00:00Z",
    }
    life.night()
    assert (life.terms(), life.pending) == (("small", 2), ("big", 3, at("2026-09-01 00:00")))
    life.on("2026-09-01 00:00")
    assert (life.terms(), life.pending) == (("big", 3), None)
    assert invoices() == [2_000, 2_000, 2_000, 7_500]
    assert life.history() == [("06-01", "small", 2), ("09-01", "big", 3)]
    assert len(life.paypal.objects("sales")) == 4


@pytest.mark.parametrize("agreement", ["told", "lost", "told late"])
@pytest.mark.parametrize("renewal", ["told", "lost"])
def test_it_holds_from_the_renewal_on_whatever_is_told_of_it(life: Revised, agreement: str, renewal: str) -> None:
    life.on("2026-06-30 23:00")
    life.asks(seats=5)
    life.agrees(is_told=agreement == "told")
    life.on("2026-07-01 04:00", is_told=renewal == "told")
    if agreement == "told late":
        for event in life.paypal.objects("events"):
            if event["event_type"] == "BILLING.SUBSCRIPTION.UPDATED":
                life.paypal.panel("POST", "webhooks/resend", {"eventId": event["id"]})
        told(life.paypal)
    for _ in range(2):
        life.night()
        assert (life.terms(), life.terms("2026-06-30 23:59"), life.pending) == (("small", 5), ("small", 2), None)
    assert (life.history(), invoices()) == ([("06-01", "small", 2), ("07-01", "small", 5)], [2_000, 5_000])


def test_agreed_after_a_renewal_that_nobody_told_it_waits_for_the_one_after(life: Revised) -> None:
    """By the amount of the last payment, the running period was paid for on the old terms."""
    life.on("2026-06-30 23:00")
    life.asks(seats=5)
    life.on("2026-07-01 04:00", is_told=False)
    life.agrees(is_told=False)
    life.night()
    assert (life.terms(), life.pending) == (("small", 2), ("small", 5, AUGUST))
    life.on("2026-08-01 00:00")
    assert (life.terms(), invoices()) == (("small", 5), [2_000, 2_000, 5_000])


def test_of_two_revisions_the_second_counts(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(seats=5)
    life.asks(seats=4)
    life.agrees()
    assert life.pending == ("small", 4, JULY)
    life.asks(planType="big", seats=3)
    assert life.pending == ("small", 4, JULY), "agreed to, until something else is"
    life.agrees()
    assert life.pending == ("big", 3, JULY)
    life.on("2026-07-01 00:00")
    assert (life.terms(), invoices()) == (("big", 3), [2_000, 7_500])


@pytest.mark.parametrize("is_told", [True, False])
def test_what_was_agreed_is_taken_back_by_agreeing_again(life: Revised, is_told: bool) -> None:
    life.on("2026-06-10 00:00")
    life.asks(planType="big", seats=3)
    life.agrees()
    undone = life.asks(planType="small", seats=2)
    assert undone["approvalUrl"] and undone["pendingChange"]["planType"] == "big", "PayPal asks for the payer's word"
    life.night()
    assert life.pending
    life.agrees(is_told=is_told)
    life.night()
    assert life.pending is None
    life.on("2026-07-01 00:00")
    assert (life.history(), invoices()) == ([("06-01", "small", 2)], [2_000, 2_000])


def test_fewer_seats_are_paid_for_until_the_period_ends(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(seats=1)
    life.agrees()
    for when in ("2026-06-20 00:00", "2026-06-30 23:59"):
        life.on(when)
        life.night()
        assert life.terms() == ("small", 2)
    life.on("2026-07-01 00:00")
    assert (life.terms(), invoices()) == (("small", 1), [2_000, 1_000])


def test_a_year_begins_when_the_month_ends_and_months_when_the_year_does(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    assert life.asks("post", "/preview", billingCycle="yearly")["next"]["amount"] == 20_000
    life.asks(billingCycle="yearly")
    life.agrees()
    row = life.row
    assert (row.period_start, row.period_end) == (at("2026-06-01 00:00"), JULY)
    life.on("2026-07-01 00:00")
    row = life.row
    assert (row.period_start, row.period_end) == (JULY, at("2027-07-01 00:00"))
    life.asks(billingCycle="monthly")
    life.agrees()
    life.night()
    row = life.row
    assert (row.period_start, row.period_end, row.pending_at) == (JULY, at("2027-07-01 00:00"), row.period_end)
    life.on("2027-07-01 00:00")
    assert invoices() == [2_000, 20_000, 2_000]
    assert life.row.period_end == at("2027-08-01 00:00")


def test_a_trial_changes_when_it_ends(moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client) -> None:
    life = Revised(paypal, owner, moment, trialDays=14)
    assert life.row.status == "trialing"
    life.on("2026-06-05 00:00")
    shown = life.asks("post", "/preview", planType="big", seats=3)
    assert (shown["amountDueNow"], shown["next"]) == (0, {"amount": 7_500, "at": "2026-06-15T00:00:00Z"})
    life.asks(planType="big", seats=3)
    life.agrees()
    life.night()
    assert (life.row.status, life.terms(), life.pending) == (
        "trialing",
        ("small", 2),
        ("big", 3, at("2026-06-15 00:00")),
    )
    life.on("2026-06-15 00:00")
    assert (life.history()[1:], invoices()) == ([("06-15", "big", 3)], [7_500])


def test_a_trial_of_one_day_changes_when_it_ends(
    moment: time_machine.Traveller, paypal: PayPalWorld, owner: Client
) -> None:
    """Shorter than what two words of PayPal about one instant may lie apart."""
    life = Revised(paypal, owner, moment, trialDays=1)
    life.on("2026-06-01 06:00")
    life.asks(planType="big", seats=3)
    life.agrees()
    for _ in range(2):
        life.night()
        assert (life.terms(), life.terms("2026-06-01 23:00")) == (("small", 2), ("small", 2))
        assert life.pending == ("big", 3, at("2026-06-02 00:00"))
    life.on("2026-06-02 00:00")
    assert (life.history()[1:], invoices()) == ([("06-02", "big", 3)], [7_500])


def test_a_renewal_that_fails_leaves_the_new_terms_to_be_paid(life: Revised) -> None:
    life.on("2026-06-20 00:00")
    life.asks(planType="big", seats=2)
    life.agrees()
    life.paypal.panel("POST", "bill", {"subscriptionId": life.row.provider_ref, "outcome": "failed"})
    told(life.paypal)
    assert (life.row.status, life.terms(), life.pending) == ("past_due", ("small", 2), ("big", 2, JULY))
    assert life.asks(expected=409, seats=9)["code"] == "subscription_unpaid"
    life.on("2026-07-02 00:00")
    life.night()
    assert life.history() == [("06-01", "small", 2), ("07-02", "big", 2)]
    assert invoices() == [2_000, 5_000]


# --- What is refused, and what was lost ---


def test_at_once_is_not_to_be_had(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    for path, method in (("/preview", "post"), ("", "patch")):
        refused = life.asks(method, path, expected=409, seats=5, when="now")
        assert refused["code"] == "not_supported_by_provider"
        assert life.asks(method, path, expected=400, seats=2)["code"] == "nothing_changes"
    assert (life.asked_paypal(), life.pending) == (0, None)


def test_a_preview_that_is_old_or_of_another_state_changes_nothing(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    token = life.asks("post", "/preview", seats=5)["previewToken"]
    life.asks(seats=4)
    life.agrees()
    assert life.asks(expected=409, seats=5, previewToken=token)["code"] == "preview_outdated"
    token = life.asks("post", "/preview", seats=5)["previewToken"]
    life.on("2026-06-10 00:16")
    assert life.asks(expected=410, seats=5, previewToken=token)["code"] == "preview_expired"


def test_asked_for_again_it_is_one_change(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.paypal.fault("drop_after", "/v1/billing/subscriptions/*/revise")
    lost = life.asks(expected=503, seats=5)
    assert (lost["code"], life.pending) == ("provider_unavailable", None)
    first = life.asks(seats=5)["approvalUrl"]
    assert life.asks(seats=5)["approvalUrl"] != first
    life.agrees()
    again = life.asks(seats=5)
    assert (again["approvalUrl"], again["pendingChange"]["seats"]) == (None, 5)
    assert life.asked_paypal() == 3, "agreed already: nobody is asked"
    life.on("2026-07-01 00:00")
    assert invoices() == [2_000, 5_000]


def test_what_became_of_a_lost_answer_is_read_at_night(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.paypal.fault("drop_after", "/v1/billing/subscriptions/*/revise")
    life.asks(expected=503, seats=5)
    life.agrees(is_told=False)
    life.night()
    assert life.pending == ("small", 5, JULY)


def test_where_paypal_is_not_to_be_reached_nothing_is_asked(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.paypal.fault("drop_before", "/v1/billing/subscriptions/*/revise")
    assert life.asks(expected=503, seats=5)["code"] == "provider_unavailable"
    assert (life.pending, life.terms()) == (None, ("small", 2))


def test_a_plan_of_another_product_needs_another_subscription(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    plans = {each["id"]: each["product_id"] for each in life.paypal.objects("plans")}
    other = next(each for each, product in plans.items() if product != plans[life.plans["big"]])
    PlanPriceRef.objects.filter(provider_ref=life.plans["big"]).update(provider_ref=other)
    refused = life.asks(expected=409, planType="big")
    assert (refused["code"], "start another" in refused["detail"]) == ("not_supported_by_provider", True)
    assert (life.pending, life.terms()) == (None, ("small", 2))


@pytest.mark.parametrize(("verb", "code"), [("cancel", "not_found"), ("suspend", "subscription_unpaid")])
def test_ended_or_held_at_paypal_meanwhile_it_says_so(life: Revised, verb: str, code: str) -> None:
    life.on("2026-06-10 00:00")
    provider = registry.named("paypal", RunsSubscriptions)
    assert provider
    with life.silence():
        act = provider.cancel_subscription if verb == "cancel" else provider.pause_subscription
        act(str(life.row.provider_ref), reason="in PayPal's own list")
    refused = life.asks(expected=404 if verb == "cancel" else 409, seats=5)
    assert refused["code"] == code
    assert life.row.status == ("canceled" if verb == "cancel" else "unpaid")


# --- Beside a cancellation and a pause ---


def test_what_ends_changes_no_more_and_what_is_kept_changes_as_agreed(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(seats=5)
    life.agrees()
    ending = life.asks("post", "/cancel")
    assert (ending["cancelAtPeriodEnd"], ending["pendingChange"]) == (True, None)
    assert life.asks(expected=409, seats=4)["code"] == "subscription_ending"
    life.night()
    kept = life.asks("post", "/resume")
    assert (kept["cancelAtPeriodEnd"], kept["pendingChange"]["seats"]) == (False, 5)
    life.asks("post", "/cancel")
    life.on("2026-07-01 01:00")
    life.night()
    assert (life.row.status, life.history(), invoices()) == ("canceled", [("06-01", "small", 2)], [2_000])


def test_agreed_while_it_is_paused_it_changes_with_what_is_billed_next(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(seats=5)
    assert life.asks("post", "/pause")["status"] == "paused"
    assert life.asks(expected=409, seats=4)["code"] == "subscription_paused"
    life.agrees()
    assert (life.row.status, life.terms()) == ("paused", ("small", 2))
    life.asks("post", "/resume")
    assert life.pending == ("small", 5, JULY)
    life.on("2026-07-01 00:00")
    assert (life.terms(), invoices()) == (("small", 5), [2_000, 5_000])


def test_paused_beyond_its_period_it_goes_on_as_agreed(life: Revised) -> None:
    life.on("2026-06-10 00:00")
    life.asks(seats=5)
    life.agrees()
    life.asks("post", "/pause")
    life.on("2026-07-10 00:00")
    life.night()
    assert (life.terms(), life.pending) == (("small", 2), ("small", 5, JULY)), "nothing is billed, nothing begins"
    assert "Resume for $50.00" in words(life.owner.get("/subscription"))
    life.asks("post", "/resume")
    life.on("2026-07-11 00:00")
    life.night()
    assert (life.terms(), invoices()) == (("small", 5), [2_000, 5_000])


# --- Reads in any order; walls ---


def test_a_read_of_before_does_no_harm_that_the_next_does_not_mend(life: Revised) -> None:
    provider = registry.named("paypal", RunsSubscriptions)
    assert provider
    life.on("2026-06-10 00:00")
    before = provider.look_up_subscription(str(life.row.provider_ref))
    life.asks(seats=5)
    life.agrees()
    agreed_one = provider.look_up_subscription(str(life.row.provider_ref))

    def takes(facts: Any) -> None:
        following.take(
            subscription_id=life.id, facts=facts, provider=provider, actor=world.SYSTEM, now=at("2026-07-01 00:30")
        )

    life.on("2026-07-01 00:00")
    for old in (before, agreed_one):
        takes(old)
        assert life.history() == [("06-01", "small", 2), ("07-01", "small", 5)]
        life.night()
        assert (life.history(), life.pending) == ([("06-01", "small", 2), ("07-01", "small", 5)], None)
    row = life.row
    assert (row.period_start, row.period_end) == (JULY, AUGUST)


def test_a_read_of_an_older_period_moves_nothing_back(life: Revised) -> None:
    provider = registry.named("paypal", RunsSubscriptions)
    assert provider
    life.on("2026-06-10 00:00")
    life.asks(seats=5)
    life.agrees()
    old = provider.look_up_subscription(str(life.row.provider_ref))
    life.on("2026-07-01 00:00")
    life.asks(planType="big", seats=3)
    life.agrees()
    life.asks("post", "/cancel")
    life.asks("post", "/resume")
    before = (life.row.period_start, life.row.period_end, life.pending, life.history())
    assert before[:3] == (JULY, AUGUST, ("big", 3, AUGUST))
    facts: dict[str, Any] = {"subscription_id": life.id, "provider": provider, "actor": world.SYSTEM}
    following.take(**facts, facts=old, now=at("2026-07-01 00:30"))
    assert (life.row.period_start, life.row.period_end, life.pending, life.history()) == before
    assert entitlement(life.row.tenant, at("2026-07-20 00:00")).valid_until == AUGUST


def test_a_read_of_while_it_was_held_moves_nothing_back_either(life: Revised) -> None:
    """PayPal then may name no next billing: what was paid last tells of which period that was."""
    provider = registry.named("paypal", RunsSubscriptions)
    assert provider
    life.paypal.panel("POST", "settings", {"nextBillingOfSuspended": "hidden"})
    life.on("2026-06-10 00:00")
    life.asks(seats=5)
    life.agrees()
    life.asks("post", "/pause")
    old = provider.look_up_subscription(str(life.row.provider_ref))
    life.asks("post", "/resume")
    life.on("2026-07-01 00:00")
    life.asks(planType="big", seats=3)
    life.agrees()
    facts: dict[str, Any] = {"subscription_id": life.id, "provider": provider, "actor": world.SYSTEM}
    following.take(**facts, facts=old, now=at("2026-07-01 00:30"))
    assert (life.row.period_start, life.row.period_end, life.pending) == (JULY, AUGUST, ("big", 3, AUGUST))
    life.night()
    assert (life.row.status, life.pending) == ("active", ("big", 3, AUGUST))


def test_what_it_costs_next_is_gross_where_the_tenant_pays_tax(life: Revised) -> None:
    Tenant.objects.update(tax_name="VAT", tax_percent=Decimal(10))
    life.on("2026-06-10 00:00")
    assert life.asks("post", "/preview", seats=5)["next"]["amount"] == 5_000
    life.asks(seats=5)
    life.agrees()
    life.on("2026-07-01 00:00")
    assert invoices() == [2_000, 5_000]


def test_calls_made_before_a_renewal_was_heard_of_keep_their_terms_and_are_billed(life: Revised) -> None:
    """Both by what PayPal's period says and by what each call was rated at: none is left without terms."""
    life.on("2026-06-20 00:00")
    life.asks(seats=5)
    life.agrees()
    life.on("2026-07-01 02:00", is_told=False)
    tenant = life.row.tenant
    record, _ = world.call(tenant, 10, at("2026-07-01 01:00"))
    life.on("2026-07-01 04:00", is_told=False)
    life.night()
    (_, since) = [each.effective_from for each in life.row.terms.all()]
    assert (since, life.row.period_start) == (at("2026-07-01 04:00"), JULY)
    in_force = {each.effective_from for each in pricing_terms.terms_between(tenant, JULY, AUGUST)}
    assert record.segment_start in in_force and len(in_force) == 2


def test_what_is_billed_early_changes_when_its_period_begins(life: Revised) -> None:
    life.on("2026-06-30 12:00")
    life.asks(seats=5)
    life.agrees()
    life.paypal.panel("POST", "bill", {"subscriptionId": life.row.provider_ref, "outcome": "paid"})
    told(life.paypal)
    assert (life.terms(), life.terms("2026-07-01 00:00"), life.pending) == (("small", 2), ("small", 5), None)
    assert life.asks(expected=400, seats=5)["code"] == "nothing_changes"
    life.on("2026-07-01 00:00")
    life.night()
    assert (life.history(), invoices()) == ([("06-01", "small", 2), ("07-01", "small", 5)], [2_000, 5_000])


def test_another_cycle_agreed_to_after_a_renewal_that_nobody_told(life: Revised) -> None:
    """PayPal then says only until when is paid, and the period began where the one before had ended."""
    life.on("2026-06-20 00:00")
    life.asks(seats=5)
    life.agrees()
    life.on("2026-06-30 23:00")
    life.asks(billingCycle="yearly", seats=5)
    life.on("2026-07-01 04:00", is_told=False)
    life.agrees(is_told=False)
    life.night()
    row = life.row
    assert (row.period_start, row.period_end, life.terms()) == (JULY, AUGUST, ("small", 5))
    assert row.pending_price and row.pending_price.billing_cycle == "yearly" and row.pending_at == AUGUST
    life.on("2026-08-01 00:00")
    row = life.row
    assert (row.period_start, row.period_end, invoices()) == (AUGUST, at("2027-08-01 00:00"), [2_000, 5_000, 50_000])


@pytest.mark.parametrize("page", ["return", "cancel"])
def test_another_tenants_change_is_not_there(life: Revised, page: str) -> None:
    other = Client()
    other.force_login(world.member(world.tenant(slug="other")))
    answer = other.get(f"/subscription/paypal/change/{page}", {"subscription_id": life.row.provider_ref})
    assert answer.status_code == 404


# --- Ended after another cycle was agreed to: what was paid for can be used to its end, and no longer ---


def yearly_from(life: Revised, agreed: str, begins: str) -> None:
    life.on(agreed)
    life.asks(billingCycle="yearly")
    life.agrees()
    life.on(begins)


@pytest.mark.parametrize("at_end", [False, True])
def test_a_year_that_was_agreed_to_and_never_paid_gives_no_access(life: Revised, at_end: bool) -> None:
    life.on("2026-06-10 00:00")
    life.asks(billingCycle="yearly")
    life.agrees()
    life.asks("post", "/cancel", atPeriodEnd=at_end)
    if at_end:
        life.on("2026-07-01 01:00")
        life.night()
    ended = life.row.ended_at
    assert ended and JULY <= ended <= JULY + timedelta(hours=1), "the night ended it an hour later"
    assert (life.row.status, invoices()) == ("canceled", [2_000])


def test_a_year_that_was_paid_ends_when_it_does(life: Revised) -> None:
    yearly_from(life, "2026-06-10 00:00", "2026-07-01 00:00")
    life.on("2026-08-10 00:00")
    life.asks("post", "/cancel", atPeriodEnd=False)
    assert (life.row.ended_at, invoices()) == (at("2027-07-01 00:00"), [2_000, 20_000])


def test_a_year_after_months_ends_when_it_does(life: Revised) -> None:
    life.on("2026-07-01 00:00")
    yearly_from(life, "2026-07-10 00:00", "2026-08-01 00:00")
    life.asks("post", "/cancel")
    life.on("2027-08-01 01:00")
    life.night()
    assert (life.row.ended_at, invoices()) == (at("2027-08-01 01:00"), [2_000, 2_000, 20_000]), "when the night ran"


def test_months_that_were_agreed_to_take_nothing_of_the_year_that_was_paid(life: Revised) -> None:
    yearly_from(life, "2026-06-10 00:00", "2026-07-01 00:00")
    life.asks(billingCycle="monthly")
    life.agrees()
    life.on("2026-09-10 00:00")
    life.asks("post", "/cancel", atPeriodEnd=False)
    assert life.row.ended_at == at("2027-07-01 00:00")
