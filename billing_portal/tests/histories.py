"""Histories of payments for tests: made by a seed, told to the portal by webhooks, and what the books say at the end.

The same seed makes the same payments again, in whatever order their events are then told.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import queries
from payments.actions.charging import start_payment
from payments.actions.customers import customer_for
from payments.actions.opening import MethodChoice
from payments.actions.refunding import refund_payment
from payments.models import CreditBalance, Invoice, LedgerLeg, Payment, Refund

WAYS = {
    "paid": "pm_card_visa",
    "declined": "pm_card_visa_chargeDeclined",
    "confirmed": "pm_card_authenticationRequired",
    "not confirmed": "pm_card_authenticationRequired",
    "debited": "bank",
    "bounced": "bank",
    "returned": "bank",
}
AFTERWARDS = (
    "nothing",
    "refund",
    "dashboard",
    "won",
    "lost",
    "held",
    "refund and lost",
    "dashboard and won",
    "all back",
)


@dataclass
class Story:
    """One payment: how it is paid, and what comes back of it."""

    number: int
    way: str
    afterwards: str
    cents: int
    for_invoice: bool
    tenant: Tenant | None = None
    payment: Payment | None = None

    @property
    def reference(self) -> str:
        assert self.payment and self.payment.provider_ref
        return self.payment.provider_ref


@dataclass
class History:
    """`rounds` are done one after the other; between them events may be told."""

    stripe: StripeWorld
    stories: list[Story]
    rounds: list[Callable[[Story], None]] = field(init=False)

    def __post_init__(self) -> None:
        self.rounds = [self._pay, self._end_what_waits, self._give_back, self._dispute, self._decide]

    def _pay(self, story: Story) -> None:
        story.tenant = world.subscribed()
        invoice = world.overage_invoice(story.tenant, cents=story.cents) if story.for_invoice else None
        method, kind = WAYS[story.way], "card"
        if method == "bank":
            customer = customer_for(tenant=story.tenant, provider=self.stripe.provider, now=world.START)
            method, kind = self.stripe.bank_account(customer.provider_ref), "us_bank_account"
        story.payment = start_payment(
            tenant=story.tenant,
            amount=Money(story.cents, "usd"),
            choice=MethodChoice(kind, method_ref=method),
            invoice_id=invoice.id if invoice else None,
            key=f"story {story.number}",
            actor=world.SYSTEM,
            now=timezone.now(),
        )

    def _end_what_waits(self, story: Story) -> None:
        if story.way in ("confirmed", "not confirmed"):
            self.stripe.authenticate(story.reference, "succeeded" if story.way == "confirmed" else "failed")
        elif story.way in ("debited", "returned"):
            self.stripe.settle(story.reference, "succeeded")
        elif story.way == "bounced":
            self.stripe.settle(story.reference, "failed", "insufficient_funds")

    def _give_back(self, story: Story) -> None:
        """Ours only of what was known to have come at once: whoever refunds sees the payment."""
        part = story.cents if story.afterwards == "all back" else story.cents // 3
        if story.way == "paid" and story.afterwards in ("refund", "refund and lost"):
            assert story.payment
            clerk = world.user(staff=True)
            refund_payment(
                payment_id=story.payment.id,
                amount=Money(part, "usd"),
                reason="Sent twice",
                destination="source",
                requester=clerk,
                actor=world.staff_actor(clerk),
                now=timezone.now(),
            )
        elif self._has_come(story) and story.afterwards in ("dashboard", "dashboard and won", "all back"):
            self.stripe.panel("POST", "refund", {"id": story.reference, "amount": part})

    def _dispute(self, story: Story) -> None:
        disputed = story.way == "paid" and story.afterwards.endswith(("won", "lost", "held"))
        if disputed or (story.way == "returned" and story.afterwards != "all back"):
            self.stripe.settle(story.reference, "disputed" if disputed else "returned")

    def _decide(self, story: Story) -> None:
        if story.way == "paid" and story.afterwards.endswith(("won", "lost")):
            self.stripe.settle(story.reference, f"dispute_{story.afterwards.split()[-1]}")

    def _has_come(self, story: Story) -> bool:
        return story.way in ("paid", "confirmed", "debited", "returned")


def history(stripe: StripeWorld, *, seed: int, payments: int) -> History:
    """So many payments, whose ways and ends the seed draws."""
    draw = random.Random(seed)
    stories = [
        Story(
            number=number,
            way=draw.choice(["paid", "paid", *WAYS]),
            afterwards=draw.choice(AFTERWARDS),
            cents=draw.randint(300, 90_000),
            for_invoice=draw.random() < 0.5,
        )
        for number in range(payments)
    ]
    return History(stripe, stories)


def told(history: History) -> list[Any]:
    """What our books say of each story, without ids and times: payment, refunds, disputes, invoice, credit, ledger.

    A refund that came to nothing is left out: told of it at its end, nobody writes it down.
    """
    return [(story.number, _of(story.payment, story.tenant)) for story in history.stories if story.payment]


def _of(payment: Payment, tenant: Tenant | None) -> dict[str, Any]:
    row = queries.payments(tenant).get(id=payment.id)  # type: ignore[arg-type]
    legs = LedgerLeg.objects.filter(tenant=tenant).values_list("account").annotate(total=Sum("amount_minor"))
    refunds = Refund.objects.filter(payment=row, status__in=["pending", "succeeded"])
    invoices = Invoice.objects.filter(tenant=tenant)
    return {
        "payment": (row.status, row.amount_minor, row.returned_minor, row.fee_minor, row.failure_code),
        "refunds": sorted(refunds.values_list("status", "amount_minor", "destination")),
        "disputes": sorted(row.disputes.values_list("status", "amount_minor", "withdrawn_minor", "fee_minor")),
        "invoices": [(each.status, queries.amounts(each).open, queries.amounts(each).payable) for each in invoices],
        "credit": sorted(CreditBalance.objects.filter(tenant=tenant, amount_minor__gt=0).values_list("amount_minor")),
        "ledger": sorted((account, total) for account, total in legs if total),
    }
