"""Compare our books with a provider's, both ways, and mend what differs through the doors that everything else uses.

What no rule can mend is a Discrepancy, listed for staff with the amount at stake.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Q

from billing_portal.kit.actors import Actor
from payments.actions import settling, syncing
from payments.actions.discrepancies import report_discrepancy
from payments.models import Discrepancy, Dispute, Payment, Refund
from payments.providers.base import (
    Disputable,
    DisputeFacts,
    Outcome,
    PaymentResult,
    RefundResult,
    Refunds,
    TakesPayments,
    UnknownReference,
)

log = logging.getLogger(__name__)

_Thing = TypeVar("_Thing")

Status = Payment.Status
OPEN = (Status.CREATED, Status.REQUIRES_ACTION, Status.PROCESSING)
BROUGHT_MONEY = (Status.SUCCEEDED, Status.RETURNED)
BOOKS_DIFFER = {
    Discrepancy.Kind.UNKNOWN_CHARGE,
    Discrepancy.Kind.AMOUNT_DIFFERS,
    Discrepancy.Kind.MISSING_AT_PROVIDER,
    Discrepancy.Kind.STATE_DIFFERS,
    Discrepancy.Kind.UNKNOWN_REFUND,
    Discrepancy.Kind.STILL_UNKNOWN,
}


@dataclass(slots=True)
class Reconciled:
    """What one run compared and did. `synced` holds the payments that were read again because something differed,
    `failed` what could not be asked: a line for each."""

    provider: str
    since: datetime
    theirs: int = 0
    ours: int = 0
    synced: set[UUID] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    discrepancies: list[Discrepancy] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether the two books say the same. What is merely somebody's to see to (a dispute, money that no invoice
        needed) is booked on both sides."""
        return not self.failed and not any(each.kind in BOOKS_DIFFER for each in self.discrepancies)


def reconcile(
    *,
    provider: TakesPayments,
    since: datetime,
    actor: Actor,
    now: datetime,
    tick: Callable[[], None] = lambda: None,
) -> Reconciled:
    """Compare every payment, refund and dispute that the provider made since then, and every one of ours that is open,
    however old, or was made since then.

    1. Theirs to ours: what names a row of ours is compared with it; money that no row stands for is a discrepancy.
    2. Ours to theirs: what was not among theirs is asked about one by one.
    3. Whatever differs is synced, payment by payment; one that fails does not stop the others.
    `tick` is called for each thing compared. Raises ProviderError when the provider's lists can't be read.
    """
    run = _Run(provider, Reconciled(provider.name, since), actor, now, tick)
    run.payments()
    if isinstance(provider, Refunds):
        run.refunds(provider)
    if isinstance(provider, Disputable):
        run.disputes(provider)
    run.what_they_did_not_name()
    found = run.report
    open_ones = Discrepancy.objects.filter(provider=provider.name, closed_at=None)
    found.discrepancies = list(open_ones.select_related("tenant", "payment"))
    return found


class _Run:
    def __init__(
        self, provider: TakesPayments, report: Reconciled, actor: Actor, now: datetime, tick: Callable[[], None]
    ) -> None:
        self.provider, self.report, self.actor, self.now, self.tick = provider, report, actor, now, tick
        self.seen: set[UUID] = set()
        self.mine = Payment.objects.filter(provider=provider.name, livemode=provider.livemode)

    def payments(self) -> None:
        for page in _pages(self.provider.payments_since(self.report.since)):
            rows = self._rows_of(page)
            for result in page:
                self.report.theirs += 1
                self.tick()
                row = rows.get(result.provider_ref or "") or rows.get(result.payment_id or "")
                if row is None:
                    self._nobody_knows(result)
                    continue
                self.seen.add(row.id)
                if _differs(row, result):
                    self._sync(row.id)

    def refunds(self, provider: Refunds) -> None:
        for page in _pages(provider.refunds_since(self.report.since)):
            known = {
                each.provider_ref: each.status
                for each in Refund.objects.filter(provider_ref__in=[result.provider_ref for result in page])
            }
            owners = self._owners(page)
            for result in page:
                self.report.theirs += 1
                self.tick()
                if known.get(result.provider_ref) != result.status and result.payment_ref in owners:
                    self._sync(owners[result.payment_ref])

    def disputes(self, provider: Disputable) -> None:
        for page in _pages(provider.disputes_since(self.report.since)):
            known = {
                each.provider_ref: (each.status, each.withdrawn_minor, each.fee_minor)
                for each in Dispute.objects.filter(provider_ref__in=[facts.provider_ref for facts in page])
            }
            owners = self._owners(page)
            for facts in page:
                self.report.theirs += 1
                self.tick()
                theirs = (facts.status, facts.withdrawn.minor, facts.fee.minor)
                if known.get(facts.provider_ref) != theirs and facts.payment_ref in owners:
                    self._sync(owners[facts.payment_ref])

    def what_they_did_not_name(self) -> None:
        """Ours that are open, or should have been in their list; and refunds of older payments that are under way."""
        refunding = Refund.objects.filter(status=Refund.Status.PENDING).values("payment_id")
        disputed = Dispute.objects.filter(status__in=[Dispute.Status.INQUIRY, Dispute.Status.OPEN]).values("payment_id")
        wanted = (
            Q(status__in=OPEN)
            | Q(created_at__gte=self.report.since, status__in=BROUGHT_MONEY)
            | Q(id__in=refunding)
            | Q(id__in=disputed)
        )
        for row in self.mine.filter(wanted).only("id").iterator():
            self.report.ours += 1
            self.tick()
            if row.id not in self.seen:
                self._sync(row.id)

    def _rows_of(self, page: list[PaymentResult]) -> dict[str, Payment]:
        """By the provider's reference, and by our own id where the provider keeps it."""
        references = [each.provider_ref for each in page if each.provider_ref]
        ids = [found for each in page if (found := _uuid(each.payment_id))]
        rows = list(self.mine.filter(Q(provider_ref__in=references) | Q(id__in=ids)))
        by_reference = {row.provider_ref: row for row in rows if row.provider_ref}
        return {**{str(row.id): row for row in rows if not row.provider_ref}, **by_reference}

    def _owners(self, page: Iterable[RefundResult | DisputeFacts]) -> dict[str | None, UUID]:
        references = {each.payment_ref for each in page if each.payment_ref}
        rows = self.mine.filter(Q(provider_ref__in=references) | Q(capture_ref__in=references))
        return {name: row.id for row in rows for name in (row.provider_ref, row.capture_ref) if name}

    def _sync(self, payment_id: UUID) -> None:
        if payment_id in self.report.synced:
            return
        self.report.synced.add(payment_id)
        try:
            syncing.sync_payment(payment_id=payment_id, actor=self.actor, now=self.now)
        except UnknownReference:
            self._missing_there(payment_id)
        except Exception as error:
            log.exception("payment %s could not be reconciled", payment_id)
            self.report.failed.append(f"payment {payment_id}: {error}")

    def _nobody_knows(self, result: PaymentResult) -> None:
        """Money that moved, or is about to, with no row of ours. What another system made in the account is its own."""
        if result.is_foreign or result.amount is None or not result.provider_ref:
            return
        if result.outcome not in (Outcome.SUCCEEDED, Outcome.PROCESSING):
            return
        report_discrepancy(
            kind=Discrepancy.Kind.UNKNOWN_CHARGE,
            provider=self.provider.name,
            provider_ref=result.provider_ref,
            amount=result.amount,
            detail=f"It is {result.outcome.value} there. No payment of ours stands for it: find whose money it is, then"
            " record it, or give it back in the provider's dashboard.",
            now=self.now,
        )

    def _missing_there(self, payment_id: UUID) -> None:
        payment = Payment.objects.select_related("tenant").get(id=payment_id)
        report_discrepancy(
            kind=Discrepancy.Kind.MISSING_AT_PROVIDER,
            provider=self.provider.name,
            provider_ref=str(payment.id),
            amount=payment.amount,
            detail=f"With us it is {payment.status} as {payment.provider_ref}, which the provider does not know.",
            payment=payment,
            now=self.now,
        )


def _differs(row: Payment, result: PaymentResult) -> bool:
    """Whether the provider's copy says anything that our row does not."""
    theirs = result.outcome.value
    same_state = row.status == theirs or (row.status in settling.ENDED and theirs in settling.ENDED)
    same_state = same_state or (row.status == Status.RETURNED and theirs == Status.SUCCEEDED)
    return (
        not same_state
        or row.outcome_unknown
        or row.provider_ref != result.provider_ref
        or (result.amount is not None and result.amount != row.amount)
        or (result.fee is not None and row.fee_minor is None)
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _pages(found: Iterator[_Thing]) -> Iterator[list[_Thing]]:
    """By hundreds: one query for our rows of each."""
    page: list[_Thing] = []
    for each in found:
        page.append(each)
        if len(page) == 100:
            yield page
            page = []
    if page:
        yield page
