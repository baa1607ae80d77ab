"""What can be wrong with money, each with a name, a code and a sentence to act on."""

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BadGateway, BadInput, Conflict, Forbidden, NotFound, PaymentFailed, Unavailable
from billing_portal.kit.money import Money


class AmountExceedsDue(BadInput):
    code = "amount_exceeds_due"

    def __init__(self, *, asked: Money, due: Money) -> None:
        super().__init__(
            f"Only {money_text(due)} is still due on this invoice; {money_text(asked)} is more than that."
            if due
            else "A payment of all that is due on this invoice is under way. Nothing more can be paid on it now.",
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


class CollectedByProvider(Conflict):
    """Its provider tries to charge it by itself, and can't be told to stop: who paid it here would pay it twice."""

    code = "collected_by_provider"
    detail = "This invoice is charged to the subscription's own payment method, so it can't be paid here as well."


class PartOfBill(Conflict):
    """A provider collects its bill, or hears that it was paid, as a whole."""

    code = "part_of_bill"

    def __init__(self, *, due: Money) -> None:
        super().__init__(
            f"This invoice is collected as a whole, so a part of it can't be paid. Pay {money_text(due)}, all of it."
        )


class StillCollected(Conflict):
    """Its provider is being told to stop, and has not confirmed it."""

    code = "still_collected"

    def __init__(self, invoice: str) -> None:
        super().__init__(
            f"{invoice} is still collected by the subscription's provider, which is being asked to stop. "
            "Nothing was booked. Try again in a minute."
        )


class CollectedElsewhere(Conflict):
    """Whoever charges it tries by its own clock, which no promise made here stops."""

    code = "collected_by_provider"
    detail = "A provider charges this invoice by itself, so nothing can be held back here."


class HoldRuns(Conflict):
    """Whoever records another day has not seen the one that runs."""

    code = "hold_runs"

    def __init__(self, *, by: str) -> None:
        super().__init__(f"{by} has named another day meanwhile. Look at it before you name yours.")


class PossibleDuplicate(Conflict):
    code = "possible_duplicate"
    detail = (
        "The same amount was sent less than a minute ago. If this is another payment, "
        "send it again with an Idempotency-Key of its own."
    )


class InvalidAmount(BadInput):
    """The provider's own bounds."""

    code = "invalid_amount"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, field="amount")


class PaymentInProgress(Conflict):
    code = "payment_in_progress"
    detail = "Another payment of this invoice is under way. Wait until it has ended, or give it up."


class MandateRequired(BadInput):
    code = "mandate_required"

    def __init__(self) -> None:
        super().__init__(
            "A bank account can be debited once it has been saved with its owner's mandate. Save it first, then pay.",
            field="paymentMethod.stripePaymentMethodId",
        )


class MethodNotFound(NotFound):
    """Also for a method of another tenant's: to this one it does not exist."""

    code = "payment_method_not_found"
    detail = "There is no such payment method. It may have been removed; choose or add another."


class OtherMethodType(BadInput):
    code = "other_method_type"

    def __init__(self, *, saved: str) -> None:
        super().__init__(
            f"This payment method is of the type {saved}. Send it with that type.", field="paymentMethod.type"
        )


class MethodNotChargeable(BadInput):
    code = "other_method_type"

    def __init__(self) -> None:
        super().__init__(
            "This payment method can't be charged as the type that was named. A bank account has to be saved first.",
            field="paymentMethod.type",
        )


class PaymentNotOpen(Conflict):
    code = "payment_not_open"
    detail = "This payment can't be given up any more: it has ended, or its money is on its way."


class NotApprovedYet(Conflict):
    code = "not_approved"
    detail = "Its payer has not agreed to this payment yet. Finish it on the page behind approvalUrl."


class PaymentActionRequired(PaymentFailed):
    code = "payment_action_required"
    detail = "The payer has to choose another way to pay, on the page behind approvalUrl. Nothing was charged."


class ReturnUrlNotAllowed(BadInput):
    code = "return_url_not_allowed"

    def __init__(self, field: str) -> None:
        super().__init__("This address is of a host that is not on the list of those allowed.", field=field)


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


class PaymentNotClearing(Conflict):
    code = "payment_not_clearing"
    detail = "Nobody has verified this payment yet. Verify it first; then its bank collects it."


class PayoutWaits(Conflict):
    """Only people know whether they have sent it."""

    code = "payout_waits"
    detail = "A refund of this payment waits to be sent. Say first that it was sent, or cancel it."


class CreditExceedsInvoice(BadInput):
    code = "credit_exceeds_invoice"

    def __init__(self, *, asked: Money, left: Money) -> None:
        super().__init__(
            f"Only {money_text(left)} of this invoice can still be credited; {money_text(asked)} is more than that.",
            field="amount",
        )


class MethodInUse(Conflict):
    code = "method_in_use"
    detail = "A payment with this method is still on its way. Remove the method once the payment has ended."


# --- What comes back -------------------------------------------------------------------------------------------------


class RefundExceedsPayment(BadInput):
    code = "refund_exceeds_payment"

    def __init__(self, *, asked: Money, left: Money) -> None:
        super().__init__(
            f"Only {money_text(left)} of this payment can still be given back; {money_text(asked)} is more than that.",
            field="amount",
        )


class AlreadyRefunded(Conflict):
    code = "already_refunded"
    detail = "All of this payment has been given back, or is about to be."


class AlreadyCredited(Conflict):
    """Giving it back as well would give the same money twice."""

    code = "already_credited"
    detail = "This was given back already by a credit note, or is the tenant's credit as it is."


class PaymentDisputed(Conflict):
    code = "payment_disputed"
    detail = "The payer's bank disputes this payment. Until that is decided nothing of it can be given back."


class PaymentNotRefundable(Conflict):
    code = "payment_not_refundable"
    detail = "The money of this payment is not here, so it can't be given back."


class NotSupportedByProvider(Conflict):
    code = "not_supported_by_provider"
    detail = (
        "This can't be sent back the way it came: its provider is off. Give it back as credit (destination: credit)."
    )


class RefundDiffers(Conflict):
    """Whoever asks has seen another split than would be booked now."""

    code = "refund_differs"
    detail = "Something has changed meanwhile, so nothing was given back. Look at what would be booked now."


class PayoutNotWaiting(Conflict):
    code = "payout_not_waiting"
    detail = "This refund does not wait for somebody to send it: it has ended, or is not approved."


class RefundNotWaiting(Conflict):
    code = "refund_not_waiting"
    detail = "Only a refund that waits for a second person can be canceled; this one is on its way or has ended."


# --- What a provider did not do. Raised by `provider_answers`, without the provider's own words. ----------------------


class ProviderDoesNotAnswer(Unavailable):
    code = "provider_unavailable"
    detail = "The payment provider does not answer right now. Nothing was charged. Try again in a minute."


class ProviderOutcomeUnknown(Unavailable):
    """No promise about money: the request left, and nobody knows what became of it."""

    code = "provider_outcome_unknown"
    detail = "The payment provider has not told us yet what came of this. Look again in a minute before you repeat it."


class ProviderKeyRefused(Unavailable):
    code = "provider_misconfigured"
    detail = "A mistake on our side keeps us from the payment provider. Nothing was charged. Try again later."
    retry_after = 300


class ProviderRefusedRequest(BadGateway):
    code = "provider_rejected"
    detail = "The payment provider did not take what we sent: a mistake on our side, which we have been told of."
