"""Take a bill that a provider made by itself into our books: our invoice for it, and the money that it collected."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money, split
from billing_portal.tenants.models import Tenant
from payments import queries
from payments.actions import crediting, invoicing, opening, paying_bills, settling
from payments.actions.discrepancies import report_discrepancy
from payments.actions.invoicing import LineDraft, OfSubscription, ProvidersBill
from payments.models import Discrepancy, Invoice, Payment
from payments.naming import provider_name
from payments.providers.base import Provider
from payments.providers.errors import ProviderUnavailable
from payments.providers.facts import Outcome, PaymentResult
from payments.providers.recurring import BillFacts, BillLine
from payments.tax import Tax

Status = Payment.Status
# A client's own key is plain ASCII: no client can take the place of this one.
_KEY = "\N{SECTION SIGN}bill:"
# What is left of a bill in one of these is owed by nobody.
_DROPPED = ("void", "uncollectible")
MONEY = (Outcome.SUCCEEDED, Outcome.PROCESSING)


@transaction.atomic
def book_bill(
    *, tenant_id: UUID, subscription_id: UUID, bill: BillFacts, provider: Provider, actor: Actor, now: datetime
) -> Invoice | None:
    """Make our books say what the provider's bill says; None for one that never asked for money. Booked before, only
    what is new of it is booked: by its reference, held by the database, it is one invoice for ever.

    1. Lock the tenant, then find our invoice or issue it, with the provider's lines and tax and our own number.
    2. What the provider paid out of a credit of its own is noted; a bill that it has dropped asks for nothing more.
    3. Each payment goes through `settling`: by the provider's reference it is one row, a try that failed is a row of
       its own without it, since the next try may be of the same payment.
    """
    tenant = Tenant.objects.select_for_update(no_key=True).get(id=tenant_id)
    invoice = Invoice.objects.filter(
        provider=provider.name, livemode=provider.livemode, provider_ref=bill.provider_ref
    ).first()
    if invoice is None:
        if bill.status == "draft" or bill.status in _DROPPED:
            return None
        if bill.total.minor < 0:
            report_bill(
                bill, provider, "The provider keeps this as credit for later bills of its own. Nothing was booked.", now
            )
            return None
        invoice = _issue(tenant, subscription_id, bill, provider, actor, now)
    elif (invoice.total_minor, invoice.currency) != (bill.total.minor, bill.total.currency):
        report_bill(bill, provider, f"Ours is {invoice.total}. Nothing of it was changed.", now)
        return invoice
    if bill.credited and bill.credited.minor > 0 and not invoice.credit_notes.exists():
        _credit(invoice, bill.credited.minor, f"Paid out of credit at {provider_name(provider.name)}", actor, now)
    if bill.payment:
        _book_payment(tenant, invoice, bill, bill.payment, provider, actor, now)
    invoice.refresh_from_db()
    _compare_state(invoice, bill, provider, actor, now)
    invoice.refresh_from_db()
    return invoice


def _compare_state(invoice: Invoice, bill: BillFacts, provider: Provider, actor: Actor, now: datetime) -> None:
    """What is closed there and open here, or the other way round."""
    if bill.status in _DROPPED and invoice.status == Invoice.Status.OPEN:
        _credit(invoice, queries.amounts(invoice).payable, "The provider asks for it no more", actor, now)
    if bill.is_collected and invoice.collection_stopped_at:
        Invoice.objects.filter(id=invoice.id).update(collection_stopped_at=None)  # whoever needs it stops it again
    if bill.status == "open" and invoice.status == Invoice.Status.PAID and not _is_being_paid(bill):
        invoicing.tell_provider(invoice, now, cause=now.isoformat())
    is_said = invoice.collection_stopped_at is not None  # by us, of money that has gone back since
    if bill.status == "paid" and not bill.payment and invoice.status == Invoice.Status.OPEN and not is_said:
        report_bill(bill, provider, "It is paid there by nothing that the provider took. Find what paid it.", now)


def _issue(
    tenant: Tenant, subscription_id: UUID, bill: BillFacts, provider: Provider, actor: Actor, now: datetime
) -> Invoice:
    weights = [line.amount.minor for line in bill.lines]
    taxes = [
        Tax(
            name=each.name,
            rate=Decimal(each.rate),
            taxable_minor=each.taxable.minor,
            amount_minor=each.amount.minor,
            per_line=split(each.amount.minor, weights),
        )
        for each in bill.taxes
    ]
    period = bill.period or (bill.issued_at, bill.issued_at)
    return invoicing.issue_invoice(
        tenant=tenant,
        kind=Invoice.Kind.SUBSCRIPTION,
        currency=bill.total.currency,
        lines=[_line(line, provider) for line in bill.lines],
        period_start=period[0],
        period_end=period[1],
        subscription=OfSubscription(
            subscription_id, Invoice.Reason.CHANGE if bill.is_change else Invoice.Reason.PERIOD
        ),
        theirs=ProvidersBill(provider.name, provider.livemode, bill.provider_ref, bill.number, taxes),
        actor=actor,
        now=now,
    )


def _line(line: BillLine, provider: Provider) -> LineDraft:
    """Quantity and price as far as they make up the amount to the cent; else the amount alone."""
    seats, rest = max(1, line.seats), line.amount.minor % max(1, line.seats)
    quantity = 1 if rest else seats
    return LineDraft(
        title=line.title[:200],
        quantity=Decimal(quantity),
        unit_amount=Decimal(line.amount.minor) / quantity,
        amount_minor=line.amount.minor,
        unit=None if rest else "seat",
        period_start=line.period[0] if line.period else None,
        period_end=line.period[1] if line.period else None,
        derivation={
            "kind": "provider",
            "provider": provider.name,
            "seats": line.seats,
            "isProration": line.is_proration,
            "currency": line.amount.currency,
            "amount": line.amount.minor,
        },
    )


def _book_payment(
    tenant: Tenant,
    invoice: Invoice,
    bill: BillFacts,
    result: PaymentResult,
    provider: Provider,
    actor: Actor,
    now: datetime,
) -> None:
    failed = result.outcome in paying_bills.FAILED
    known = _known(invoice, result, provider)
    if known and not (failed and known.status in queries.ARRIVED):
        if not failed:
            _settle(known, result, provider, actor, now)
        elif known.provider_ref:
            _end_try(known, bill, result, provider, actor, now)
        return  # who is asking for it right now hears of the failure
    key = f"{_KEY}{bill.provider_ref}"
    waited = Payment.objects.filter(tenant=tenant, client_key=key).first()
    if waited and waited.status in (Status.FAILED, Status.CANCELED):
        _end_try(waited, bill, result, provider, actor, now)  # by its own event before
    key += f":{bill.tries}" if failed else ""
    if Payment.objects.filter(tenant=tenant, client_key=key).exists():
        return
    if not _makes_way(invoice, result.outcome, actor, now):
        return
    amount = result.amount or Money(queries.amounts(invoice).open, invoice.currency)
    if not amount.minor:
        return
    Invoice.objects.select_for_update(no_key=True).get(id=invoice.id)
    payment = opening.open_billed_payment(
        invoice=invoice,
        amount=amount,
        method=_method(result, provider),
        provider_ref=None if failed else result.provider_ref,
        key=key,
        actor=actor,
        now=now,
    )
    _settle(payment, paying_bills.without_reference(result) if failed else result, provider, actor, now)


def _known(invoice: Invoice, result: PaymentResult, provider: Provider) -> Payment | None:
    """The row of this try: by the provider's reference, else the one that is open. A bill has one payment at a time,
    whoever asked for it."""
    if result.provider_ref:
        found = Payment.objects.filter(
            provider=provider.name, livemode=provider.livemode, provider_ref=result.provider_ref
        ).first()
        if found:
            return found
    open_ones = (*queries.RESERVING, Status.REQUIRES_ACTION)
    return Payment.objects.filter(invoice=invoice, pays_bill=True, status__in=open_ones).first()


def _is_being_paid(bill: BillFacts) -> bool:
    return bill.payment is not None and bill.payment.outcome in MONEY


def _makes_way(invoice: Invoice, outcome: Outcome, actor: Actor, now: datetime) -> bool:
    """Whether there is room for another payment of it. One that waits for its payer elsewhere ends where money has come
    this way, or is on it; a try that failed, or that waits for its payer, too, is not told beside it. Beside one that
    is being taken right now there is none: raises ProviderUnavailable, so that the bill is read again."""
    elsewhere = Payment.objects.filter(invoice=invoice, pays_bill=False)
    if outcome not in MONEY:
        return not elsewhere.filter(status__in=(*queries.RESERVING, Status.REQUIRES_ACTION)).exists()
    if elsewhere.filter(status__in=queries.RESERVING).exists():
        raise ProviderUnavailable(f"Another payment of {invoice} is being taken")
    for payment in elsewhere.filter(status=Status.REQUIRES_ACTION):
        over = PaymentResult(Outcome.CANCELED)
        settling.settle_payment(
            payment_id=payment.id, result=over, actor=actor, now=now, reason="its invoice was paid otherwise"
        )
    return True


def _settle(payment: Payment, result: PaymentResult, provider: Provider, actor: Actor, now: datetime) -> None:
    reason = f"by {provider_name(provider.name)}"
    settling.settle_payment(payment_id=payment.id, result=result, actor=actor, now=now, reason=reason)


def _end_try(
    payment: Payment, bill: BillFacts, result: PaymentResult, provider: Provider, actor: Actor, now: datetime
) -> None:
    """One that waited for its payer, and came to nothing. Where the provider had begun it, the next try takes its
    place."""
    if payment.status not in (Status.FAILED, Status.CANCELED):
        over = result if result.outcome is Outcome.CANCELED else paying_bills.without_reference(result)
        _settle(payment, over, provider, actor, now)
    if payment.client_key != f"{_KEY}{bill.provider_ref}":
        return
    key = f"{_KEY}{bill.provider_ref}:{bill.tries}"
    if Payment.objects.filter(tenant_id=payment.tenant_id, client_key=key).exists():
        key += f":{payment.id}"
    Payment.objects.filter(id=payment.id).update(client_key=key)


def _method(result: PaymentResult, provider: Provider) -> str:
    if result.method and result.method.type in Payment.Method.values:
        return result.method.type
    return next(iter(sorted(provider.methods & set(Payment.Method.values))), Payment.Method.OTHER)


def _credit(invoice: Invoice, minor: int, reason: str, actor: Actor, now: datetime) -> None:
    if minor > 0:
        amount = Money(minor, invoice.currency)
        crediting.credit_bill(invoice_id=invoice.id, amount=amount, reason=reason, actor=actor, now=now)


def report_bill(
    bill: BillFacts, provider: Provider, detail: str, now: datetime, *, tenant: Tenant | None = None
) -> None:
    """For staff: what our books do not say, or can't."""
    report_discrepancy(
        kind=Discrepancy.Kind.AMOUNT_DIFFERS,
        provider=provider.name,
        provider_ref=bill.provider_ref,
        amount=Money(abs(bill.total.minor), bill.total.currency),
        detail=f"Bill of {bill.total}. {detail}",
        tenant=tenant,
        now=now,
    )
