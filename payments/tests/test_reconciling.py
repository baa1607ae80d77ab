"""Reconciliation: whatever our books and the stand-in's do not agree on is mended or listed, both ways."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.charging import start_payment
from payments.actions.discrepancies import close_discrepancy
from payments.actions.opening import MethodChoice
from payments.actions.reconciling import Reconciled, reconcile
from payments.models import Discrepancy, Invoice, Payment, Refund
from payments.providers import breaker

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def closed_breaker() -> None:
    breaker.forget()


@pytest.fixture
def acme(stripe: StripeWorld) -> Any:
    stripe.clock(NOW)
    return world.subscribed(slug="acme")


def pay(tenant: Any, method: str = "pm_card_visa", **how: Any) -> Payment:
    return start_payment(
        tenant=tenant,
        amount=Money(2_900, "usd"),
        choice=MethodChoice("card", method_ref=method),
        actor=world.SYSTEM,
        now=NOW,
        **how,
    )


def run(stripe: StripeWorld, *, days: int = 7, now: datetime = NOW) -> Reconciled:
    return reconcile(provider=stripe.provider, since=now - timedelta(days=days), actor=world.SYSTEM, now=now)


def test_books_that_agree_are_left_alone(stripe: StripeWorld, acme: Any) -> None:
    pay(acme, key="a")
    run(stripe)
    again = run(stripe)
    assert (again.agrees, again.theirs, again.ours, again.synced) == (True, 1, 1, set())


def test_a_payment_finished_while_no_event_came_is_settled(stripe: StripeWorld, acme: Any) -> None:
    invoice = world.overage_invoice(acme, cents=2_900)
    waiting = pay(acme, "pm_card_authenticationRequired", invoice_id=invoice.id)
    stripe.panel("POST", "webhooks", {"mode": "drop"})
    stripe.authenticate(waiting.provider_ref or "")
    assert run(stripe).agrees
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.PAID


def test_a_charge_whose_answer_was_lost_is_found_by_our_id(stripe: StripeWorld, acme: Any) -> None:
    stripe.fault("drop_after")
    payment = pay(acme)
    assert payment.provider_ref is None
    assert run(stripe).agrees
    payment.refresh_from_db()
    assert (payment.status, payment.provider_ref) == ("succeeded", stripe.objects("payment_intents")[0]["id"])


def test_an_old_open_payment_is_asked_about_however_old(stripe: StripeWorld, acme: Any) -> None:
    waiting = pay(acme, "pm_card_authenticationRequired")
    stripe.authenticate(waiting.provider_ref or "")
    later = NOW + timedelta(days=90)
    stripe.clock(later)
    assert run(stripe, now=later).agrees
    waiting.refresh_from_db()
    assert waiting.status == "succeeded"


def test_refunds_of_the_dashboard_become_rows(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme)
    stripe.panel("POST", "refund", {"id": payment.provider_ref, "amount": 900})
    assert run(stripe).agrees
    refund = Refund.objects.get()
    assert (refund.amount_minor, refund.status, refund.requested_by) == (900, "succeeded", None)
    assert run(stripe).synced == set()


def test_money_that_no_payment_stands_for_is_listed_with_its_amount(stripe: StripeWorld, acme: Any) -> None:
    stripe.api.payment_intents.create(
        {
            "amount": 1_234,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    found = run(stripe)
    (listed,) = found.discrepancies
    assert (found.agrees, listed.kind, listed.amount) == (False, "unknown_charge", Money(1_234, "usd"))
    run(stripe)
    assert Discrepancy.objects.count() == 1
    close_discrepancy(discrepancy_id=listed.id, note="a donation", closed_by=world.user(staff=True), now=NOW)
    assert run(stripe).agrees, "somebody has seen to it"


def test_what_another_system_made_in_the_account_is_its_own(stripe: StripeWorld, acme: Any) -> None:
    stripe.api.payment_intents.create(
        {
            "amount": 1_234,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"env": "staging", "payment_id": str(pay(acme).id)},
        }
    )
    assert run(stripe).agrees
    assert Payment.objects.count() == 1


def test_a_payment_that_the_provider_does_not_know_is_listed(stripe: StripeWorld, acme: Any) -> None:
    payment = pay(acme)
    Payment.objects.filter(id=payment.id).update(provider_ref="pi_gone")
    stripe.panel("POST", "reset")
    stripe.clock(NOW)
    found = run(stripe)
    assert not found.agrees
    assert [each.kind for each in found.discrepancies] == ["missing_at_provider"]


def test_the_command_says_what_is_left_and_exits_with_1(stripe: StripeWorld, acme: Any, capsys: Any) -> None:
    stripe.clock(None)
    call_command("reconcile", "--json")
    assert json.loads(capsys.readouterr().out)["agrees"] is True
    stripe.fault("rate_limit", "/v1/payment_intents*", method="GET")
    with pytest.raises(CommandError, match="do not agree"):
        call_command("reconcile")
    assert "failed: payments: not finished, Stripe takes no more requests" in capsys.readouterr().out
    with pytest.raises(CommandError, match="not on"):
        call_command("reconcile", "--provider", "nobody")
