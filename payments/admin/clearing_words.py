"""What is said before a check is marked as cleared or returned, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing_portal.kit.desk import Confirmation, Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from payments import queries, refund_queries
from payments.actions.clearing import FEE_TITLE
from payments.admin.cells import amount, invoices_named, payment_named, payment_title, payment_words
from payments.admin.forms import ReturnForm
from payments.admin.return_preview import ReturnPreview, return_preview
from payments.models import Payment

IN_CLEARING = (
    "Verified, and its bank has still to pay it. It has paid its invoices, and invoices may use the rest of it as "
    "credit; nothing of it can be given back until it has cleared."
)
PAYOUT_WAITS = (
    "A refund of it waits to be sent, and only people know whether it was. Say so on the refund's page first, or that "
    "it won't be sent."
)


def already(payment: Payment) -> str:
    """What was said of a payment before, and by whom."""
    change = queries.history("payment", payment.id).last()
    word = "cleared" if payment.status == Payment.Status.SUCCEEDED else payment.get_status_display().lower()
    by = f" by {change.actor_label}" if change else ""
    return f"{payment_named(payment)} was {word} already{by}. Nothing was changed."


def not_clearing(payment: Payment) -> str:
    """Why a bank has nothing to do with it: it was decided before, or nobody has verified it."""
    if payment.provider != "manual":
        return f"{payment_named(payment)} came by a provider: no check is collected. Nothing was changed."
    if payment.status == Payment.Status.AWAITING_REVIEW:
        return f"{payment_named(payment)} is not verified yet. Nothing was changed."
    return already(payment)


def clearing_asked(payments: Sequence[Payment], notices: Sequence[Notice] = ()) -> Confirmation:
    """Without a button when none of them waits to clear."""
    if not payments:
        return Confirmation(title="Nothing to clear", notices=notices)
    many = len(payments) > 1
    told = "The money moves from what is not deposited to the bank account. Nothing else changes, and no mail is sent."
    rows = [(link_to(each, payment_title(each)), each.tenant, invoices_named(each), _money(each)) for each in payments]
    foot = []
    for currency in sorted({each.currency for each in payments}):
        sum_of = sum(each.amount_minor for each in payments if each.currency == currency)
        foot.append(("Together", "", "", amount(sum_of, currency)))
    return Confirmation(
        title=f"Has the bank paid these {len(payments)} checks?" if many else "Has the bank paid this check?",
        button="They have cleared" if many else "It has cleared",
        notices=[*notices, Notice("info", told)],
        tables=[Table("What has cleared", ("Payment", "Tenant", "Invoice", Num("Amount")), rows, foot if many else ())],
    )


def returning_asked(payment: Payment, form: ReturnForm, notices: Sequence[Notice]) -> Confirmation:
    """The form with what comes back; or, once that is filled in, the same with the fee, to be confirmed."""
    is_ready = form.is_bound and form.is_valid()
    preview = return_preview(payment, form.cleaned_data["fee"] if is_ready else None)
    notices = [*notices, *_warnings(preview)]
    tables = [_comes_back(payment, preview)]
    if preview.is_blocked:
        return Confirmation(title=f"{payment_title(payment)} can't be returned now", notices=notices, tables=tables)
    if not is_ready:
        return Confirmation(
            title=f"Did the bank send back {_in_sentence(payment)}?",
            button="See what will be booked",
            notices=notices,
            tables=tables,
            form=form,
        )
    if preview.fee:
        tables.append(_fee_table(preview))
    wanted = form.cleaned_data
    told = Notice("info", f"The tenant is told, with the reason: “{wanted['reason']}”.")
    typed = [("reason", wanted["reason"]), ("fee", wanted["fee"].decimal_text() if wanted["fee"] else "")]
    return Confirmation(
        title=f"Book {_in_sentence(payment)} as returned?",
        button="It was returned",
        notices=[*notices, told],
        tables=tables,
        hidden=[*typed, ("shown", preview.shown)],
        danger=True,
    )


def what_came_back(payment: Payment) -> str:
    """'Check 20984 for $9,000.00 is returned: INV-1 and INV-2 ask for it again, …'."""
    back = payment.allocations.filter(created_at=payment.updated_at, amount_minor__lt=0).select_related("invoice")
    back = back.order_by("invoice__number_year", "invoice__number_sequence")
    parts = [f"{_text(-part.amount_minor, payment)} is due again on {part.invoice}" for part in back]
    if credit := payment.returned_minor + sum(part.amount_minor for part in back):
        parts.append(f"the credit is {_text(credit, payment)} less")
    if fee := refund_queries.return_fee(payment):
        parts.append(f"{fee} bills the fee of {money_text(fee.total)}")
    return f"{payment_named(payment)} is returned: {', '.join(parts) or 'nothing of it was left'}."


def _warnings(preview: ReturnPreview) -> list[Notice]:
    found = []
    if preview.is_blocked:
        found.append(Notice("error", PAYOUT_WAITS))
    if preview.canceled:
        word = "A refund of it that nobody has approved is" if preview.canceled == 1 else "Refunds of it that wait are"
        found.append(Notice("warning", f"{word} canceled."))
    if preview.paid_out and not preview.is_blocked:
        words = f"{money_text(preview.paid_out)} of it had been refunded. That is booked as lost"
        found.append(Notice("warning", f"{words}: it will stand among the discrepancies."))
    return found


def _comes_back(payment: Payment, preview: ReturnPreview) -> Table:
    rows: list[tuple[Any, ...]] = [
        (
            link_to(each.invoice),
            money_text(each.amount),
            "is open again" if each.was_paid else "stays open",
            money_text(each.due),
        )
        for each in preview.reopened
    ]
    if preview.credit:
        left = queries.credit_balance(payment.tenant, payment.currency) - preview.credit
        rows.append((f"The credit of {payment.tenant}", money_text(preview.credit), "is lowered", money_text(left)))
    heads = ("From", Num("Comes back"), "What becomes of it", Num("Then"))
    return Table(
        "What comes back",
        heads,
        rows,
        empty="Nothing of it is left.",
        note="Invoices ask for it again by their first due dates." if preview.reopened else "",
    )


def _fee_table(preview: ReturnPreview) -> Table:
    assert preview.fee
    due = preview.fee.total - preview.fee.from_credit
    heads = ("Line", Num("With its tax"), Num("Paid by other credit"), Num("To be paid"))
    row = (FEE_TITLE, money_text(preview.fee.total), money_text(preview.fee.from_credit), money_text(due))
    return Table("An invoice for the fee, on the tenant's terms", heads, [row])


def _in_sentence(payment: Payment) -> str:
    """'check 20984 for $9,000.00'."""
    return f"{payment_words(payment)} for {money_text(payment.amount)}"


def _text(minor: int, payment: Payment) -> str:
    return money_text(Money(minor, payment.currency))


def _money(payment: Payment) -> Any:
    return amount(payment.amount_minor, payment.currency)
