"""What happened to a payment, in sentences: who moved it, when, and where its money went."""

from __future__ import annotations

from collections.abc import Sequence

from billing_portal.kit.display.dates import long_text
from payments.models import Allocation, Dispute, Payment, Refund, StatusChange
from payments.pages.came_back import dispute_events, dispute_next, refund_event
from payments.pages.declines import declined_sentence
from payments.pages.events import Event, newest_first
from payments.pages.method_words import HOW_LONG_A_DEBIT_TAKES
from payments.pages.words import Reader, in_sentence, money_of, payment_name, who

# How `settling` notes that a provider did not answer.
NO_ANSWER = "no answer yet"


def payment_story(
    payment: Payment,
    changes: Sequence[StatusChange],
    parts: Sequence[Allocation],
    refunds: Sequence[Refund],
    disputes: Sequence[Dispute],
    left: int,
    reader: Reader,
) -> list[Event]:
    """`parts` are its allocations with their invoices, `left` what is credit still, in minor units."""
    events = [_payment_event(payment, change, parts, order, reader) for order, change in enumerate(changes)]
    events += [_used_later(payment, part) for part in parts if _is_later(payment, part)]
    events += [refund_event(payment, refund) for refund in refunds]
    events += [event for dispute in disputes for event in dispute_events(payment, dispute)]
    waiting = [dispute_next() for each in disputes if each.status == Dispute.Status.OPEN][:1]
    return newest_first([*waiting, *_payment_next(payment, left), *events])


def _payment_next(payment: Payment, left: int) -> list[Event]:
    if payment.status == Payment.Status.AWAITING_REVIEW:
        target = f" It is then used for {payment.invoice}." if payment.invoice else " It is then your credit."
        second = " Two people look at a payment of this size." if payment.needs_second_person else ""
        return [Event("We check that the money is here", "clock", "next", f"{target.strip()}{second}")]
    if payment.status == Payment.Status.CLEARING:
        return [Event("The bank collects the money", "clock", "next")]
    if payment.status == Payment.Status.REQUIRES_ACTION:
        return [Event("We wait for you to confirm it", "clock", "next", "Nothing is charged until you do.")]
    if payment.status in (Payment.Status.CREATED, Payment.Status.PROCESSING):
        return [_under_way(payment)]
    if payment.status == Payment.Status.SUCCEEDED and left > 0:
        text = f"{money_of(left, payment.currency)} of it is left."
        return [Event("Your next invoice uses the rest", "clock", "next", text)]
    return []


def _under_way(payment: Payment) -> Event:
    """Sent, and nothing is left to its payer."""
    if payment.outcome_unknown or payment.status == Payment.Status.CREATED:
        text = "Do not pay again; we look every few minutes and write to you. Nothing is charged twice."
        return Event("We ask your bank what became of it", "clock", "next", text)
    if payment.method == Payment.Method.US_BANK_ACCOUNT:
        text = f"It takes {HOW_LONG_A_DEBIT_TAKES}. You need not pay again."
        return Event(f"The money is on its way from {in_sentence(payment)}", "clock", "next", text)
    return Event("The money is on its way", "clock", "next", "You need not pay again.")


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
        "created": ("Payment started", "circle-dashed", "", f"{amount} from {in_sentence(payment)}."),
        "requires_action": ("Your bank asked you to confirm it", "shield-lock", "warn", ""),
        "processing": _sent(change),
        "clearing": ("Handed to the bank to collect", "building-bank", "", ""),
        "failed": ("Declined", "circle-x", "bad", f"{declined_sentence(payment)} Nothing was charged."),
        "rejected": ("We did not find the money", "circle-x", "bad", change.reason or payment.failure_message or ""),
        "returned": ("The bank took it back", "arrow-back-up", "bad", change.reason),
        "canceled": ("Given up", "ban", "", _given_up(payment, change)),
    }[change.new]


def _sent(change: StatusChange) -> tuple[str, str, str, str]:
    if change.reason == NO_ANSWER:
        text = "We sent your payment to the bank and had no answer yet."
        return "Sent, and no answer yet", "loader-2", "warn", text
    return "Sent to the bank", "loader-2", "", ""


def _given_up(payment: Payment, change: StatusChange) -> str:
    """Offline money is given up for a reason of somebody's; a provider's payment has only our own note of it."""
    return (
        "Nothing was charged."
        if payment.provider_ref or payment.method_ref
        else change.reason or "Nothing was charged."
    )


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
