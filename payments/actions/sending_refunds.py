"""Ask a provider to give a refund that is reserved, or what became of it; never in a transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from payments.actions import calling
from payments.actions.discrepancies import report_discrepancy
from payments.actions.settling_refunds import adopt_refunds, ask_later, end_unsent, settle_refund
from payments.errors import (
    AlreadyRefunded,
    NotSupportedByProvider,
    PaymentDisputed,
    ProviderDoesNotAnswer,
    RefundExceedsPayment,
)
from payments.models import Discrepancy, Payment, Refund
from payments.provider_answers import answer_for
from payments.providers import registry
from payments.providers.base import Refunds
from payments.providers.errors import (
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    RefundTooLarge,
    UnknownReference,
)
from payments.providers.facts import RefundRequest, RefundResult

# By the word of each provider: nothing is left of the payment.
ALL_GIVEN_BACK = ("charge_already_refunded", "CAPTURE_FULLY_REFUNDED", "TRANSACTION_ALREADY_REFUNDED")
# By then a provider's list shows every refund that it has given.
LISTED_AFTER = timedelta(hours=1)
NOTHING_GIVEN = "The payment provider does not answer right now. Nothing was given back. Try again in a minute."


def send(*, refund_id: UUID, is_first: bool, actor: Actor, now: datetime) -> Refund:
    """The refund as it stands after the provider was asked to give it, under the key derived from our row: the same key
    is the same refund.

    `is_first`: it was never sent before, so that a refused connection means that nothing moved. Raises, with the refund
    canceled: RefundExceedsPayment, AlreadyRefunded, PaymentDisputed (the provider's books know more than ours, which
    follow them then), ProviderDoesNotAnswer and what else `answer_for` says.
    """
    refund = Refund.objects.select_related("payment").get(id=refund_id)
    payment, provider = refund.payment, registry.named(refund.payment.provider, Refunds)
    if provider is None or payment.money_ref is None:
        if not is_first:
            return ask_later(refund_id=refund.id, now=now)
        _end(refund, "this provider can't be asked", actor, now)
        raise NotSupportedByProvider
    request = RefundRequest(
        payment_ref=payment.money_ref,
        amount=refund.amount,
        key=f"refund:{refund.id}",
        metadata={
            "refund_id": str(refund.id),
            "payment_id": str(payment.id),
            "tenant_id": str(refund.tenant_id),
        },
    )
    try:
        result = calling.call(
            "refund",
            lambda: provider.refund(request),
            provider=provider,
            tenant_id=refund.tenant_id,
            payment_id=payment.id,
            refund_id=refund.id,
            now=now,
        )
    except OutcomeUnknown:
        return ask_later(refund_id=refund.id, now=now)
    except ProviderError as error:
        if not is_first and not _is_listed_by_now(refund, error, now):
            return ask_later(refund_id=refund.id, now=now)
        raise _refused(refund, provider, error, actor, now) from error
    return settle_refund(refund_id=refund.id, result=result, actor=actor, now=now)


def _is_listed_by_now(refund: Refund, error: ProviderError, now: datetime) -> bool:
    """Whether a refusal says something of a refund that was sent before: its first request may have been heard, and the
    provider's list, which was read a moment ago, shows that only after a while. Silence never says so."""
    first = refund.attempts.filter(operation="refund").order_by("at").values_list("at", flat=True).first()
    return not isinstance(error, ProviderUnavailable) and first is not None and first + LISTED_AFTER <= now


def _refused(refund: Refund, provider: Refunds, error: ProviderError, actor: Actor, now: datetime) -> BillingError:
    """Nothing was given back: the refund ends. What whoever asked for it is told."""
    payment = refund.payment
    if isinstance(error, ProviderUnavailable):
        _end(refund, "not sent", actor, now)
        return ProviderDoesNotAnswer(NOTHING_GIVEN)
    if isinstance(error, RefundTooLarge):
        _end(refund, "the provider has less left of the payment", actor, now)
        _follow(payment, provider, actor, now)
        return _too_large(payment, refund, error)
    _end(refund, f"not sent: {type(error).__name__}", actor, now)
    return answer_for(error)


def look_for(refund: Refund, *, now: datetime) -> RefundResult | None:
    """What the provider knows of a refund of ours; None when it never heard of it. Raises ProviderError."""
    payment, provider = refund.payment, registry.named(refund.payment.provider, Refunds)
    reference, payment_ref = refund.provider_ref, payment.money_ref
    if provider is None or payment_ref is None:
        raise ProviderUnavailable(f"{payment.provider} is off")
    facts = {
        "provider": provider,
        "tenant_id": refund.tenant_id,
        "payment_id": payment.id,
        "refund_id": refund.id,
        "now": now,
    }
    if reference:
        try:
            return calling.call("look_up_refund", lambda: provider.look_up_refund(reference), **facts)  # type: ignore[arg-type]
        except UnknownReference:
            _report_missing(payment, refund, now)
            raise
    known = calling.call("refunds_of", lambda: provider.refunds_of(payment_ref), **facts)  # type: ignore[arg-type]
    return next((each for each in known if each.refund_id == str(refund.id)), None)


def _end(refund: Refund, reason: str, actor: Actor, now: datetime) -> None:
    end_unsent(refund_id=refund.id, reason=reason, actor=actor, now=now)


def _follow(payment: Payment, provider: Refunds, actor: Actor, now: datetime) -> None:
    """The provider gave back what we don't know of: look, and follow."""
    reference = payment.money_ref or ""
    try:
        known = calling.call(
            "refunds_of",
            lambda: provider.refunds_of(reference),
            provider=provider,
            tenant_id=payment.tenant_id,
            payment_id=payment.id,
            now=now,
        )
    except ProviderError:
        return  # its webhook, or the next comparison, brings it
    adopt_refunds(payment_id=payment.id, results=known, actor=actor, now=now)


def _too_large(payment: Payment, refund: Refund, error: RefundTooLarge) -> BillingError:
    if error.code in ALL_GIVEN_BACK:
        return AlreadyRefunded()
    if error.code:
        return PaymentDisputed()
    given = payment.refunds.filter(status__in=[Refund.Status.PENDING, Refund.Status.SUCCEEDED], destination="source")
    left = payment.amount_minor - sum(given.values_list("amount_minor", flat=True)) - payment.returned_minor
    return RefundExceedsPayment(asked=refund.amount, left=Money(max(0, left), payment.currency))


def _report_missing(payment: Payment, refund: Refund, now: datetime) -> None:
    report_discrepancy(
        kind=Discrepancy.Kind.MISSING_AT_PROVIDER,
        provider=payment.provider,
        provider_ref=refund.provider_ref or str(refund.id),
        amount=refund.amount,
        detail="The provider does not know this refund any more.",
        payment=payment,
        now=now,
    )
