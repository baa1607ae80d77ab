"""What happened to a payment, in sentences: who moved it, when, and where its money went."""

from __future__ import annotations

from collections.abc import Sequence

from billing_portal.kit.display.dates import long_text
from payments.models import Allocation, Payment, Refund, StatusChange
from payments.pages.events import Event, newest_first
from payments.pages.words import Reader, in_sentence, money_of, payment_name, who


def payment_story(
    payment: Payment,
    changes: Sequence[StatusChange],
    parts: Sequence[Allocation],
    refunds: Sequence[Refund],
    left: int,
    reader: Reader,
) -> list[Event]:
    """`parts` are its allocations with their invoices, `left` what is credit still, in minor units."""
    events = [_payment_event(payment, change, parts, order, reader) for order, change in enumerate(changes)]
    events += [_used_later(payment, part) for part in parts if _is_later(payment, part)]
    events += [_refund_event(payment, refund) for refund in refunds]
    return newest_first([*_payment_next(payment, left), *events])


def _payment_next(payment: Payment, left: int) -> list[Event]:
    if payment.status == Payment.Status.AWAITING_REVIEW:
        target = f" It is then used for {payment.invoice}." if payment.invoice else " It is then your credit."
        second = " Two people look at a payment of this size." if payment.needs_second_person else ""
        return [Event("We check that the money is here", "clock", "next", f"{target.strip()}{second}")]
    if payment.status == Payment.Status.CLEARING:
        return [Event("The bank collects the money", "clock", "next")]
    if payment.status == Payment.Status.PROCESSING:
        text = "We sent it to the bank and have no answer yet. Do not pay again." if payment.outcome_unknown else ""
        return [Event("The money is on its way", "clock", "next", text)]
    if payment.status == Payment.Status.SUCCEEDED and left > 0:
        text = f"{money_of(left, payment.currency)} of it is left."
        return [Event("Your next invoice uses the rest", "clock", "next", text)]
    return []


def _payment_event(
    payment: Payment, change: StatusChange, parts: Sequence[Allocation], order: int, reader: Reader
) -> Event:
    title, icon, tone, text = payment_words(payment, change, parts)
    return Event(title, icon, tone, text, change.at, who(change, reader), order)


def payment_words(payment: Payment, change: StatusChange, parts: Sequence[Allocation]) -> tuple[str, str, str, str]:
    name, amount = payment_name(payment), money_of(payment.amount_minor, payment.currency)
    if change.new == Payment.Status.AWAITING_REVIEW:
        received = f", received on {long_text(payment.received_on)}" if payment.received_on else ""
        title = f"You told us about {in_sentence(payment)}" if payment.declared_by_tenant else f"{name} recorded"
        return title, "file-dollar", "", f"{amount}{received}."
    if change.new == Payment.Status.SUCCEEDED:
        return "The money is here", "circle-check", "good", _where_it_went(payment, parts)
    return {
        "created": ("Payment started", "circle-dashed", "", f"{amount}."),
        "requires_action": ("Your bank asked you to confirm it", "shield-lock", "warn", ""),
        "processing": ("Sent to the bank", "loader-2", "", ""),
        "clearing": ("Handed to the bank to collect", "building-bank", "", ""),
        "failed": ("Declined", "circle-x", "bad", payment.failure_message or "Your bank did not say why."),
        "rejected": ("We did not find the money", "circle-x", "bad", change.reason or payment.failure_message or ""),
        "returned": ("The bank took it back", "arrow-back-up", "bad", change.reason),
        "canceled": ("Given up", "ban", "", change.reason or "Nothing was charged."),
    }[change.new]


def _where_it_went(payment: Payment, parts: Sequence[Allocation]) -> str:
    sentences = []
    at_once = [part for part in parts if not _is_later(payment, part)]
    for part in at_once:
        money = money_of(part.amount_minor, payment.currency)
        paid = ", which is now paid" if part.invoice.paid_at == part.created_at else ""
        sentences.append(f"{money} went to {part.invoice}{paid}.")
    rest = payment.amount_minor - sum(part.amount_minor for part in at_once)
    if rest > 0:
        sentences.append(f"{money_of(rest, payment.currency)} became your credit.")
    return " ".join(sentences)


def _is_later(payment: Payment, part: Allocation) -> bool:
    """Used as credit by an invoice that came afterwards, or taken back."""
    return payment.succeeded_at is not None and part.created_at > payment.succeeded_at


def _used_later(payment: Payment, part: Allocation) -> Event:
    money = money_of(abs(part.amount_minor), payment.currency)
    if part.amount_minor < 0:
        return Event(f"{money} taken back from {part.invoice}", "arrow-back-up", "bad", "", part.created_at, order=1)
    text = f"{part.invoice} used it when it was issued."
    return Event(f"{money} of its credit paid {part.invoice}", "receipt", "", text, part.created_at, "automatically", 1)


def _refund_event(payment: Payment, refund: Refund) -> Event:
    money = money_of(refund.amount_minor, payment.currency)
    where = "your credit" if refund.destination == "credit" else in_sentence(payment)
    if refund.status == Refund.Status.SUCCEEDED:
        return Event(f"{money} given back to {where}", "arrow-back-up", "good", refund.reason, refund.settled_at)
    if refund.status in (Refund.Status.FAILED, Refund.Status.CANCELED):
        return Event(
            f"Refund of {money} did not happen",
            "circle-x",
            "bad",
            refund.reason,
            refund.settled_at or refund.created_at,
        )
    return Event(f"Refund of {money} is on its way", "arrow-back-up", "", refund.reason, refund.created_at)
