"""What can be wrong with money, each with a name, a code and a sentence to act on."""

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BadInput, Conflict, Forbidden
from billing_portal.kit.money import Money


class AmountExceedsDue(BadInput):
    code = "amount_exceeds_due"

    def __init__(self, *, asked: Money, due: Money) -> None:
        super().__init__(
            f"Only {money_text(due)} is still due on this invoice; {money_text(asked)} is more than that.",
            field="amount",
        )


class CurrencyMismatch(BadInput):
    code = "currency_mismatch"

    def __init__(self, *, asked: str, billed: str) -> None:
        super().__init__(
            f"This account is billed in {billed.upper()}; {asked.upper()} can't be booked on it.", field="currency"
        )


class AlreadyPaid(Conflict):
    code = "already_paid"
    detail = "This invoice is paid already. Nothing more is due on it."


class InvoiceNotOpen(Conflict):
    code = "invoice_not_open"
    detail = "This invoice is not open, so it can't be paid."


class PossibleDuplicate(Conflict):
    code = "possible_duplicate"
    detail = (
        "The same amount was sent less than a minute ago. If this is another payment, "
        "send it again with an Idempotency-Key of its own."
    )


class ReceivedInTheFuture(BadInput):
    code = "received_in_the_future"

    def __init__(self) -> None:
        super().__init__("This day has not come yet.", field="paymentMethod.receivedOn")


class SecondPersonNeeded(Forbidden):
    code = "second_person_needed"
    detail = "Above this amount somebody other than the person who recorded the payment has to verify it."


class PaymentNotManual(Conflict):
    code = "payment_not_manual"
    detail = "Only checks, wires, cash and other offline payments are verified by people."


class CreditExceedsInvoice(BadInput):
    code = "credit_exceeds_invoice"

    def __init__(self, *, asked: Money, left: Money) -> None:
        super().__init__(
            f"Only {money_text(left)} of this invoice can still be credited; {money_text(asked)} is more than that.",
            field="amount",
        )
