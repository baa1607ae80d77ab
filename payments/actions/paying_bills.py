"""Pay a bill that a provider made, by the provider itself: at once, in full, with a method that it keeps."""

from __future__ import annotations

from datetime import datetime

from billing_portal.kit.money import Money
from payments import queries
from payments.actions import calling
from payments.errors import CollectedByProvider, PartOfBill
from payments.models import Invoice, Payment
from payments.providers import registry
from payments.providers.base import Provider
from payments.providers.errors import OutcomeUnknown, ProviderUnavailable
from payments.providers.facts import Outcome, PaymentResult
from payments.providers.recurring import BillFacts, ChangesSubscriptions, MethodDeclined

FAILED = (Outcome.FAILED, Outcome.CANCELED)
# Why a request came to nothing: the bill was closed before it.
NOT_NEEDED = "not_needed"


def check_way(invoice: Invoice, amount: Money) -> None:
    """That so much of an invoice can be paid here, whichever way: of a provider's bill all or nothing, since it is
    collected, or said to be paid, as a whole.

    Raises PartOfBill, and CollectedByProvider where its provider can't be told.
    """
    if not queries.is_open_there(invoice):
        return
    if not can_be_told(invoice):
        raise CollectedByProvider
    is_open = queries.amounts(invoice).open
    if amount.minor < is_open:
        raise PartOfBill(due=Money(is_open, invoice.currency))


def can_be_told(invoice: Invoice) -> bool:
    """Whether the provider of a bill can be asked to be paid for it now, or not to collect it any more."""
    provider = registry.named(invoice.provider or "", ChangesSubscriptions)
    return provider is not None and provider.livemode == invoice.livemode


def is_its_bill(invoice: Invoice | None, provider: Provider) -> bool:
    """Whether the invoice is our copy of a bill that this provider has still to be paid for: it alone charges its own
    methods for that."""
    if invoice is None or not isinstance(provider, ChangesSubscriptions):
        return False
    return (invoice.provider, invoice.livemode) == (provider.name, provider.livemode) and queries.is_open_there(invoice)


def ask_to_pay(payment: Payment, now: datetime) -> PaymentResult:
    """One call, made of the row alone: the same row is the same charge. Raises ProviderError."""
    provider, reference = _bill_of(payment)
    try:
        bill = calling.call(
            "pay_bill",
            lambda: provider.pay_bill(reference, method_ref=payment.method_ref, key=f"pay:{payment.id}"),
            provider=provider,
            tenant_id=payment.tenant_id,
            payment_id=payment.id,
            now=now,
        )
    except MethodDeclined as error:
        if error.declined is None:
            raise
        return without_reference(error.declined)
    result = _result_of(bill)
    if result is None:
        raise OutcomeUnknown("The bill is open, and nothing has tried to pay it")
    return without_reference(result) if result.outcome is Outcome.FAILED else result


def read(payment: Payment, now: datetime) -> PaymentResult | None:
    """What has become of the bill; None while nothing pays it: then nobody can tell our request from one that never
    arrived. Raises ProviderError."""
    provider, reference = _bill_of(payment)
    bill = calling.call(
        "look_up_bill",
        lambda: provider.look_up_bill(reference),
        provider=provider,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        now=now,
    )
    result = _result_of(bill)
    is_last_try = result is not None and result.outcome in FAILED and bill.status == "open"
    return None if is_last_try else result


def without_reference(result: PaymentResult) -> PaymentResult:
    """A try that failed is over; the provider's payment, with which it tries again, is not."""
    return PaymentResult(
        Outcome.FAILED,
        failure_code=result.failure_code or "payment_failed",
        failure_message=result.failure_message,
        decline_code=result.decline_code,
        method=result.method,
    )


def _bill_of(payment: Payment) -> tuple[ChangesSubscriptions, str]:
    provider, invoice = registry.named(payment.provider, ChangesSubscriptions), payment.invoice
    if provider is None or invoice is None or invoice.provider_ref is None or not can_be_told(invoice):
        raise ProviderUnavailable(f"{payment.provider} is off")
    return provider, invoice.provider_ref


def _result_of(bill: BillFacts) -> PaymentResult | None:
    if bill.payment is None and bill.status != "open":
        return PaymentResult(
            Outcome.CANCELED,
            failure_code=NOT_NEEDED,
            failure_message="This invoice is not open any more. Nothing was charged.",
        )
    return bill.payment
