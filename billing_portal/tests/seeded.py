"""The demo's history for tests: with the stand-in for Stripe inside the process, or without cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.db.models import Sum

from billing_portal.sandbox.stripe.in_process import ADDRESS, call
from billing_portal.seeding.seed import Seeded, seed
from billing_portal.seeding.stand_in import StandIn
from billing_portal.tests.stripe_world import PUBLISHABLE_KEY, StripeWorld
from payments.models import LedgerLeg, Payment, Refund


def seeded(
    folder: Path, now: datetime, stripe: StripeWorld | None = None, told: Callable[[], None] = lambda: None
) -> Seeded:
    """Few calls, the whole story. With `stripe`, its stand-in takes the cards of the history; without it there are
    none."""

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        assert stripe
        status, _, answer = call(stripe.sandbox, method, f"{ADDRESS}{path}", headers, body)
        assert status < 300, answer
        return answer

    return seed(
        now=now,
        scale=Decimal("0.03"),
        accounts_file=folder / "accounts.json",
        stand_in=StandIn(send, PUBLISHABLE_KEY) if stripe else None,
        told=told,
    )


def assert_books_equal(stripe: StripeWorld) -> None:
    """Each object of the stand-in's is one row of ours and the other way round, to the cent and to the second."""
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
        for each in Payment.objects.filter(provider="stripe")
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
    }
    assert ours == theirs and ours
    given = {
        (each.provider_ref, str(each.id), each.payment.provider_ref, each.amount_minor, each.status)
        for each in Refund.objects.select_related("payment")
    }
    assert given == {
        (each["id"], each["metadata"]["refund_id"], each["payment_intent"], each["amount"], each["status"])
        for each in stripe.objects("refunds")
    }
    succeeded = Payment.objects.filter(provider="stripe", status="succeeded")
    assert sorted(stripe.taken()) == sorted(succeeded.values_list("amount_minor", flat=True))
    in_cash = LedgerLeg.objects.filter(account="cash_stripe").aggregate(sum=Sum("amount_minor"))["sum"]
    assert in_cash == sum(each["net"] for each in stripe.objects("balance_transactions"))
