"""Issue invoices, apply what pays them, and move them to paid: the only code that does."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing_portal.kit.actors import Actor
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from payments import queries, share_queries, tax
from payments.actions import balance, numbering, paying_bills, posting
from payments.actions.history import note_move
from payments.errors import CurrencyMismatch
from payments.models import Allocation, Invoice, InvoiceLine, Payment, TaxLine
from payments.models.invoice import INVOICE_MOVES

# Read aloud on the phone and written on checks: nothing that looks like something else.
_CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
# More codes of one name and number than this, and two letters are too few to find a free pair soon.
MANY_CODES = 400


@dataclass(frozen=True)
class LineDraft:
    """A line before issue: `quantity` × `unit_amount` (minor units, with decimals) rounded once is `amount_minor`."""

    title: str
    quantity: Decimal
    unit_amount: Decimal
    amount_minor: int
    unit: str | None = None
    meter: str | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    derivation: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OfSubscription:
    """Which one is billed, and why (`Invoice.Reason`). Subscriptions live above this app."""

    id: UUID
    reason: str


@dataclass(frozen=True)
class ProvidersBill:
    """What a provider has billed by itself: its reference, its own number, and its tax."""

    provider: str
    livemode: bool
    provider_ref: str
    number: str | None = None
    taxes: Sequence[tax.Tax] = ()


def issue_invoice(
    *,
    tenant: Tenant,
    kind: str,
    currency: str,
    lines: Sequence[LineDraft],
    period_start: datetime,
    period_end: datetime,
    actor: Actor,
    now: datetime,
    usage_month: str | None = None,
    subscription: OfSubscription | None = None,
    sources: Sequence[balance.Source] | None = None,
    theirs: ProvidersBill | None = None,
) -> Invoice:
    """Issue one invoice in the caller's transaction: number, lines, tax, ledger, credit used, notice.

    1. Reckon lines and tax; lock what the tenant's credit came from. A caller that holds invoices already has locked
       it before them, and hands over as `sources` what may be used.
    2. Take the number, which locks its series until the transaction ends, and write the rows.
    3. Post the entry, then let the tenant's credit pay what it can.
    4. Leave in the outbox that it is to be sent and to be collected.
    With `theirs` it is the copy of a provider's bill: its tax is the provider's, it is due at once, and whoever made it
    collects it, so that no credit of ours pays it and nobody is asked to.
    Raises CurrencyMismatch; IntegrityError when the same usage month, or the same period of a subscription, was
    invoiced before.
    """
    assert transaction.get_connection().in_atomic_block, "an invoice is issued in its caller's transaction"
    if tenant.currency != currency:
        raise CurrencyMismatch(asked=currency, billed=tenant.currency or "no currency yet")
    taxes = theirs.taxes if theirs else tax.tax_lines(tenant, [line.amount_minor for line in lines])
    subtotal = sum(line.amount_minor for line in lines)
    tax_total = sum(each.amount_minor for each in taxes)
    if sources is None and theirs is None:
        sources = balance.lock_sources(tenant_id=tenant.id, currency=currency)
    number = numbering.take_number("INV", now)
    invoice = Invoice.objects.create(
        tenant=tenant,
        kind=kind,
        status=Invoice.Status.OPEN,
        currency=currency,
        subtotal_minor=subtotal,
        tax_minor=tax_total,
        total_minor=subtotal + tax_total,
        number=number.text,
        number_year=number.year,
        number_sequence=number.sequence,
        remittance_code=_remittance_code(tenant, number.sequence),
        created_at=number.issued_at,
        issued_at=number.issued_at,
        due_at=number.issued_at + timedelta(days=0 if theirs else tenant.payment_terms_days),
        period_start=period_start,
        period_end=period_end,
        usage_month=usage_month,
        subscription_ref=subscription.id if subscription else None,
        billing_reason=subscription.reason if subscription else "",
        provider=theirs.provider if theirs else None,
        livemode=bool(theirs and theirs.livemode),
        provider_ref=theirs.provider_ref if theirs else None,
        provider_number=theirs.number if theirs else None,
        billed_to={
            "name": tenant.name,
            "addressLines": tenant.address_lines.splitlines(),
            "country": tenant.country,
            "taxId": tenant.tax_id,
            "email": tenant.billing_email,
        },
    )
    _write_lines(invoice, lines, taxes)
    note_move(invoice, None, actor=actor, at=number.issued_at, reason="issued")
    posting.post([posting.invoice_issued(invoice)])
    balance.spend_on(invoice, sources or (), now=number.issued_at)
    close_if_covered(invoice, actor=actor, now=number.issued_at)
    for topic in () if theirs else ("invoice.issued", "invoice.collect"):
        outbox.write(
            topic=topic,
            payload={"invoiceId": str(invoice.id)},
            tenant=tenant,
            now=now,
            dedupe_key=f"{topic}:{invoice.id}",
        )
    return invoice


def _write_lines(invoice: Invoice, lines: Sequence[LineDraft], taxes: Sequence[tax.Tax]) -> None:
    InvoiceLine.objects.bulk_create(
        [
            InvoiceLine(
                tenant_id=invoice.tenant_id,
                invoice=invoice,
                position=position,
                title=line.title,
                meter=line.meter,
                unit=line.unit,
                quantity=line.quantity,
                unit_amount=line.unit_amount,
                amount_minor=line.amount_minor,
                tax_minor=sum(each.per_line[position] for each in taxes),
                period_start=line.period_start,
                period_end=line.period_end,
                derivation=line.derivation,
            )
            for position, line in enumerate(lines)
        ]
    )
    TaxLine.objects.bulk_create(
        [
            TaxLine(
                tenant_id=invoice.tenant_id,
                invoice=invoice,
                name=each.name,
                rate=each.rate,
                taxable_minor=each.taxable_minor,
                amount_minor=each.amount_minor,
            )
            for each in taxes
        ]
    )


def apply_payment(payment: Payment, *, actor: Actor, now: datetime) -> None:
    """Give a payment whose money has just come to the invoices it is meant for; the rest is the tenant's credit.

    The caller holds the payment's lock; here those of all its invoices are taken, by id, so that what is due is read
    and used by one payment at a time. The invoice that its payer named comes first, then the shares in their order,
    each up to what was meant for it. An invoice that is not open any more takes nothing: the money is credit then. A
    payment that `spreads` pays the tenant's other open invoices of its currency with what is left, longest due first.
    What of it was meant for an invoice that did not need it is a task for staff.
    """
    invoices, meant = _payable_by(payment)
    open_of = {invoice_id: amounts.open for invoice_id, amounts in queries.amounts_of(invoices.values()).items()}
    parts = share_queries.split(payment.amount_minor, meant, open_of)
    for invoice_id, part in parts:
        Allocation.objects.create(
            tenant_id=payment.tenant_id,
            invoice=invoices[invoice_id],
            payment=payment,
            amount_minor=part,
            created_at=now,
        )
        close_if_covered(invoices[invoice_id], actor=actor, now=now)
    allocated = sum(part for _, part in parts)
    posting.post([posting.payment_settled(payment, allocated_minor=allocated, at=now)])
    balance.add(tenant_id=payment.tenant_id, amount=Money(payment.amount_minor - allocated, payment.currency))


def _payable_by(payment: Payment) -> tuple[dict[UUID, Invoice], list[tuple[UUID, int]]]:
    """The open invoices that a payment may pay, locked in one order by everybody; and in the order they are paid, how
    much each may take at most."""
    meant = share_queries.meant_for(payment)
    named = [invoice_id for invoice_id, _ in meant]
    wanted = Q(id__in=named)
    if payment.spreads:
        wanted |= Q(tenant_id=payment.tenant_id, currency=payment.currency, status=Invoice.Status.OPEN)
    locked = list(Invoice.objects.filter(wanted).order_by("id").select_for_update()) if named else []
    found = {each.id: each for each in locked if each.status == Invoice.Status.OPEN}
    others = sorted(
        (each for each in found.values() if each.id not in named and each.provider is None),
        key=lambda each: (each.due_at, each.number),
    )
    return found, [*meant, *((each.id, payment.amount_minor) for each in others)]


def close_if_covered(invoice: Invoice, *, actor: Actor, now: datetime, is_known_there: bool = False) -> None:
    """Mark an open invoice paid when allocations and reducing credit notes cover its total. A provider that would still
    collect it hears of that; `is_known_there`: it has said so itself."""
    if invoice.status != Invoice.Status.OPEN or queries.amounts(invoice).open > 0:
        return
    INVOICE_MOVES.check(invoice.status, Invoice.Status.PAID)
    old, invoice.status, invoice.paid_at = invoice.status, Invoice.Status.PAID, now
    invoice.save(update_fields=["status", "paid_at"])
    note_move(invoice, old, actor=actor, at=now, reason="covered")
    note_settled(invoice, now)
    was_its_own = is_known_there or invoice.payments.filter(pays_bill=True, status__in=queries.ARRIVED).exists()
    if invoice.total_minor and not was_its_own:
        tell_provider(invoice, now, cause="covered")
    # Whoever is still at their bank's page for it would pay what nobody needs any more.
    for payment in invoice.payments.filter(status=Payment.Status.REQUIRES_ACTION).select_related("tenant"):
        outbox.write(
            topic="payment.unneeded",
            payload={"paymentId": str(payment.id)},
            tenant=payment.tenant,
            now=now,
            dedupe_key=f"payment.unneeded:{payment.id}:{now.isoformat()}",
        )


def tell_provider(invoice: Invoice, now: datetime, *, cause: str) -> None:
    """Leave in the outbox that a provider must hear that its bill was paid to us. `cause`: once for each."""
    if not paying_bills.can_be_told(invoice):
        return
    outbox.write(
        topic="bill.paid",
        payload={"invoiceId": str(invoice.id)},
        tenant=invoice.tenant,
        now=now,
        dedupe_key=f"bill.paid:{invoice.id}:{cause}",
    )


def note_settled(invoice: Invoice, now: datetime) -> None:
    """Leave in the outbox that a subscription's invoice is paid, or open again: it may be late by that."""
    if invoice.subscription_ref is None:
        return
    outbox.write(
        topic="invoice.settled",
        payload={"invoiceId": str(invoice.id), "subscriptionId": str(invoice.subscription_ref)},
        tenant=invoice.tenant,
        now=now,
        dedupe_key=f"invoice.settled:{invoice.id}:{invoice.status}:{now.isoformat()}",
    )


def _remittance_code(tenant: Tenant, sequence: int) -> str:
    """What a payer writes on a check: who, which invoice, and two letters that make a slip of the pen show.

    Numbers begin anew each year, so the same who and which may come back: then with other letters. Under the lock of
    the number series, which everybody holds who issues.
    """
    name = f"{tenant.slug[:12].upper()}-{sequence:04d}"
    taken = set(
        Invoice.objects.filter(remittance_code__startswith=f"{name}-").values_list("remittance_code", flat=True)
    )
    while True:
        letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(2 if len(taken) < MANY_CODES else 3))
        if (code := f"{name}-{letters}") not in taken:
            return code
