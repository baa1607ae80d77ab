"""What came back of a payment, in sentences: refunds, and what the payer's bank disputes or takes."""

from __future__ import annotations

from payments.models import Dispute, Payment, Refund
from payments.pages.at_paypal import holder, is_at_paypal
from payments.pages.events import Event
from payments.pages.words import in_sentence, money_of

# How the ids of PayPal's disputes begin. Source: PayPal Disputes v1.
_A_CASE = "PP-"


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
    due_again = "What it had paid is due again."
    bank = holder(payment)
    who = bank[0].upper() + bank[1:]
    if dispute.status == Dispute.Status.LOST and _is_taken_in_one_go(payment, dispute):
        return [Event(f"{who} took {money} back", "arrow-back-up", "bad", due_again, dispute.closed_at, order=1)]
    if dispute.status in (Dispute.Status.INQUIRY, Dispute.Status.CLOSED):
        began = Event(f"{who} asked about this payment", "scale", "warn", "No money moved.", dispute.opened_at)
    else:
        text = f"{who} holds the money until it has decided. If nobody of you asked for that, tell {bank}."
        began = Event(f"{money} disputed at {bank}", "scale", "bad", text, dispute.opened_at)
    ends = {
        Dispute.Status.WON: ("The dispute is over: the payment stands", "circle-check", "good", ""),
        Dispute.Status.LOST: (f"The dispute is over: {money} went back to you", "arrow-back-up", "bad", due_again),
        Dispute.Status.CLOSED: (f"{who}'s question is answered", "circle-check", "", ""),
    }
    if dispute.status not in ends:
        return [began]
    title, icon, tone, text = ends[Dispute.Status(dispute.status)]
    return [began, Event(title, icon, tone, text, dispute.closed_at, order=1)]


def _is_taken_in_one_go(payment: Payment, dispute: Dispute) -> bool:
    """With nobody asked: a debit that its bank returns, or what PayPal reverses without a case of its own."""
    if is_at_paypal(payment):
        return not dispute.provider_ref.startswith(_A_CASE)
    return payment.method == Payment.Method.US_BANK_ACCOUNT


def dispute_next(payment: Payment) -> Event:
    """What an open one waits for."""
    text = "Until then nothing of this payment can be given back."
    bank = holder(payment)
    return Event(f"{bank[0].upper()}{bank[1:]} decides about the dispute", "clock", "next", text)


def _sentences(*texts: str) -> str:
    return " ".join(f"{text.rstrip('.')}." for text in texts if text)
