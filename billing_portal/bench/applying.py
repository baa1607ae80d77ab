"""Our other half of a webhook: what the worker does with an event after it was received."""

from __future__ import annotations

import time
from datetime import timedelta
from statistics import median
from uuid import uuid4

from django.utils import timezone

from billing_portal.bench.client import UnexpectedAnswer, timed
from billing_portal.bench.events import Events
from billing_portal.bench.measuring import Spent
from billing_portal.bench.servers import Bench
from billing_portal.bench.world import SYSTEM, new_tenant
from billing_portal.kit.money import Money
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.inbox import handling
from payments.models import Payment, ProviderEvent

# Of the stand-in's cards, one whose payer has a step left: the event is what tells of the success.
_CARD = "pm_card_authenticationRequired"


class Applied:
    """Payments whose payers have just confirmed: their events are posted, then handled in this process, as a worker
    would. Each is read again from Stripe, settled, booked, and told of in the outbox."""

    def __init__(self, bench: Bench, events: Events, path: str) -> None:
        self._web, self._events, self._path = bench.portal, events, path
        self._tenant = new_tenant()
        self._rates: list[float] = []
        # What other comparisons have left is not this one's work.
        waiting = ProviderEvent.objects.filter(status=ProviderEvent.Status.RECEIVED)
        waiting.update(status=ProviderEvent.Status.IGNORED, settled_at=timezone.now())

    @property
    def rate(self) -> float:
        """Events handled in a second, receipt left out; the median of all runs."""
        return median(self._rates)

    def run(self, n: int) -> Spent:
        """Raises UnexpectedAnswer when a payment was not booked."""
        payments = [self._started() for _ in range(n)]
        requests = [self._events.request(self._path, intent=payment.provider_ref) for payment in payments]
        received = timed(self._web, requests, status=200)
        cpu, own, began = self._web.cpu_seconds(), time.process_time(), time.perf_counter()
        handled = handling.handle_due(timezone.now() + timedelta(seconds=1), limit=n)
        seconds = time.perf_counter() - began
        own, used = time.process_time() - own, self._web.cpu_seconds()
        booked = Payment.objects.filter(id__in=[each.id for each in payments], status=Payment.Status.SUCCEEDED)
        if handled.done != n or booked.count() != n:
            raise UnexpectedAnswer(f"{n} events were to be applied: {handled}, {booked.count()} payments succeeded.")
        self._rates.append(n / seconds)
        if cpu is None or used is None or received.cpu_seconds is None:
            return Spent(received.seconds + seconds)
        return Spent(received.seconds + seconds, received.cpu_seconds + used - cpu + own)

    def _started(self) -> Payment:
        return start_payment(
            tenant=self._tenant,
            amount=Money(2_900, "usd"),
            choice=MethodChoice("card", method_ref=_CARD),
            key=uuid4().hex,
            actor=SYSTEM,
            now=timezone.now(),
        )
