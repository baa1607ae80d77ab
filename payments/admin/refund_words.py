"""How refunds are told at the desk: where the money goes, what will be booked, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages

from billing_portal.kit.desk import Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import moment_text
from billing_portal.kit.money import Money
from payments.actions.paying_out import is_paid_by_hand
from payments.admin.cells import amount, method_words, payment_title, state_badge
from payments.admin.refund_preview import Part
from payments.models import Payment, Refund

Status = Refund.Status
NOT_MINE = "You asked for this refund, and its amount needs a second person: somebody else has to approve it."
BEING_ASKED = (
    "The provider has not told us whether it gave this refund. It is being asked again and again; "
    "the amount stays reserved until then. Don't send the money another way."
)
ON_ITS_WAY = "The provider has this refund, and the payer's bank may take days. The amount is reserved until then."
TO_BE_SENT = (
    "Somebody has to send it: a check or a wire of ours. It is booked once they say so on the refund's page; "
    "its amount is reserved until then."
)
NOTHING_IN_PLACE = "What had been reserved for it is free again."


def goes_to(payment: Payment, destination: str) -> str:
    """'Visa ending 4242', 'the payer, by our check or wire' or 'the credit of Acme'."""
    if destination == "credit":
        return f"the credit of {payment.tenant}"
    return "the payer, by our check or wire" if is_paid_by_hand(payment) else method_words(payment)


def _on_its_way(refund: Refund) -> str:
    """What a pending one waits for."""
    if is_paid_by_hand(refund.payment):
        return TO_BE_SENT
    return BEING_ASKED if refund.outcome_unknown else ON_ITS_WAY


def refund_table(payment: Payment, given: Money, destination: str, reason: str) -> Table:
    """The one refund that is about to be made."""
    to = goes_to(payment, destination)
    row = (to[:1].upper() + to[1:], money_text(given), reason, link_to(payment, payment_title(payment)), payment.tenant)
    return Table("The refund", ("To", Num("Amount"), "Why", "Payment", "Tenant"), [row])


def parts_table(parts: Sequence[Part], destination: str, title: str = "What will be booked") -> Table:
    """Where it is taken from, and what documents each part."""
    note = "becomes credit" if destination == "credit" else "is refunded"
    rows: list[tuple[Any, ...]] = [
        (
            link_to(part.invoice) if part.invoice else "The tenant's credit",
            money_text(part.amount),
            money_text(part.tax) if part.tax is not None else "—",
            f"A credit note says that it {note}; the invoice stays paid" if part.invoice else "Leaves the credit",
        )
        for part in parts
    ]
    currency = parts[0].amount.currency
    foot: list[tuple[Any, ...]] = []
    if len(parts) > 1:
        taxes, amounts = (part.tax.minor for part in parts if part.tax), (part.amount.minor for part in parts)
        together = money_text(Money(sum(amounts), currency)), money_text(Money(sum(taxes), currency))
        foot = [("Together", *together, "")]
    return Table(title, ("Taken from", Num("Amount"), Num("Tax in it"), "Documented by"), rows, foot)


def refunds_table(refunds: Sequence[Refund], title: str = "Refunds") -> Table:
    """A payment's refunds."""
    rows = [
        (
            link_to(each, moment_text(each.created_at)),
            state_badge("refund", each.status),
            "Credit" if each.destination == "credit" else "Back to the source",
            each.reason or "—",
            amount(each.amount_minor, each.currency),
        )
        for each in refunds
    ]
    return Table(title, ("When", "Status", "To", "Why", Num("Amount")), rows)


def what_came_of_it(refund: Refund) -> tuple[int, str]:
    """The level of a message, and its sentence."""
    given = money_text(refund.amount)
    if refund.status == Status.AWAITING_APPROVAL:
        return messages.SUCCESS, f"The refund of {given} waits for a second person: somebody else has to approve it."
    if refund.status == Status.SUCCEEDED:
        notes = ", ".join(str(note) for note in refund.credit_notes.all())
        return messages.SUCCESS, f"{given} went to {goes_to(refund.payment, refund.destination)}." + (
            f" It is documented by {notes}." if notes else ""
        )
    if refund.status == Status.PENDING:
        return messages.WARNING if refund.outcome_unknown else messages.SUCCESS, f"{given}: {_on_its_way(refund)}"
    return messages.ERROR, f"The refund of {given} was {refund.get_status_display().lower()}. {NOTHING_IN_PLACE}"


def notices_of(refund: Refund, *, is_mine: bool) -> list[Notice]:
    """What a reader of its page must know first."""
    if refund.status == Status.AWAITING_APPROVAL:
        words = "Waits for a second person. Its amount is reserved; nothing has been given back."
        return [Notice("info", words), *([Notice("warning", NOT_MINE)] if is_mine else [])]
    if refund.status == Status.PENDING and refund.outcome_unknown:
        when = f" Next at {moment_text(refund.next_check_at)}." if refund.next_check_at else ""
        return [Notice("warning", f"{BEING_ASKED}{when}")]
    if refund.status == Status.PENDING:
        return [Notice("info", _on_its_way(refund))]
    if refund.status == Status.FAILED:
        code = f" ({refund.failure_code})" if refund.failure_code else ""
        return [Notice("error", f"The money came back or was refused{code}. {NOTHING_IN_PLACE}")]
    return []
