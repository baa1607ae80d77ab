"""`books_agree` sees each kind of difference: one side is spoilt, and the line that must speak does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from billing_portal.tests import world
from billing_portal.tests.agreement import books_agree, differences
from billing_portal.tests.stripe_world import StripeWorld
from payments.tests.refund_world import bank_payment, card_payment, refund, synced

pytestmark = pytest.mark.django_db

# One that the provider knows and took money for.
FIRST = "SELECT id FROM payments_payment WHERE provider_ref IS NOT NULL AND status = 'succeeded' LIMIT 1"
# What is done to our rows → how a line begins or ends that must speak.
OURS = {
    "UPDATE payments_payment SET amount_minor = amount_minor + 1": "with us of",
    f"UPDATE payments_payment SET provider_ref = 'pi_other' WHERE id = ({FIRST})": ("no payment of ours stands for it"),
    "UPDATE payments_payment SET status = 'failed'": "with us failed",
    "UPDATE payments_payment SET status = 'processing', outcome_unknown = true, next_check_at = now()": (
        "its outcome unknown"
    ),
    "UPDATE payments_refund SET amount_minor = amount_minor + 1": "with us 3001",
    "UPDATE payments_refund SET provider_ref = 're_other'": "no refund of ours stands for it",
    "UPDATE payments_refund SET status = 'failed'": "with us 3000 failed",
    "UPDATE payments_refund SET provider_ref = NULL": "and was never given",
    "UPDATE payments_refund SET provider_ref = NULL, status = 'pending'": "is pending, its outcome unknown",
    "UPDATE payments_dispute SET withdrawn_minor = withdrawn_minor - 1": "with us (",
    "DELETE FROM payments_dispute": "with us None",
    "UPDATE payments_ledgerleg SET amount_minor = amount_minor + 1 WHERE account = 'cash_stripe'": "in our cash",
    "DELETE FROM payments_ledgerleg WHERE memo = 'Fee of Stripe'": "in our cash",
}


@pytest.fixture
def some_books(stripe: StripeWorld) -> None:
    """A card that was charged and partly refunded, one that was declined, a debit, and a dispute."""
    acme = world.subscribed()
    refund(card_payment(acme), 3_000)
    card_payment(acme, method="pm_card_visa_chargeDeclined")
    bank_payment(stripe, acme, 5_000)
    disputed = card_payment(acme, 7_000)
    stripe.settle(disputed.provider_ref or "", "disputed")
    synced(disputed)


def test_books_that_agree_pass(stripe: StripeWorld, some_books: None) -> None:
    books_agree(stripe)
    assert len(stripe.taken()) == 3


@pytest.mark.parametrize(("damage", "speaks"), OURS.items())
def test_damage_to_ours_is_seen(stripe: StripeWorld, some_books: None, damage: str, speaks: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("payment", "refund", "dispute", "ledgerleg"):
            cursor.execute(f"ALTER TABLE payments_{table} DISABLE TRIGGER ALL")
        cursor.execute(damage)
    assert any(speaks in line for line in differences(stripe)), differences(stripe)


def _charged_again(stripe: StripeWorld) -> None:
    intent = stripe.objects("payment_intents")[0]
    stripe.api.payment_intents.create(
        {
            "amount": intent["amount"],
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": intent["metadata"],
        }
    )


def _given_back(stripe: StripeWorld) -> None:
    stripe.panel("POST", "refund", {"id": stripe.objects("payment_intents")[0]["id"], "amount": 1})


def _won(stripe: StripeWorld) -> None:
    stripe.settle(stripe.objects("disputes")[0]["id"], "dispute_won")


def _one_cent_more(stripe: StripeWorld) -> None:
    moved: Any = stripe.objects("balance_transactions")[0]
    with stripe.sandbox.books.transaction():
        stripe.sandbox.books.db.execute(
            "UPDATE objects SET body = ? WHERE id = ?", (json.dumps(moved | {"net": moved["net"] + 1}), moved["id"])
        )


@pytest.mark.parametrize(
    ("damage", "speaks"),
    [
        (_charged_again, "has 2 intents"),
        (_charged_again, "no payment of ours stands for it"),
        (_given_back, "no refund of ours stands for it"),
        (_won, "'won'"),
        (_one_cent_more, "in our cash"),
    ],
)
def test_damage_to_theirs_is_seen(
    stripe: StripeWorld, some_books: None, damage: Callable[[StripeWorld], None], speaks: str
) -> None:
    damage(stripe)
    assert any(speaks in line for line in differences(stripe)), differences(stripe)


def test_a_breach_of_our_own_invariants_is_no_agreement(stripe: StripeWorld, some_books: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments_creditbalance SET amount_minor = amount_minor + 1")
    assert differences(stripe) == []
    with pytest.raises(AssertionError, match="I2"):
        books_agree(stripe)
