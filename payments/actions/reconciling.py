"""Compare our books with a provider's, both ways, and mend what differs through the doors that everything else uses.

What no rule can mend is a Discrepancy, listed for staff with the amount at stake.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TypeVar
from uuid import UUID

from django.db.models import Q

from billing_portal.kit.actors import Actor
from billing_portal.kit.ids import uuid_in
from payments.actions import settling, syncing
from payments.actions.discrepancies import report_discrepancy
from payments.models import Discrepancy, Dispute, Payment, Refund
from payments.providers.base import Disputable, Refunds, TakesPayments
from payments.providers.errors import ProviderError, UnknownReference
from payments.providers.facts import DisputeFacts, NotRead, Outcome, PaymentResult, RefundResult

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
    """What one run compared and did. `synced` holds the payments that were read again because something differed or
    moved, `failed` what could not be asked about, or was not finished: a line for each."""

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
    patience: timedelta | None = None,
) -> Reconciled:
    """Compare every payment, refund and dispute that the provider made since then, and every one of ours that is open,
    however old, or was made since then.

    1. What is open with us is asked about one by one: it is little, and somebody waits for it.
    2. Their refunds and disputes to ours.
    3. Their payments to ours: what names a row of ours is compared with it, and money that no row stands for is a
       discrepancy. Then ours that were not among theirs.
    Whatever differs is synced, payment by payment; one that fails does not stop the others. Neither does one of the
    parts that fails, or takes longer than its share of `patience` (what the others leave of theirs is shared too): the
    report says what was not finished, and then the books do not agree. `tick` is called for each thing compared.
    """
    run = _Run(provider, Reconciled(provider.name, since), actor, now, tick)
    parts: list[tuple[str, Callable[[], None]]] = [("what is open", run.what_is_open)]
    if isinstance(provider, Refunds):
        parts.append(("refunds", partial(run.refunds, provider)))
    if isinstance(provider, Disputable):
        parts.append(("disputes", partial(run.disputes, provider)))
    parts.append(("payments", run.payments))
    run.all_of(parts, patience)
    found = run.report
    open_ones = Discrepancy.objects.filter(provider=provider.name, closed_at=None)
    found.discrepancies = list(open_ones.select_related("tenant", "payment"))
    return found


class _OutOfTime(Exception):
    """The others have to have their turn."""


class _Run:
    def __init__(
        self, provider: TakesPayments, report: Reconciled, actor: Actor, now: datetime, tick: Callable[[], None]
    ) -> None:
        self.provider, self.report, self.actor, self.now, self.tick = provider, report, actor, now, tick
        self.seen: set[UUID] = set()
        self.asked: set[UUID] = set()
        self.until: float | None = None
        self.mine = Payment.objects.filter(provider=provider.name, livemode=provider.livemode)

    def all_of(self, parts: Sequence[tuple[str, Callable[[], None]]], patience: timedelta | None) -> None:
        end = monotonic() + patience.total_seconds() if patience is not None else None
        for number, (name, part) in enumerate(parts):
            began = monotonic()
            self.until = None if end is None else began + (end - began) / (len(parts) - number)
            try:
                part()
            except _OutOfTime:
                self.report.failed.append(f"{name}: not finished, the time for it was over")
            except Exception as error:
                log.exception("%s of %s could not be compared", name, self.provider.name)
                self.report.failed.append(f"{name}: not finished, {error or type(error).__name__}")

    def what_is_open(self) -> None:
        """Ours that are open, however old; and older ones of which a refund or a dispute is under way."""
        refunding = Refund.objects.filter(status=Refund.Status.PENDING).values("payment_id")
        disputed = Dispute.objects.filter(status__in=[Dispute.Status.INQUIRY, Dispute.Status.OPEN]).values("payment_id")
        wanted = Q(status__in=OPEN) | Q(id__in=refunding) | Q(id__in=disputed)
        for row in self.mine.filter(wanted).only("id", "updated_at").order_by("-created_at").iterator():
            self.report.ours += 1
            self._step()
            self._sync(row.id, moved_from=row.updated_at)

    def refunds(self, provider: Refunds) -> None:
        for page, unread in self._pages(provider.refunds_since(self.report.since)):
            known = {
                each.provider_ref: each.status
                for each in Refund.objects.filter(provider_ref__in=[result.provider_ref for result in page])
            }
            owners = self._owners([*page, *unread])
            for result in page:
                self.report.theirs += 1
                self._step()
                if known.get(result.provider_ref) != result.status and result.payment_ref in owners:
                    self._sync(owners[result.payment_ref])
            self._by_themselves(unread, owners)

    def disputes(self, provider: Disputable) -> None:
        for page, unread in self._pages(provider.disputes_since(self.report.since)):
            known = {
                each.provider_ref: (each.status, each.withdrawn_minor, each.fee_minor)
                for each in Dispute.objects.filter(provider_ref__in=[facts.provider_ref for facts in page])
            }
            owners = self._owners([*page, *unread])
            for facts in page:
                self.report.theirs += 1
                self._step()
                theirs = (facts.status, facts.withdrawn.minor, facts.fee.minor)
                if known.get(facts.provider_ref) != theirs and facts.payment_ref in owners:
                    self._sync(owners[facts.payment_ref])
            self._by_themselves(unread, owners)

    def payments(self) -> None:
        """Theirs, and then ours that should have been in their list."""
        for page, unread in self._pages(self.provider.payments_since(self.report.since)):
            rows = self._rows_of(page)
            for result in page:
                self.report.theirs += 1
                self._step()
                names = (result.provider_ref, result.capture_ref, result.payment_id)
                row = next((rows[name] for name in names if name and name in rows), None)
                if row is None:
                    self._nobody_knows(result)
                    continue
                self.seen.add(row.id)
                if _differs(row, result):
                    self._sync(row.id)
            self._by_themselves(unread, self._owners(unread))
        came = self.mine.filter(created_at__gte=self.report.since, status__in=BROUGHT_MONEY)
        for row in came.only("id").order_by("-created_at").iterator():
            self.report.ours += 1
            self._step()
            if row.id not in self.seen:
                self._sync(row.id)

    def _step(self) -> None:
        """One thing more is compared. Raises _OutOfTime."""
        if self._is_late():
            raise _OutOfTime
        self.tick()

    def _is_late(self) -> bool:
        return self.until is not None and monotonic() >= self.until

    def _pages(self, found: Iterator[_Thing | NotRead]) -> Iterator[tuple[list[_Thing], list[NotRead]]]:
        """What was read, and what was not, by hundreds: one query for our rows of each. A thing may cost calls to be
        drawn; when the time is over, what was drawn is compared, and no more."""
        page: list[_Thing] = []
        unread: list[NotRead] = []
        for each in found:
            if isinstance(each, NotRead):
                unread.append(each)
            else:
                page.append(each)
            if len(page) + len(unread) == 100 or self._is_late():
                yield page, unread
                page, unread = [], []
                if self._is_late():
                    raise _OutOfTime
        if page or unread:
            yield page, unread

    def _by_themselves(self, unread: Iterable[NotRead], owners: Mapping[str | None, UUID]) -> None:
        """What their list names and could not be read: ours are asked about, which says more when it fails too. What is
        not ours and the provider itself does not know is nothing to us."""
        for each in unread:
            self._step()
            if each.payment_ref in owners:
                self._sync(owners[each.payment_ref])
            elif not each.is_unknown:
                self.report.failed.append(f"{each.reference}: {each.reason}")

    def _rows_of(self, page: list[PaymentResult]) -> dict[str, Payment]:
        """By the provider's references, and by our own id where the provider keeps it."""
        references = [name for each in page for name in (each.provider_ref, each.capture_ref) if name]
        ids = [found for each in page if (found := uuid_in(each.payment_id))]
        named = Q(provider_ref__in=references) | Q(capture_ref__in=references) | Q(id__in=ids)
        rows = list(self.mine.filter(named))
        by_reference = {name: row for row in rows for name in (row.provider_ref, row.capture_ref) if name}
        return {**{str(row.id): row for row in rows if not row.provider_ref}, **by_reference}

    def _owners(self, page: Iterable[RefundResult | DisputeFacts | NotRead]) -> dict[str | None, UUID]:
        references = {each.payment_ref for each in page if each.payment_ref}
        rows = self.mine.filter(Q(provider_ref__in=references) | Q(capture_ref__in=references))
        return {name: row.id for row in rows for name in (row.provider_ref, row.capture_ref) if name}

    def _sync(self, payment_id: UUID, *, moved_from: datetime | None = None) -> None:
        """Once in a run. `moved_from`: nothing is known to differ, so that it counts only if it has moved since."""
        if payment_id in self.asked:
            return
        self.asked.add(payment_id)
        if moved_from is None:
            self.report.synced.add(payment_id)
        try:
            after = syncing.sync_payment(payment_id=payment_id, actor=self.actor, now=self.now)
            if moved_from is not None and after.updated_at != moved_from:
                self.report.synced.add(payment_id)
        except UnknownReference:
            self._missing_there(payment_id)
        except Exception as error:
            log.exception("payment %s could not be reconciled", payment_id)
            self.report.failed.append(f"payment {payment_id}: {error}")

    def _nobody_knows(self, result: PaymentResult) -> None:
        """Money that moved, or is about to, with no row of ours. What another system made in the account is its own."""
        if result.is_hearsay:
            reference = result.capture_ref or result.provider_ref or ""
            try:
                result = self.provider.look_up(reference)
            except UnknownReference:
                return
            except ProviderError as error:
                self.report.failed.append(f"{reference}: {error}")
                return
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
