"""Ask providers what became of what nobody knows: payments and refunds whose next check is due."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing_portal.kit.actors import Actor
from payments.actions import capturing, driving, refunding, syncing, waiting
from payments.actions.discrepancies import report_discrepancy
from payments.actions.settling_refunds import ask_later
from payments.models import Discrepancy, Payment, Refund
from payments.providers.errors import ProviderError

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
        after = _ask(payment_id, now)
        if after.next_check_at is not None and after.status != Payment.Status.REQUIRES_ACTION:
            found.unknown += 1
            _tell_staff_of_old_ones(after, now)
    refunds = Refund.objects.filter(next_check_at__lte=now).order_by("next_check_at")
    for refund_id in list(refunds.values_list("id", flat=True)[:limit]):
        found.asked += 1
        found.unknown += _ask_refund(refund_id, now)
    return found


def _ask(payment_id: UUID, now: datetime) -> Payment:
    """The payment after it was asked about, and sent again when the provider has not heard of it. Whatever one of them
    stumbles over, the next one has its turn."""
    try:
        payment = capturing.follow(payment_id=payment_id, actor=WHO, now=now)
        if payment.is_unheard:
            return driving.send_again(payment, actor=WHO, now=now)
    except ProviderError as error:
        log.info("no answer about payment %s: %s", payment_id, error)
    except Exception:
        log.exception("payment %s could not be asked about", payment_id)
    else:
        return payment
    waiting.check_again_later(payment_id=payment_id, now=now)
    return Payment.objects.select_related("tenant").get(id=payment_id)


def _ask_refund(refund_id: UUID, now: datetime) -> bool:
    """Whether it stays to be asked about."""
    try:
        refund = refunding.check_refund(refund_id=refund_id, actor=WHO, now=now)
    except Exception:
        log.exception("refund %s could not be asked about", refund_id)
        refund = ask_later(refund_id=refund_id, now=now)
    return refund.next_check_at is not None


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
