"""Payments that came, and what brings them back, for tests: at Stripe's stand-in and in our books."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant, User
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from billing_portal.tests.world import at
from payments import queries
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.actions.recording import verify_manual_payment
from payments.actions.refunding import refund_payment
from payments.actions.saving_methods import customer_for
from payments.actions.syncing import sync_payment
from payments.models import CreditNote, Invoice, LedgerLeg, Payment, Refund, StatusChange

NOW = at("2026-11-03 09:00")


def tenant(**facts: Any) -> Tenant:
    """Billed a cent for each minute beyond the first hundred, so that a bill can be of any amount."""
    return world.subscribed(world.plan_price(outbound="1"), **facts)


def bill(of: Tenant, cents: int, month: str = "2026-09") -> Invoice:
    """An open invoice of exactly so many cents, before tax."""
    world.call(of, cents + 100, at(f"{month}-10 12:00"))
    year, number = int(month[:4]), int(month[5:])
    invoice = world.close(of, month, datetime(year + number // 12, number % 12 + 1, 2, tzinfo=UTC)).invoice
    assert invoice is not None
    return invoice


def card_payment(
    of: Tenant, cents: int = 10_000, *, invoice: Invoice | None = None, method: str = "pm_card_visa"
) -> Payment:
    """A card that was charged at Stripe, its fee booked."""
    payment = start_payment(
        tenant=of,
        amount=Money(cents, "usd"),
        choice=MethodChoice("card", method_ref=method),
        invoice_id=invoice.id if invoice else None,
        key=uuid4().hex,
        actor=world.SYSTEM,
        now=NOW,
    )
    return synced(payment)


def bank_payment(stripe: StripeWorld, of: Tenant, cents: int = 10_000, *, invoice: Invoice | None = None) -> Payment:
    """A bank account that was debited; its bank has paid."""
    customer = customer_for(tenant=of, provider=stripe.provider, now=NOW)
    payment = start_payment(
        tenant=of,
        amount=Money(cents, "usd"),
        choice=MethodChoice("us_bank_account", method_ref=stripe.bank_account(customer.provider_ref)),
        invoice_id=invoice.id if invoice else None,
        key=uuid4().hex,
        actor=world.SYSTEM,
        now=NOW,
    )
    stripe.settle(payment.provider_ref or "", "succeeded")
    return synced(payment)


def check_payment(of: Tenant, cents: int = 10_000, *, invoice: Invoice | None = None) -> Payment:
    """A check that somebody found."""
    clerk = world.user(staff=True)
    payment = world.check_for(of, cents, clerk, invoice=invoice, now=NOW)
    return verify_manual_payment(payment_id=payment.id, verifier=clerk, actor=world.staff_actor(clerk), now=NOW)


def synced(payment: Payment, now: datetime = NOW) -> Payment:
    """After our books were compared with the provider's."""
    return sync_payment(payment_id=payment.id, actor=world.SYSTEM, now=now)


def refund(
    payment: Payment,
    cents: int | None = None,
    *,
    destination: str = "source",
    by: User | None = None,
    key: str | None = None,
    now: datetime = NOW,
) -> Refund:
    by = by or world.user(staff=True)
    return refund_payment(
        payment_id=payment.id,
        amount=None if cents is None else Money(cents, payment.currency),
        reason="Sent twice",
        destination=destination,
        requester=by,
        actor=world.staff_actor(by),
        now=now,
        key=key,
    )


def at_stripe(payment: Payment, cents: int) -> Any:
    """Somebody refunds it in Stripe's own dashboard: the parameters of a client's request."""
    return {"payment_intent": payment.provider_ref or "", "amount": cents}


def accounts_of(payment: Payment) -> dict[str, int]:
    """What the ledger says of a payment, by account; what came to nothing is left out."""
    sums: dict[str, int] = {}
    for account, minor in LedgerLeg.objects.filter(payment=payment).values_list("account", "amount_minor"):
        sums[account] = sums.get(account, 0) + minor
    return {account: minor for account, minor in sums.items() if minor}


def notes(invoice: Invoice) -> list[tuple[str, int, int]]:
    """(effect, amount, tax) of its credit notes, oldest first."""
    return list(
        CreditNote.objects.filter(invoice=invoice).order_by("number").values_list("effect", "amount_minor", "tax_minor")
    )


def moves(of: Refund) -> list[tuple[str | None, str]]:
    return list(StatusChange.objects.filter(subject="refund", subject_id=of.id).values_list("old", "new"))


def credit_of(whose: Tenant) -> int:
    return queries.credit_balance(whose, "usd").minor
