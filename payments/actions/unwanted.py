"""Give back, with nobody asking for it, what was taken for something that never came to be."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BillingError, Unavailable
from payments.actions.discrepancies import report_discrepancy
from payments.actions.refunding import refund_payment
from payments.errors import AlreadyCredited, AlreadyRefunded
from payments.models import Discrepancy, Payment

# A client's own key is plain ASCII: no client can take the place of this one.
_KEY = "\N{SECTION SIGN}unwanted:"


def give_back(*, payment_id: UUID, why: str, actor: Actor, now: datetime) -> None:
    """All that is left of a payment, to where it came from: once, however often it is asked for. Above the threshold it
    waits for staff to approve it, and what can't go back is theirs to see to. Raises Unavailable: to be tried again."""
    try:
        refund_payment(
            payment_id=payment_id,
            amount=None,
            reason=why,
            destination="source",
            requester=None,
            actor=actor,
            now=now,
            key=f"{_KEY}{payment_id}",
        )
    except (AlreadyRefunded, AlreadyCredited):
        return
    except Unavailable:
        raise
    except BillingError as error:
        payment = Payment.objects.get(id=payment_id)
        report_discrepancy(
            kind=Discrepancy.Kind.NOT_NEEDED,
            provider=payment.provider,
            provider_ref=str(payment.id),
            amount=payment.amount,
            detail=f"{why}, and it could not go back by itself: {error.detail}",
            payment=payment,
            now=now,
        )
