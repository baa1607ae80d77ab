"""Ask providers what became of what nobody knows: payments and refunds whose next check is due."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from billing_portal.kit.actors import Actor
from payments.actions import capturing, refunding, settling, syncing
from payments.actions.discrepancies import report_discrepancy
from payments.models import Discrepancy, Payment, Refund
from payments.providers.base import ProviderError

log = logging.getLogger(__name__)

WHO = Actor.system("check_unknown")


@dataclass(slots=True)
class Checked:
    """How many were asked about, and how many of them stay unknown."""

    asked: int = 0
    unknown: int = 0


def check_due(*, now: datetime, limit: int = 200) -> Checked:
    """Each on its own: what one can't be told holds up no other. Any number of these may run at once."""
    found = Checked()
    payments = Payment.objects.filter(next_check_at__lte=now).order_by("next_check_at")
    for payment_id in list(payments.values_list("id", flat=True)[:limit]):
        found.asked += 1
        try:
            after = capturing.follow(payment_id=payment_id, actor=WHO, now=now)
        except ProviderError as error:
            log.info("no answer about payment %s: %s", payment_id, error)
            settling.check_again_later(payment_id=payment_id, now=now)
            after = Payment.objects.select_related("tenant").get(id=payment_id)
        if after.next_check_at is not None and after.status != Payment.Status.REQUIRES_ACTION:
            found.unknown += 1
            _tell_staff_of_old_ones(after, now)
    refunds = Refund.objects.filter(next_check_at__lte=now).order_by("next_check_at")
    for refund_id in list(refunds.values_list("id", flat=True)[:limit]):
        found.asked += 1
        refund = refunding.check_refund(refund_id=refund_id, actor=WHO, now=now)
        found.unknown += refund.next_check_at is not None
    return found


def _tell_staff_of_old_ones(payment: Payment, now: datetime) -> None:
    if now - payment.created_at < syncing.UNKNOWN_FOR_TOO_LONG:
        return
    report_discrepancy(
        kind=Discrepancy.Kind.STILL_UNKNOWN,
        provider=payment.provider,
        provider_ref=str(payment.id),
        amount=payment.amount,
        detail="The provider has not said what became of it. It is asked again and again; nothing is charged twice.",
        payment=payment,
        now=now,
    )
