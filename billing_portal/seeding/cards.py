"""What the demo's tenants do with cards and bank accounts: saved in the browser, charged at the month's close,
declined, paid with another, given back in part; and which of them their subscription is charged to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.seeding.people import Accounts
from billing_portal.seeding.stand_in import StripeStandIn
from billing_portal.tenants.models import Tenant
from payments import method_queries, queries
from payments.actions.charging import start_payment
from payments.actions.collecting import collect_invoice
from payments.actions.giving_up import abandon_payment
from payments.actions.opening import MethodChoice
from payments.actions.refunding import refund_payment
from payments.actions.saving_methods import begin_setup, remove_method, set_default, sync_methods
from payments.models import Invoice, Payment
from subscriptions.actions.charging_with import charge_with


@dataclass(frozen=True, slots=True)
class Saves:
    """Somebody saves a method, by one of Stripe's test tokens, and makes it the one that is charged."""

    day: int
    kind: str
    token: str
    default: bool = False


@dataclass(frozen=True, slots=True)
class PaysInstead:
    """Somebody pays what could not be charged with a method that was saved before, and removes the one that failed."""

    day: int
    token: str
    failed: str


@dataclass(frozen=True, slots=True)
class GetsBack:
    """Finance gives a part of a charge back."""

    day: int
    minor: int
    reason: str


Step = Saves | PaysInstead | GetsBack

VISA, REFUSED, BANK = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_usBankAccount_success"
# By tenant and month (back from this one, as in `customers`): `day` days after the issue of its invoice. The first card
# is saved with the subscription.
STEPS: Mapping[str, Mapping[int, Sequence[Step]]] = {
    "acme": {
        5: [Saves(20, "us_bank_account", BANK)],
        4: [
            GetsBack(12, 500, "Calls of the 14th were cut off: a goodwill refund"),
            Saves(21, "card", REFUSED, default=True),
        ],
        3: [PaysInstead(2, VISA, failed=REFUSED)],
    },
}


@dataclass(slots=True)
class Cards:
    """`stand_in` is told the time of each act, so that its objects carry it too."""

    stand_in: StripeStandIn
    tenants: Mapping[str, Tenant]
    accounts: Accounts
    _saved: dict[tuple[str, str], str] = field(default_factory=dict)

    def collect(self, slug: str, invoice: Invoice, at: datetime) -> None:
        """What the outbox does after an invoice is issued, and after a charge has failed."""
        if method_queries.default_method(self.tenants[slug]) is None:
            return
        self.stand_in.at(at)
        payment = collect_invoice(invoice_id=invoice.id, actor=Actor.system("collect"), now=at)
        if payment and payment.status == Payment.Status.FAILED:
            abandon_payment(payment_id=payment.id, actor=Actor.system("abandon"), now=at)

    def take(self, step: Step, slug: str, invoice: Invoice | None, at: datetime) -> None:
        """One step, at its instant. `invoice`: that of its month."""
        self.stand_in.at(at)
        if isinstance(step, Saves):
            method = self.save(slug, step.kind, step.token, at)
            if step.default:
                self._choose(slug, method, at)
            return
        assert invoice is not None
        if isinstance(step, PaysInstead):
            self._pay(step, slug, invoice, at)
        else:
            self._give_back(step, invoice, at)

    def save(self, slug: str, kind: str, token: str, at: datetime) -> str:
        """The method's id. The first one is the default."""
        self.stand_in.at(at)
        tenant = self.tenants[slug]
        setup = begin_setup(tenant=tenant, kind=kind, key=None, now=at)
        self._saved[slug, token] = self.stand_in.confirm(setup, token)
        sync_methods(tenant=tenant, now=at)
        return self._saved[slug, token]

    def _choose(self, slug: str, method: str, at: datetime) -> None:
        """And what the outbox does then: its subscription is charged to it from now on, and what is open there."""
        tenant = self.tenants[slug]
        set_default(tenant=tenant, method_ref=method, now=at)
        charge_with(tenant=tenant, method_ref=method, cause=at.isoformat(), actor=Actor.system("charge_with"), now=at)

    def _pay(self, step: PaysInstead, slug: str, invoice: Invoice, at: datetime) -> None:
        tenant, other = self.tenants[slug], self._saved[slug, step.token]
        start_payment(
            tenant=tenant,
            amount=Money(queries.amounts(invoice).payable, invoice.currency),
            choice=MethodChoice("card", method_ref=other),
            actor=self.accounts.member(slug, "billing"),
            now=at,
            invoice_id=invoice.id,
        )
        self._choose(slug, other, at)
        remove_method(tenant=tenant, method_ref=self._saved[slug, step.failed], now=at)

    def _give_back(self, step: GetsBack, invoice: Invoice, at: datetime) -> None:
        payment = Payment.objects.get(invoice=invoice, status=Payment.Status.SUCCEEDED)
        refund_payment(
            payment_id=payment.id,
            amount=Money(step.minor, invoice.currency),
            reason=step.reason,
            destination="source",
            requester=self.accounts.staff["finance"],
            actor=self.accounts.desk("finance"),
            now=at,
        )
