"""What stands above a payment that is not simply done: the fact, what it means, and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass

from payments.declines import declined_sentence, what_to_do
from payments.models import Payment
from payments.pages.at_paypal import holder, is_at_paypal, was_refused
from payments.pages.method_words import HOW_LONG_A_DEBIT_TAKES
from payments.pages.words import in_sentence, money_of

Status = Payment.Status


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """`act` names what may be done about it: confirm, look, retry, take_back or nothing; `button` what leads there."""

    tone: str
    icon: str
    title: str
    text: str
    act: str = ""
    button: str = ""


def payment_notice(payment: Payment, *, is_disputed: bool) -> PaymentNotice | None:
    """None for one that has nothing to say beyond its story."""
    if payment.status in (Status.CREATED, Status.REQUIRES_ACTION, Status.PROCESSING, Status.AWAITING_REVIEW):
        return _before_its_end(payment)
    if payment.status == Status.FAILED:
        text = f"Nothing was charged. {what_to_do(payment)}"
        return PaymentNotice("bad", "circle-x", declined_sentence(payment), text, "retry")
    if payment.status == Status.CANCELED and payment.failure_code == "lapsed":
        text = "Nothing was charged, and nothing can be charged by it any more."
        return PaymentNotice("warn", "clock", "This payment was not finished in time", text, "retry")
    if is_disputed:
        who = "PayPal" if is_at_paypal(payment) else "Your bank"
        text = f"{who} holds the money until it has decided."
        return PaymentNotice("bad", "scale", f"This payment is disputed at {holder(payment)}", text)
    if payment.status == Status.RETURNED:
        bank = f"The bank took {in_sentence(payment)} back"
        title = "PayPal took this payment back" if is_at_paypal(payment) else bank
        return PaymentNotice("bad", "arrow-back-up", title, "What it had paid is due again.")
    return None


def _before_its_end(payment: Payment) -> PaymentNotice | None:
    if payment.status == Status.REQUIRES_ACTION:
        return waiting_notice(payment)
    if payment.outcome_unknown or payment.status == Status.CREATED:
        where = "PayPal" if is_at_paypal(payment) else "the bank"
        title = f"We sent your payment to {where} and have no answer yet"
        text = "Do not pay again; we look every few minutes and write to you. Nothing is charged twice."
        return PaymentNotice("info", "loader-2", title, text, "look")
    if payment.status == Status.PROCESSING:
        return _under_way(payment)
    return _declared(payment) if payment.declared_by_tenant else None


def waiting_notice(payment: Payment) -> PaymentNotice:
    """For one that waits for its payer: at PayPal, or at the bank."""
    money = money_of(payment.amount_minor, payment.currency)
    if not is_at_paypal(payment):
        text = f"It opens your bank's page; {money} is charged only when you confirm."
        title = "Your bank wants you to confirm this payment"
        return PaymentNotice("warn", "shield-lock", title, text, "confirm", f"Confirm {money}")
    if was_refused(payment):
        title = f"PayPal could not take {money} from the card or account that you chose"
        text = "Nothing was charged. Go back to PayPal and choose another one there."
        return PaymentNotice("bad", "circle-x", title, text, "confirm", "Choose another at PayPal")
    title = f"A payment of {money} waits for your approval at PayPal"
    return PaymentNotice(
        "warn", "shield-lock", title, "Nothing is charged until you do.", "confirm", "Finish at PayPal"
    )


def _under_way(payment: Payment) -> PaymentNotice:
    money = money_of(payment.amount_minor, payment.currency)
    if is_at_paypal(payment):
        text = "You have approved it. PayPal lets us know when it is done. You need not pay again."
        return PaymentNotice("info", "loader-2", f"PayPal looks at your payment of {money}", text)
    is_debit = payment.method == Payment.Method.US_BANK_ACCOUNT
    takes = f"It takes {HOW_LONG_A_DEBIT_TAKES}. " if is_debit else ""
    title = f"{money} is on its way from {in_sentence(payment)}"
    return PaymentNotice("info", "loader-2", title, f"{takes}You need not pay again.")


def _declared(payment: Payment) -> PaymentNotice:
    money = money_of(payment.amount_minor, payment.currency)
    after = f"It is used for {payment.invoice} when that is done. " if payment.invoice else ""
    text = f"{after}You need not send it again."
    return PaymentNotice(
        "info", "hourglass", f"We look for your {in_sentence(payment)} for {money}", text, "take_back", "Take it back"
    )
