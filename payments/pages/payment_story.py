"""What happened to a payment, in sentences: who moved it, when, and where its money went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing_portal.kit.display.dates import long_text
from payments import share_queries
from payments.actions.waiting import BEING_TAKEN, NO_ANSWER
from payments.declines import declined_sentence
from payments.models import Allocation, Dispute, Invoice, Payment, Refund, StatusChange
from payments.pages.at_paypal import holder, is_at_paypal
from payments.pages.came_back import dispute_events, dispute_next, refund_event
from payments.pages.events import Event, newest_first
from payments.pages.method_words import HOW_LONG_A_DEBIT_TAKES
from payments.pages.words import Reader, in_sentence, money_of, payment_name, who

# In these its money is given to invoices, and the rest is credit: a check has that before its bank pays.
BOOKED = (Payment.Status.CLEARING, Payment.Status.SUCCEEDED)


def payment_story(
    payment: Payment,
    changes: Sequence[StatusChange],
    parts: Sequence[Allocation],
    refunds: Sequence[Refund],
    disputes: Sequence[Dispute],
    left: int,
    reader: Reader,
    fee: Invoice | None = None,
) -> list[Event]:
    """`parts` are its allocations with their invoices, `left` what is credit still, in minor units, `fee` the invoice
    for its return."""
    booked_at = next((each.at for each in changes if each.new in BOOKED), None)
    events = [_payment_event(payment, change, parts, order, reader) for order, change in enumerate(changes)]
    events += [_used_later(payment, part) for part in parts if booked_at and part.created_at > booked_at]
    events += [_fee_event(fee)] if fee else []
    events += [refund_event(payment, refund) for refund in refunds]
    events += [event for dispute in disputes for event in dispute_events(payment, dispute)]
    waiting = [dispute_next(payment) for each in disputes if each.status == Dispute.Status.OPEN][:1]
    return newest_first([*waiting, *_payment_next(payment, left), *events])


def _payment_next(payment: Payment, left: int) -> list[Event]:
    if payment.status == Payment.Status.AWAITING_REVIEW:
        invoices = " and ".join(str(each) for each in share_queries.invoices_of(payment))
        target = f" It is then used for {invoices}." if invoices else " It is then your credit."
        second = " Two people look at a payment of this size." if payment.needs_second_person else ""
        return [Event("We check that the money is here", "clock", "next", f"{target.strip()}{second}")]
    if payment.status == Payment.Status.CLEARING:
        return [Event("Your bank has still to pay it", "clock", "next", "You need not do anything.")]
    if payment.status == Payment.Status.REQUIRES_ACTION:
        title = "We wait for you to approve it at PayPal" if is_at_paypal(payment) else "We wait for you to confirm it"
        return [Event(title, "clock", "next", "Nothing is charged until you do.")]
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
        return Event(f"We ask {holder(payment)} what became of it", "clock", "next", text)
    if is_at_paypal(payment):
        text = "PayPal lets us know when it is done. You need not pay again."
        return Event("PayPal looks at this payment", "clock", "next", text)
    if payment.method == Payment.Method.US_BANK_ACCOUNT:
        text = f"It takes {HOW_LONG_A_DEBIT_TAKES}. You need not pay again."
        return Event(f"The money is on its way from {in_sentence(payment)}", "clock", "next", text)
    return Event("The money is on its way", "clock", "next", "You need not pay again.")


def _payment_event(
    payment: Payment, change: StatusChange, parts: Sequence[Allocation], order: int, reader: Reader
) -> Event:
    title, icon, tone, text = payment_words(payment, change, parts)
    return Event(title, icon, tone, text, change.at, who(change, reader), order)


def payment_words(
    payment: Payment, change: StatusChange, parts: Sequence[Allocation] | None
) -> tuple[str, str, str, str]:
    """Title, icon, tone and text. Without `parts` it is not told where the money went."""
    name, amount = payment_name(payment), money_of(payment.amount_minor, payment.currency)
    if change.new == Payment.Status.AWAITING_REVIEW:
        dated = "dated" if payment.declared_by_tenant else "received on"
        received = f", {dated} {long_text(payment.received_on)}" if payment.received_on else ""
        title = f"You told us about {in_sentence(payment)}" if payment.declared_by_tenant else f"{name} recorded"
        return title, "file-dollar", "", f"{amount}{received}."
    if change.new == Payment.Status.SUCCEEDED and change.old == Payment.Status.CLEARING:
        return "Cleared: your bank has paid it", "circle-check", "good", ""
    if change.new == Payment.Status.SUCCEEDED:
        return "The money is here", "circle-check", "good", _where_it_went(payment, parts, change.at)
    return {
        "created": ("Payment started", "circle-dashed", "", f"{amount} {_by(payment)}."),
        "requires_action": (_asked(payment), "shield-lock", "warn", ""),
        "processing": _sent(payment, change),
        "clearing": (
            "Verified; your bank still has to pay it",
            "building-bank",
            "",
            _where_it_went(payment, parts, change.at),
        ),
        "failed": ("Declined", "circle-x", "bad", f"{declined_sentence(payment)} Nothing was charged."),
        "rejected": ("We did not find the money", "circle-x", "bad", change.reason or payment.failure_message or ""),
        "returned": (
            _taken_back_by(payment),
            "arrow-back-up",
            "bad",
            change.reason,
        ),
        "canceled": ("Given up", "ban", "", _given_up(payment, change)),
    }[change.new]


def _taken_back_by(payment: Payment) -> str:
    if payment.provider == "manual":
        return "The bank sent it back"
    return "PayPal took it back" if is_at_paypal(payment) else "The bank took it back"


def _by(payment: Payment) -> str:
    return "by PayPal" if is_at_paypal(payment) else f"from {in_sentence(payment)}"


def _asked(payment: Payment) -> str:
    return "PayPal asked for your approval" if is_at_paypal(payment) else "Your bank asked you to confirm it"


def _sent(payment: Payment, change: StatusChange) -> tuple[str, str, str, str]:
    if change.reason == NO_ANSWER:
        where = "PayPal" if is_at_paypal(payment) else "the bank"
        text = f"We sent your payment to {where} and had no answer yet."
        return "Sent, and no answer yet", "loader-2", "warn", text
    is_looked_at = payment.status == Payment.Status.PROCESSING and not payment.outcome_unknown
    if change.reason == BEING_TAKEN and not is_looked_at:
        return "We asked PayPal for the money", "loader-2", "", ""
    if is_at_paypal(payment):
        return "You approved it, and PayPal looks at it", "loader-2", "", ""
    return "Sent to the bank", "loader-2", "", ""


def _given_up(payment: Payment, change: StatusChange) -> str:
    """Offline money is given up for a reason of somebody's; a provider's payment has only our own note of it."""
    return (
        "Nothing was charged."
        if payment.provider_ref or payment.method_ref
        else change.reason or "Nothing was charged."
    )


def _where_it_went(payment: Payment, parts: Sequence[Allocation] | None, booked_at: datetime) -> str:
    if parts is None:
        return ""
    sentences = []
    at_once = [part for part in parts if part.created_at <= booked_at]
    for part in at_once:
        money = money_of(part.amount_minor, payment.currency)
        paid = ", which is now paid" if part.invoice.paid_at == part.created_at else ""
        sentences.append(f"{money} went to {part.invoice}{paid}.")
    rest = payment.amount_minor - sum(part.amount_minor for part in at_once)
    if rest > 0:
        sentences.append(f"{money_of(rest, payment.currency)} became your credit.")
    return " ".join(sentences)


def _fee_event(fee: Invoice) -> Event:
    text = f"{money_of(fee.total_minor, fee.currency)} for the returned check."
    return Event(f"{fee} bills a fee", "file-invoice", "", text, fee.issued_at, "automatically", 2)


def _used_later(payment: Payment, part: Allocation) -> Event:
    """Used as credit by an invoice that came afterwards, or taken back."""
    money = money_of(abs(part.amount_minor), payment.currency)
    if part.amount_minor < 0:
        again = "It is open again." if part.invoice.status == Invoice.Status.OPEN else ""
        return Event(f"{money} taken back from {part.invoice}", "arrow-back-up", "bad", again, part.created_at, order=1)
    text = f"{part.invoice} used it when it was issued."
    return Event(f"{money} of its credit paid {part.invoice}", "receipt", "", text, part.created_at, "automatically", 1)
