"""Make our books agree with a provider about one payment: read it again, then apply what was found.

Webhooks, the payer's return, retries and reconciliation all come here. An event is a hint; what is read is the truth.
Whoever reads an older state than another has applied does no harm: states, refunds and disputes move one way only.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing_portal.kit.actors import Actor
from billing_portal.kit.ids import uuid_in
from billing_portal.kit.moves import IllegalMove
from billing_portal.notices import outbox
from payments.actions import calling, disputing, paying_bills, refunding, settling, waiting
from payments.actions.discrepancies import report_discrepancy
from payments.models import Discrepancy, Payment
from payments.providers import registry
from payments.providers.base import Disputable, Refunds, TakesPayments
from payments.providers.errors import ProviderUnavailable, UnknownReference
from payments.providers.facts import DisputeFacts, Outcome, PaymentResult, RefundResult

Status = Payment.Status

# A request that the provider has not heard of for so long never reached it: beyond any timeout, ours or a proxy's.
NEVER_SENT_AFTER = timedelta(minutes=2)
# One whose payer was told that it is on its way is sent again meanwhile: the last time has to have its chance too.
GIVEN_UP_AFTER = timedelta(minutes=20)
# A row may be made by a clock that is ahead of the provider's.
CLOCKS_DIFFER_BY = timedelta(hours=1)
# By then a provider's lists show what was taken, and its page has lapsed.
LISTED_AFTER = timedelta(hours=3)
# After this an unknown outcome is somebody's to look into.
UNKNOWN_FOR_TOO_LONG = timedelta(hours=1)


def sync_payment(*, payment_id: UUID, actor: Actor, now: datetime) -> Payment:
    """The payment after its provider was asked, with `client_secret` while a step is left to the payer.

    1. Read the payment, and where something may have come back its refunds and disputes, with no transaction open.
    2. Apply each through its own door.
    A payment of no provider that can be asked is as it is. Raises ProviderError: nothing was changed.
    """
    payment = Payment.objects.select_related("tenant", "invoice").get(id=payment_id)
    provider = registry.named(payment.provider, TakesPayments)
    if provider is None:
        waiting.check_again_later(payment_id=payment.id, now=now)
        return payment
    try:
        result = _read(payment, provider, now)
    except UnknownReference:
        if payment.status == Status.REQUIRES_ACTION and payment.approval_url:
            return lapse(payment, actor=actor, now=now)
        if not _is_left_behind(payment, now):
            raise
        result = _found_again(payment, provider, now)
        if result is None:
            return _end_left_behind(payment, actor, now)
    if result is None:
        return _unheard(payment, actor, now)
    payment = _apply(payment, result, actor, now)
    arrived = payment.status in (Status.SUCCEEDED, Status.RETURNED) and payment.provider_ref
    if arrived and (result.may_have_come_back or payment.refunds.exists() or payment.disputes.exists()):
        payment = _sync_what_came_back(payment, provider, actor, now)
    payment.client_secret = result.client_secret
    # Only what we asked for is taken, and by one at a time.
    is_ours_to_take = waiting.is_to_be_taken(payment) and result.amount in (None, payment.amount)
    payment.can_capture = result.can_capture and is_ours_to_take
    return payment


def _is_left_behind(payment: Payment, now: datetime) -> bool:
    """Whether its money was asked for once, nobody is asking any more, and long enough ago for the provider's own lists
    to show what came of it."""
    asked = payment.claimed_until
    return bool(payment.outcome_unknown and asked and asked + LISTED_AFTER <= now)


def _found_again(payment: Payment, provider: TakesPayments, now: datetime) -> PaymentResult | None:
    """By our row's id, which the provider keeps with the money itself."""
    since = payment.created_at - CLOCKS_DIFFER_BY
    return calling.call(
        "find",
        lambda: provider.find(str(payment.id), since=since),
        provider=provider,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        now=now,
    )


def _end_left_behind(payment: Payment, actor: Actor, now: datetime) -> Payment:
    """The provider has forgotten it and lists no money for it: it ends, and staff hear of it. Money that comes all the
    same is booked."""
    report_discrepancy(
        kind=Discrepancy.Kind.MISSING_AT_PROVIDER,
        provider=payment.provider,
        provider_ref=payment.provider_ref or str(payment.id),
        amount=payment.amount,
        detail="It was asked for, no answer came, and the provider does not know it any more: it ended without money.",
        payment=payment,
        now=now,
    )
    return lapse(payment, actor=actor, now=now)


def lapse(payment: Payment, *, actor: Actor, now: datetime, claim: UUID | None = None) -> Payment:
    """Its payer did not agree in time, and the provider has forgotten it: no money can come of it any more."""
    lapsed = PaymentResult(
        Outcome.CANCELED,
        failure_code="lapsed",
        failure_message="This payment was not finished in time. Nothing was charged.",
    )
    return settling.settle_payment(
        payment_id=payment.id, result=lapsed, actor=actor, now=now, reason="lapsed", claim=claim
    )


def sync_by_reference(*, provider: str, payment_ref: str, actor: Actor, now: datetime) -> Payment | None:
    """The payment that a provider's reference stands for, after a sync; None when it is not ours.

    Before its first answer has come our row does not know the reference: then the provider's copy of our id leads to
    it, which is why the row is committed before anybody is asked. Raises ProviderError.
    """
    able = registry.named(provider, TakesPayments)
    if able is None:
        raise ProviderUnavailable(f"{provider} is off")
    mine = Payment.objects.filter(provider=provider, livemode=able.livemode)
    known = mine.filter(Q(provider_ref=payment_ref) | Q(capture_ref=payment_ref))
    payment_id = known.values_list("id", flat=True).first()
    if payment_id is None:
        try:
            result = able.look_up(payment_ref)
        except UnknownReference:
            return None
        payment_id = _named_by(result, provider)
    if payment_id is None:
        return None
    return sync_payment(payment_id=payment_id, actor=actor, now=now)


def _named_by(result: PaymentResult, provider: str) -> UUID | None:
    """The row that the provider's copy of our id names, if there is one of that provider's."""
    named = uuid_in(result.payment_id)
    if named is None:
        return None
    with transaction.atomic():
        row = Payment.objects.select_for_update(of=("self",)).filter(id=named, provider=provider).first()
        if row is None or row.provider_ref not in (None, result.provider_ref):
            return None
        if row.provider_ref is None:
            row.provider_ref = result.provider_ref
            row.save(update_fields=["provider_ref"])
    return row.id


def _read(payment: Payment, provider: TakesPayments, now: datetime) -> PaymentResult | None:
    """None when the provider does not know it. Once it does not show the payment any more it may still show its money,
    of which something may come back for half a year."""
    facts = {"provider": provider, "tenant_id": payment.tenant_id, "payment_id": payment.id, "now": now}
    reference = payment.provider_ref
    money_ref = payment.money_ref
    if payment.pays_bill and not reference:
        return paying_bills.read(payment, now)
    if reference and money_ref:
        try:
            return calling.call("look_up", lambda: provider.look_up(reference), **facts)  # type: ignore[arg-type]
        except UnknownReference:
            if money_ref == reference:
                raise
        result = calling.call("look_up", lambda: provider.look_up(money_ref), **facts)  # type: ignore[arg-type]
        return replace(result, provider_ref=reference)
    since = payment.created_at - CLOCKS_DIFFER_BY
    return calling.call("find", lambda: provider.find(str(payment.id), since=since), **facts)  # type: ignore[arg-type]


def _apply(payment: Payment, result: PaymentResult, actor: Actor, now: datetime) -> Payment:
    try:
        settled = settling.settle_payment(payment_id=payment.id, result=result, actor=actor, now=now)
    except IllegalMove:
        current = Payment.objects.select_related("tenant").get(id=payment.id)
        if current.status != payment.status:
            return current  # somebody has read a newer answer while we were reading
        if payment.status in settling.ENDED and (result.approval_url or result.can_capture):
            return payment  # given up by us alone, while its payer may go on agreeing to it: nobody else can take it
        report_discrepancy(
            kind=Discrepancy.Kind.STATE_DIFFERS,
            provider=payment.provider,
            provider_ref=str(payment.id),
            amount=payment.amount,
            detail=f"With us it is {payment.status}, with the provider {result.outcome.value}.",
            payment=payment,
            now=now,
        )
        return payment
    if settled.outcome_unknown or settled.status == Status.CREATED:
        waiting.check_again_later(payment_id=payment.id, now=now)
    return settled


def _unheard(payment: Payment, actor: Actor, now: datetime) -> Payment:
    """The provider does not know it. While the request may still be on its way, or is sent again, nobody can say that
    it never arrives; after that the payment ends, its key is free, and what was to be collected is collected anew."""
    if payment.status not in (Status.CREATED, Status.PROCESSING):
        return payment
    patience = NEVER_SENT_AFTER if payment.status == Status.CREATED else GIVEN_UP_AFTER
    if now - payment.created_at < patience:
        waiting.check_again_later(payment_id=payment.id, now=now)
        payment.is_unheard = True
        return payment
    nothing = PaymentResult(
        Outcome.CANCELED,
        failure_code="not_sent",
        failure_message="This payment never reached the payment provider. Nothing was charged.",
    )
    with transaction.atomic():
        ended = settling.settle_payment(
            payment_id=payment.id, result=nothing, actor=actor, now=now, reason="the provider never heard of it"
        )
        Payment.objects.filter(id=payment.id, status=Status.CANCELED).update(client_key=None)
        if payment.off_session and payment.invoice_id:
            outbox.write(
                topic="invoice.collect",
                payload={"invoiceId": str(payment.invoice_id)},
                tenant=payment.tenant,
                now=now,
                dedupe_key=f"invoice.collect:{payment.invoice_id}:after:{payment.id}",
            )
    ended.client_key = None
    return ended


def _sync_what_came_back(payment: Payment, provider: TakesPayments, actor: Actor, now: datetime) -> Payment:
    """Both lists are read before either is applied: the same money may be in the one now, and was in the other."""
    reference = payment.money_ref or ""
    facts = {"provider": provider, "tenant_id": payment.tenant_id, "payment_id": payment.id, "now": now}
    refunds: list[RefundResult] = []
    disputes: list[DisputeFacts] = []
    if isinstance(provider, Refunds):
        refunds = calling.call("refunds_of", lambda: provider.refunds_of(reference), **facts)  # type: ignore[arg-type]
    if isinstance(provider, Disputable):
        disputes = calling.call("disputes_of", lambda: provider.disputes_of(reference), **facts)  # type: ignore[arg-type]
    if refunds:
        refunding.adopt_refunds(payment_id=payment.id, results=refunds, disputes=disputes, actor=actor, now=now)
    if disputes:
        disputing.apply_disputes(payment_id=payment.id, facts=disputes, actor=actor, now=now)
    return Payment.objects.select_related("tenant").get(id=payment.id)
