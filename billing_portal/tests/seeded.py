"""The demo's history for tests: with the stand-ins for Stripe and PayPal inside the process, or without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import time_machine
from django.db.models import QuerySet, Sum

from billing_portal.sandbox.stripe.in_process import ADDRESS, call
from billing_portal.seeding.seed import Seeded, seed
from billing_portal.seeding.stand_in import PayPalStandIn, StandIns, StripeStandIn
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import PUBLISHABLE_KEY, StripeWorld
from payments.models import Invoice, LedgerLeg, Payment, Refund
from subscriptions.models import Subscription


def seeded(
    folder: Path,
    now: datetime,
    stripe: StripeWorld | None = None,
    paypal: PayPalWorld | None = None,
    told: Callable[[], None] = lambda: None,
) -> Seeded:
    """Few calls, the whole story. `stripe` and `paypal` charge the history's cards and subscriptions; without one of
    them what it would charge is paid by invoice. It is `now`: the stand-ins go on from there, too."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        assert stripe
        status, _, answer = call(stripe.sandbox, method, f"{ADDRESS}{path}", headers, body)
        assert status < 300, answer
        return answer

    with time_machine.travel(now, tick=False):
        return seed(
            now=now,
            scale=Decimal("0.03"),
            accounts_file=folder / "accounts.json",
            stand_ins=StandIns(
                StripeStandIn(send, PUBLISHABLE_KEY) if stripe else None,
                PayPalStandIn(paypal.send) if paypal else None,
            ),
            told=told,
        )


def assert_books_equal(stripe: StripeWorld, paypal: PayPalWorld) -> None:
    """Each object of the stand-ins' is one row of ours and the other way round, to the cent and to the second."""
    _payments_equal(stripe)
    _bills_equal(stripe)
    _refunds_equal(stripe)
    assert sorted(stripe.taken()) == sorted(_arrived("stripe").values_list("amount_minor", flat=True))
    assert _cash("stripe") == sum(each["net"] for each in stripe.objects("balance_transactions"))
    _sales_equal(paypal)
    _periods_equal(stripe, paypal)


def _arrived(provider: str) -> QuerySet[Payment]:
    return Payment.objects.filter(provider=provider, status="succeeded")


def _cash(provider: str) -> int:
    legs = LedgerLeg.objects.filter(account=f"cash_{provider}")
    return int(legs.aggregate(sum=Sum("amount_minor"))["sum"])


def _payments_equal(stripe: StripeWorld) -> None:
    """Those that we have asked for."""
    statuses = {"succeeded": "succeeded", "failed": "canceled"}
    ours = {
        (
            each.provider_ref,
            str(each.id),
            str(each.tenant_id),
            str(each.invoice_id),
            each.amount_minor,
            each.currency,
            statuses[each.status],
            int(each.created_at.timestamp()),
        )
        for each in Payment.objects.filter(provider="stripe", pays_bill=False)
    }
    theirs = {
        (
            each["id"],
            each["metadata"]["payment_id"],
            each["metadata"]["tenant_id"],
            each["metadata"]["invoice_id"],
            each["amount"],
            each["currency"],
            each["status"],
            each["created"],
        )
        for each in stripe.objects("payment_intents")
        if "payment_id" in each["metadata"]
    }
    assert ours == theirs and ours


def _bills_equal(stripe: StripeWorld) -> None:
    """What Stripe has billed by itself, what came for it, and what was declined."""
    ours = {
        (each.provider_ref, each.total_minor, each.currency, each.status, int(each.issued_at.timestamp()))
        for each in Invoice.objects.filter(provider="stripe")
        if each.issued_at
    }
    theirs = {
        (each["id"], each["total"], each["currency"], each["status"], each["created"])
        for each in stripe.objects("invoices")
    }
    assert ours == theirs and ours
    intents = {each["id"] for each in stripe.objects("payment_intents") if "payment_id" not in each["metadata"]}
    paid = {(each["payment_intent"], each["amount"]) for each in _charges(stripe, intents, "succeeded")}
    assert paid == set(_arrived("stripe").filter(pays_bill=True).values_list("provider_ref", "amount_minor"))
    declined = [each["amount"] for each in _charges(stripe, intents, "failed")]
    failed = Payment.objects.filter(provider="stripe", pays_bill=True, status="failed")
    assert sorted(declined) == sorted(failed.values_list("amount_minor", flat=True))


def _charges(stripe: StripeWorld, intents: set[str], status: str) -> list[dict[str, Any]]:
    return [
        each for each in stripe.objects("charges") if each["payment_intent"] in intents and each["status"] == status
    ]


def _refunds_equal(stripe: StripeWorld) -> None:
    given = {
        (each.provider_ref, str(each.id), each.payment.provider_ref, each.amount_minor, each.status)
        for each in Refund.objects.select_related("payment")
    }
    assert given == {
        (each["id"], each["metadata"]["refund_id"], each["payment_intent"], each["amount"], each["status"])
        for each in stripe.objects("refunds")
    }


def _sales_equal(paypal: PayPalWorld) -> None:
    """Each pays an invoice of its own."""
    ours = {
        (each.provider_ref, each.amount.decimal_text(), each.currency.upper(), each.invoice.status, each.created_at)
        for each in _arrived("paypal").select_related("invoice")
        if each.invoice and each.invoice.total_minor == each.amount_minor
    }
    theirs = {
        (each["id"], each["amount"]["total"], each["amount"]["currency"], "paid", _instant(each["create_time"]))
        for each in paypal.objects("sales")
    }
    assert ours == theirs and ours
    assert Payment.objects.filter(provider="paypal").count() == len(ours)
    assert Invoice.objects.filter(provider="paypal").count() == len(ours)
    net = [
        Decimal(each["amount"]["total"]) - Decimal(each["transaction_fee"]["value"]) for each in paypal.objects("sales")
    ]
    assert Decimal(_cash("paypal")) == sum(net) * 100


def _periods_equal(stripe: StripeWorld, paypal: PayPalWorld) -> None:
    """Each subscription of theirs is one of ours, active, and in the same period."""
    by_stripe = {
        (each["id"], each["status"], each["items"]["data"][0]["current_period_end"])
        for each in stripe.objects("subscriptions")
    }
    by_paypal = {
        (each["id"], each["status"].lower(), int(_instant(each["billing_info"]["next_billing_time"]).timestamp()))
        for each in paypal.objects("subscriptions")
    }
    assert by_stripe | by_paypal == {
        (each.provider_ref, each.status, int(each.period_end.timestamp()))
        for each in Subscription.objects.exclude(engine="invoice")
        if each.period_end
    }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
