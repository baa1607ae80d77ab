"""Give back, with nobody asking for it, what was taken for something that never came to be."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BillingError, Unavailable
from billing_portal.kit.money import Money
from payments import refund_queries
from payments.actions import reserving
from payments.actions.discrepancies import report_discrepancy
from payments.actions.refunding import refund_payment
from payments.errors import AlreadyCredited, AlreadyRefunded, RefundDiffers
from payments.models import Discrepancy, Invoice, Payment


def give_back(*, payment_id: UUID, why: str, actor: Actor, now: datetime) -> None:
    """What is left of a payment where it was taken for, to where it came from: once, however often it is asked for.

    That is what lies in the invoices of the same subscription, or is credit that nothing has used. What has paid
    something else by now is wanted there: staff see to that, and to what can't go back. Above the threshold it waits
    for staff to approve it. Raises Unavailable, RefundDiffers (the money moved just now): to be tried again.
    """
    payment = Payment.objects.get(id=payment_id)
    earlier = payment.refunds.filter(client_key=_key(payment)).first()
    places, elsewhere = ([], 0) if earlier else _where_it_is(payment)
    if elsewhere:
        detail = f"{why}, and this much does not go back by itself: other invoices have been paid with it since."
        _report(payment, Money(elsewhere, payment.currency), detail, now)
    minor = earlier.amount.minor if earlier else sum(part for _, part in places)
    if not minor:
        return
    try:
        refund_payment(
            payment_id=payment_id,
            amount=Money(minor, payment.currency),
            reason=why,
            destination="source",
            requester=None,
            actor=actor,
            now=now,
            key=_key(payment),
            shown=None if earlier else reserving.mark(places),
        )
    except (AlreadyRefunded, AlreadyCredited):
        return
    except (Unavailable, RefundDiffers):
        raise
    except BillingError as error:
        _report(payment, payment.amount, f"{why}, and it could not go back by itself: {error.detail}", now)


def _where_it_is(payment: Payment) -> tuple[list[tuple[UUID | None, int]], int]:
    """The places that a refund would take from, and the minor units that stay, since they have paid for something else.
    A refund takes the newest first: where it would take of that, there are no places, and all of it stays."""
    own: set[UUID | None] = {None}
    if payment.invoice:
        same = Invoice.objects.filter(tenant=payment.tenant_id, subscription_ref=payment.invoice.subscription_ref)
        own |= {payment.invoice.id}
        own |= set(same.values_list("id", flat=True)) if payment.invoice.subscription_ref else set()
    sources = refund_queries.sources_of(payment)
    places = reserving.places_of(payment, sum(each.free for each in sources if each.invoice_id in own), "source")
    if all(invoice_id in own for invoice_id, _ in places):
        return places, sum(each.left for each in sources if each.invoice_id not in own)
    return [], sum(each.left for each in sources)


def _key(payment: Payment) -> str:
    """A client's own key is plain ASCII: no client can take the place of this one."""
    return f"\N{SECTION SIGN}unwanted:{payment.id}"


def _report(payment: Payment, amount: Money, detail: str, now: datetime) -> None:
    report_discrepancy(
        kind=Discrepancy.Kind.NOT_NEEDED,
        provider=payment.provider,
        provider_ref=str(payment.id),
        amount=amount,
        detail=detail,
        payment=payment,
        now=now,
    )
