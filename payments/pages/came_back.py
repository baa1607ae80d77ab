"""What came back of a payment, in sentences: refunds, and what the payer's bank disputes or takes."""

from __future__ import annotations

from payments.models import Dispute, Payment, Refund
from payments.pages.events import Event
from payments.pages.words import in_sentence, money_of


def refund_event(payment: Payment, refund: Refund) -> Event:
    money = money_of(refund.amount_minor, payment.currency)
    where = "your credit" if refund.destination == "credit" else in_sentence(payment)
    if refund.status == Refund.Status.SUCCEEDED:
        return Event(f"{money} given back to {where}", "arrow-back-up", "good", refund.reason, refund.settled_at)
    if refund.status in (Refund.Status.FAILED, Refund.Status.CANCELED):
        when = refund.settled_at or refund.created_at
        return Event(f"Refund of {money} did not happen", "circle-x", "bad", refund.reason, when)
    if refund.status == Refund.Status.AWAITING_APPROVAL:
        title = f"Refund of {money} prepared"
        return Event(
            title, "hourglass", "", _sentences(refund.reason, "A second person looks at it."), refund.created_at
        )
    return Event(f"Refund of {money} is on its way", "arrow-back-up", "", refund.reason, refund.created_at)


def dispute_events(payment: Payment, dispute: Dispute) -> list[Event]:
    """How it began and, if it has, how it ended."""
    money = money_of(dispute.amount_minor, dispute.currency)
    is_debit = payment.method == Payment.Method.US_BANK_ACCOUNT
    due_again = "What it had paid is due again."
    if is_debit and dispute.status == Dispute.Status.LOST:  # a debit is returned in one go, with nobody asked
        text = due_again
        return [Event(f"Your bank took {money} back", "arrow-back-up", "bad", text, dispute.closed_at, order=1)]
    if dispute.status in (Dispute.Status.INQUIRY, Dispute.Status.CLOSED):
        began = Event("Your bank asked about this payment", "scale", "warn", "No money moved.", dispute.opened_at)
    else:
        text = "Your bank holds the money until it has decided. If nobody of you asked for that, tell your bank."
        began = Event(f"{money} disputed at your bank", "scale", "bad", text, dispute.opened_at)
    ends = {
        Dispute.Status.WON: ("The dispute is over: the payment stands", "circle-check", "good", ""),
        Dispute.Status.LOST: (f"The dispute is over: {money} went back to you", "arrow-back-up", "bad", due_again),
        Dispute.Status.CLOSED: ("Your bank's question is answered", "circle-check", "", ""),
    }
    if dispute.status not in ends:
        return [began]
    title, icon, tone, text = ends[Dispute.Status(dispute.status)]
    return [began, Event(title, icon, tone, text, dispute.closed_at, order=1)]


def dispute_next() -> Event:
    """What an open one waits for."""
    text = "Until then nothing of this payment can be given back."
    return Event("Your bank decides about the dispute", "clock", "next", text)


def _sentences(*texts: str) -> str:
    return " ".join(f"{text.rstrip('.')}." for text in texts if text)
