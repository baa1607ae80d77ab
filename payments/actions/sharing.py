"""One check over several invoices: what of it is for which, checked when it is taken down and kept with it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BadInput, FieldError, NotFound
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments import queries
from payments.actions import paying_bills
from payments.errors import AlreadyPaid, CollectedByProvider, InvoiceNotOpen, PartOfBill
from payments.models import Invoice, Payment, PaymentShare

Share = tuple[Invoice, Money]


def check_shares(tenant: Tenant, amount: Money, invoice: Invoice | None, shares: Sequence[Share]) -> None:
    """That everything it is for can be paid. Locks the invoice named and those of the shares, by id.

    Raises NotFound (another tenant's), AlreadyPaid, InvoiceNotOpen, CollectedByProvider and PartOfBill for the invoice
    that is named; BadInput with a field for each share that can't be, and for all of them together when they are more
    than the amount, or leave nothing of it for the invoice that is named.
    """
    found = _locked(tenant, [*([invoice.id] if invoice else []), *(each.id for each, _ in shares)])
    if invoice:
        if found[invoice.id].status == Invoice.Status.PAID:
            raise AlreadyPaid
        if found[invoice.id].status != Invoice.Status.OPEN:
            raise InvoiceNotOpen
    seen = {invoice.id} if invoice else set()
    amounts, wrong = queries.amounts_of(found.values()), []
    for position, (each, share) in enumerate(shares):
        row = found[each.id]
        if problem := _problem(row, share, Money(amounts[row.id].open, row.currency), amount, is_again=row.id in seen):
            wrong.append(FieldError(f"shares[{position}].{problem[0]}", *problem[1:]))
        seen.add(row.id)
    if wrong:
        raise BadInput.of(wrong)
    together = sum(share.minor for _, share in shares)
    if together > amount.minor:
        raise BadInput("The shares are more than the amount.", code="shares_exceed_amount", field="shares")
    if invoice:
        paying_bills.check_way(found[invoice.id], Money(amount.minor - together, amount.currency))
    if invoice and together == amount.minor and shares:
        words = "The shares leave nothing for the invoice that is named. Leave some, or name none."
        raise BadInput(words, code="nothing_left", field="shares")


def write_shares(payment: Payment, shares: Sequence[Share]) -> None:
    """With the payment, in its transaction: they are not rewritten."""
    PaymentShare.objects.bulk_create(
        [
            PaymentShare(
                tenant_id=payment.tenant_id,
                payment=payment,
                invoice=invoice,
                amount_minor=share.minor,
                position=position,
            )
            for position, (invoice, share) in enumerate(shares)
        ]
    )


def _locked(tenant: Tenant, ids: Sequence[UUID]) -> dict[UUID, Invoice]:
    found = {each.id: each for each in queries.invoices(tenant).filter(id__in=ids).order_by("id").select_for_update()}
    if set(ids) - set(found):
        raise NotFound
    return found


def _problem(
    row: Invoice, share: Money, is_open: Money, amount: Money, *, is_again: bool
) -> tuple[str, str, str] | None:
    """(field, code, sentence)."""
    if is_again:
        return "invoice", "named_twice", f"{row} is named twice."
    if row.currency != amount.currency or share.currency != amount.currency:
        return "amount", "currency_mismatch", f"The payment is in {amount.currency.upper()}; this is not."
    if row.status != Invoice.Status.OPEN:
        code = AlreadyPaid.code if row.status == Invoice.Status.PAID else InvoiceNotOpen.code
        return "invoice", code, f"{row} is not open, so nothing can be meant for it."
    if share.minor <= 0:
        return "amount", "too_small", "The amount must be 1 or more."
    if share > is_open:
        return "amount", "amount_exceeds_due", f"Only {money_text(is_open)} of {row} is open."
    try:
        paying_bills.check_way(row, share)
    except (CollectedByProvider, PartOfBill) as error:
        return "invoice" if isinstance(error, CollectedByProvider) else "amount", error.code, error.detail
    return None
