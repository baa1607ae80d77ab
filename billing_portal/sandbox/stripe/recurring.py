"""What happens by itself as the clock goes on, in the order of time: each thing at its own instant."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from billing_portal.sandbox.stripe import (
    collecting,
    invoicing,
    pending_updates,
    renewing,
    scheduling,
    settling,
    standing,
    subscription_words,
)
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.intervals import HOUR

# https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
INCOMPLETE_LASTS = 23 * HOUR
Do = Callable[[], object]


@dataclass(frozen=True)
class _Step:
    at: int
    do: Do


def run_due(act: Act) -> int:
    """Let everything happen that is due by the act's instant. Returns how much that was."""
    target, count = act.now, 0
    while step := min((each for each in _steps(act) if each.at <= target), key=lambda each: each.at, default=None):
        act.now = step.at
        step.do()
        count += 1
    act.now = target
    return count


def _steps(act: Act) -> Iterator[_Step]:
    """Everything that is to come; what stands first comes first at the same instant."""
    for at, do in settling.to_come(act):
        yield _Step(at, do)
    for invoice in act.books.find("invoices", _waits=True):
        yield _Step(invoice["_due"], lambda invoice=invoice: collecting.retry(act, invoice))  # type: ignore[misc]
    for subscription in act.books.find("subscriptions", _waits=True):
        for at, do in _of_subscription(act, subscription):
            yield _Step(at, do)


def _of_subscription(act: Act, subscription: Json) -> Iterator[tuple[int, Do]]:
    if subscription["status"] == "incomplete":
        if not _under_way(act, subscription["latest_invoice"]):
            at = subscription["created"] + INCOMPLETE_LASTS
            yield at, lambda: standing.end(act, subscription, None, "incomplete_expired")
        return
    pending = subscription["pending_update"]
    if pending and not _under_way(act, subscription["_pending"]["invoice"]):
        yield pending["expires_at"], lambda: pending_updates.expire(act, subscription)
    if subscription["status"] == "trialing" and not subscription["_told"]:
        yield standing.trial_told_at(subscription), lambda: standing.tell_trial_end(act, subscription)
    end = subscription_words.period_end(subscription)
    if subscription["cancel_at"] and subscription["cancel_at"] < end:
        yield subscription["cancel_at"], lambda: standing.end(act, subscription, "cancellation_requested")
    pause = subscription["pause_collection"]
    if pause and pause["resumes_at"]:
        yield pause["resumes_at"], lambda: standing.change(act, subscription, pause_collection=None)
    schedule = scheduling.of(act, subscription)
    if schedule and schedule["current_phase"]["end_date"] < end:
        yield schedule["current_phase"]["end_date"], lambda: scheduling.change_phase(act, subscription)
    yield end, lambda: renewing.end_period(act, subscription)


def _under_way(act: Act, invoice_id: str) -> bool:
    """Whether a bank debit of the invoice is on its way: nothing expires meanwhile."""
    intent = invoicing.intent_of(act, act.fetch("invoices", invoice_id))
    return bool(intent and intent["status"] == "processing")
