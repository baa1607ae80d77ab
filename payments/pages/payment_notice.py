"""What stands above a payment that is not simply done: the fact, what it means, and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass

from payments.models import Payment
from payments.pages.declines import declined_sentence, what_to_do
from payments.pages.method_words import HOW_LONG_A_DEBIT_TAKES
from payments.pages.words import in_sentence, money_of

Status = Payment.Status


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """`act` names what may be done about it: confirm, look, retry or nothing."""

    tone: str
    icon: str
    title: str
    text: str
    act: str = ""


def payment_notice(payment: Payment, *, is_disputed: bool) -> PaymentNotice | None:
    """None for one that has nothing to say beyond its story."""
    money = money_of(payment.amount_minor, payment.currency)
    if payment.status == Status.REQUIRES_ACTION:
        text = f"It opens your bank's page; {money} is charged only when you confirm."
        return PaymentNotice("warn", "shield-lock", "Your bank wants you to confirm this payment", text, "confirm")
    if payment.outcome_unknown or payment.status == Status.CREATED:
        text = "Do not pay again; we look every few minutes and write to you. Nothing is charged twice."
        title = "We sent your payment to the bank and have no answer yet"
        return PaymentNotice("info", "loader-2", title, text, "look")
    if payment.status == Status.PROCESSING:
        is_debit = payment.method == Payment.Method.US_BANK_ACCOUNT
        takes = f"It takes {HOW_LONG_A_DEBIT_TAKES}. " if is_debit else ""
        title = f"{money} is on its way from {in_sentence(payment)}"
        return PaymentNotice("info", "loader-2", title, f"{takes}You need not pay again.")
    if payment.status == Status.FAILED:
        text = f"Nothing was charged. {what_to_do(payment)}"
        return PaymentNotice("bad", "circle-x", declined_sentence(payment), text, "retry")
    if is_disputed:
        text = "Your bank holds the money until it has decided."
        return PaymentNotice("bad", "scale", "This payment is disputed at your bank", text)
    if payment.status == Status.RETURNED:
        text = "What it had paid is due again."
        return PaymentNotice("bad", "arrow-back-up", f"The bank took {in_sentence(payment)} back", text)
    return None
