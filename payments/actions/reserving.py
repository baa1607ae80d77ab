"""Hold back what a refund will give: the row, the places that it is taken from, and the credit among them.

Under the locks of `locking.lock_with_invoices`, so that nobody else gives back, credits or spends the same money.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from payments import queries, refund_queries
from payments.actions import balance, posting, posting_refunds
from payments.actions.history import note_move, touch
from payments.errors import AlreadyCredited, AlreadyRefunded, RefundExceedsPayment
from payments.models import Payment, Refund, RefundPart
from payments.refund_queries import Source


def amount_to_refund(payment: Payment, amount: Money | None, destination: str) -> Money:
    """What is asked, or all that can be given back. What is credit already can't be given back as credit.

    Raises RefundExceedsPayment, AlreadyRefunded, AlreadyCredited.
    """
    left, free = _left_and_free(payment, destination)
    if not left:
        raise AlreadyCredited if destination == "credit" and queries.unallocated(payment) else AlreadyRefunded
    asked = amount or Money(min(left, free), payment.currency)
    if asked.minor > left:
        raise RefundExceedsPayment(asked=asked, left=Money(left, payment.currency))
    if not 0 < asked.minor <= free:
        raise AlreadyCredited
    return asked


def can_follow(payment: Payment, minor: int) -> bool:
    """Whether the books have a place that a refund of so much, made elsewhere, can be taken from."""
    left, free = _left_and_free(payment, "source")
    return minor <= min(left, free)


def places_of(payment: Payment, minor: int, destination: str) -> list[tuple[UUID | None, int]]:
    """Where so much is taken from: (invoice, or None for the tenant's credit, minor units)."""
    places: list[tuple[UUID | None, int]] = []
    rest = minor
    for source in _sources(payment, destination):
        part = min(rest, source.free)
        if part > 0:
            places.append((source.invoice_id, part))
            rest -= part
    assert rest == 0, "a refund is taken from where its payment's money is"
    return places


def mark(places: Sequence[tuple[UUID | None, int]]) -> str:
    """What was shown of a refund, to be compared with what would be booked."""
    return " ".join(f"{invoice_id or 'credit'}:{minor}" for invoice_id, minor in places)


def reserve(payment: Payment, *, minor: int, actor: Actor, now: datetime, reason: str, **facts: Any) -> Refund:
    """Insert the refund with its parts and take the credit among them; the caller has checked that there is as much."""
    places = places_of(payment, minor, facts["destination"])
    refund = Refund.objects.create(
        tenant_id=payment.tenant_id,
        payment=payment,
        amount_minor=minor,
        currency=payment.currency,
        reason=reason,
        created_at=now,
        **facts,
    )
    RefundPart.objects.bulk_create(
        [
            RefundPart(tenant_id=refund.tenant_id, refund=refund, invoice_id=invoice_id, amount_minor=part)
            for invoice_id, part in places
        ]
    )
    note_move(refund, None, actor=actor, at=now, reason=reason)
    touch(payment.id, now)
    credit = refund_queries.part_of_credit(refund)
    posting.post([posting_refunds.refund_reserved(refund, credit_minor=credit, at=now)])
    balance.take(tenant_id=payment.tenant_id, amount=Money(credit, payment.currency))
    return refund


def release(refund: Refund, *, now: datetime) -> None:
    """It came to nothing: what had been credit is credit again. To be called with the refund's end in its row."""
    credit = refund_queries.part_of_credit(refund)
    posting.post([posting_refunds.refund_released(refund, credit_minor=credit, at=now)])
    balance.add(tenant_id=refund.tenant_id, amount=Money(credit, refund.currency))


def _left_and_free(payment: Payment, destination: str) -> tuple[int, int]:
    """Minor units that are left of the payment, and what of them may be given back. What a bank holds is nobody's to
    give."""
    sources = _sources(payment, destination)
    held = refund_queries.held(payment)
    return max(0, sum(each.left for each in sources) - held), max(0, sum(each.free for each in sources) - held)


def _sources(payment: Payment, destination: str) -> list[Source]:
    sources = refund_queries.sources_of(payment)
    return [each for each in sources if each.invoice_id or destination == "source"]
