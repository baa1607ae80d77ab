"""What happened to an invoice, in sentences: issued, sent, paid in parts, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing_portal.kit.display.dates import long_text
from payments.models import Allocation, CollectionHold, CreditNote, Invoice, Payment, StatusChange
from payments.pages.events import Event, newest_first
from payments.pages.hold_words import held_event, lifted_event
from payments.pages.paying import takes_payments
from payments.pages.payment_story import payment_words
from payments.pages.words import Reader, in_sentence, money_of, payment_name, what_for, who
from payments.share_queries import Coming


@dataclass(frozen=True)
class InvoiceFacts:
    """What an invoice's story is told from. `open_minor` is what is still due, `to_send_minor` what of it is not on its
    way; `holds` what held it back; `mail` to whom and when it was sent."""

    invoice: Invoice
    open_minor: int
    to_send_minor: int
    changes: Sequence[StatusChange]
    payments: Sequence[Payment]
    coming: Sequence[Coming]
    payment_changes: Mapping[UUID, Sequence[StatusChange]]
    parts: Sequence[Allocation]
    notes: Sequence[CreditNote]
    holds: Sequence[CollectionHold]
    mail: tuple[str, datetime] | None
    now: datetime
    reader: Reader


def invoice_story(facts: InvoiceFacts) -> list[Event]:
    events = [*_invoice_next(facts), *_moves(facts), *_holds(facts), *_money_in(facts), *_payments_seen(facts)]
    if facts.mail:
        events.append(Event("Invoice sent", "mail", "", f"To {facts.mail[0]}.", facts.mail[1], order=2))
    if facts.invoice.is_overdue(facts.now):
        due = f"{money_of(facts.open_minor, facts.invoice.currency)} was not paid by then."
        events.append(Event("The due date passed", "alert-triangle", "bad", due, facts.invoice.due_at))
    return newest_first(events)


def _invoice_next(facts: InvoiceFacts) -> list[Event]:
    invoice, money = facts.invoice, money_of(facts.to_send_minor, facts.invoice.currency)
    if invoice.status != Invoice.Status.OPEN or invoice.due_at is None:
        return []
    events = [
        Event(
            f"We check your {in_sentence(each.payment)}",
            "clock",
            "next",
            f"{money_of(each.minor, invoice.currency)}. It is used for this invoice when that is done.",
        )
        for each in facts.coming
        if each.payment.status == Payment.Status.AWAITING_REVIEW
    ]
    if not facts.to_send_minor:
        return events
    if invoice.is_overdue(facts.now):
        return [
            *events,
            Event("We wait for your payment", "clock", "next", f"{money}, due since {long_text(invoice.due_at)}."),
        ]
    return [
        *events,
        Event(
            f"Due on {long_text(invoice.due_at)}",
            "clock",
            "next",
            f"{money} is to be paid by then." if takes_payments(invoice.currency) else f"{money} by check or wire.",
        ),
    ]


def _moves(facts: InvoiceFacts) -> list[Event]:
    """Its own states. 'Paid' is told by the money that covered it."""
    events = []
    for change in facts.changes:
        by = who(change, facts.reader)
        if change.old is None and change.new == Invoice.Status.OPEN:
            text = f"{what_for(facts.invoice)}: {money_of(facts.invoice.total_minor, facts.invoice.currency)}."
            events.append(Event("Invoice issued", "file-invoice", "", text, change.at, by))
        elif change.new == Invoice.Status.PAID and not facts.parts and not facts.notes:
            events.append(Event("Paid", "circle-check", "good", "Nothing was left to pay.", change.at, order=3))
        elif change.new == Invoice.Status.OPEN:
            events.append(Event("Open again", "arrow-back-up", "bad", change.reason, change.at, by, 3))
        elif change.new == Invoice.Status.VOID:
            events.append(Event("Voided: nothing is due", "ban", "", change.reason, change.at, by, 3))
        elif change.new == Invoice.Status.UNCOLLECTIBLE:
            events.append(Event("Written off", "ban", "", change.reason, change.at, by, 3))
    return events


def _holds(facts: InvoiceFacts) -> list[Event]:
    """What gave its payer more time, and what of that was taken back. Another day takes the place of the one before."""
    events = []
    replaced = {each.created_at for each in facts.holds}
    for each in facts.holds:
        text = "Until that day is over nothing is charged by itself, and no reminder comes."
        events.append(Event(held_event(each), "clock", "", text, each.created_at, order=4))
        if each.lifted_at and each.lifted_at not in replaced:
            events.append(Event(lifted_event(each), "clock", "", "It is as before.", each.lifted_at, order=5))
    return events


def _money_in(facts: InvoiceFacts) -> list[Event]:
    """Each part that paid it and each note that lessened it, with what was left after it."""
    steps: list[tuple[datetime, Allocation | CreditNote]] = [(part.created_at, part) for part in facts.parts]
    steps += [(note.issued_at, note) for note in facts.notes if note.effect == CreditNote.Effect.REDUCES_DUE]
    left, events = facts.invoice.total_minor, []
    for order, (at, step) in enumerate(sorted(steps, key=lambda pair: pair[0])):
        left -= step.amount_minor
        after = f"{money_of(left, facts.invoice.currency)} was left to pay." if left else "Nothing was left to pay."
        title, by = _money_words(facts, step)
        icon, tone = ("circle-half-2", "") if left else ("circle-check", "good")
        events.append(Event(title, icon, tone, after, at, by, 10 + order))
    return events


def _money_words(facts: InvoiceFacts, step: Allocation | CreditNote) -> tuple[str, str]:
    money = money_of(step.amount_minor, facts.invoice.currency)
    if isinstance(step, CreditNote):
        return f"{step.number}: {money} less to pay", f"“{step.reason}”"
    if step.amount_minor < 0:
        return f"{money_of(-step.amount_minor, facts.invoice.currency)} taken back", ""
    if step.payment is None or step.created_at > (step.payment.succeeded_at or step.created_at):
        source = in_sentence(step.payment) if step.payment else str(step.credit_note)
        return f"{money} of your credit used", f"from {source}"
    by = f"checked by {step.payment.verified_by.get_full_name()}" if step.payment.verified_by else ""
    return f"{money} paid by {in_sentence(step.payment)}", by


def _payments_seen(facts: InvoiceFacts) -> list[Event]:
    """Payments that were meant for it: when they were taken down, and when they came to nothing."""
    events = []
    for payment in facts.payments:
        if facts.invoice.id not in {payment.invoice_id, *(share.invoice_id for share in payment.shares.all())}:
            continue
        for order, change in enumerate(facts.payment_changes.get(payment.id, [])):
            if change.new == Payment.Status.SUCCEEDED and change.old != Payment.Status.CLEARING:
                continue
            title, icon, tone, text = payment_words(payment, change, None)
            if tone == "bad":
                title = f"{payment_name(payment)}: {title[0].lower()}{title[1:]}"
            events.append(Event(title, icon, tone, text, change.at, who(change, facts.reader), 3 + order))
    return events
