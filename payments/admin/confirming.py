"""What is said before payments are verified or rejected: what will be booked, and who has to leave it to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest

from billing_portal.kit.desk import Confirmation, Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from payments.admin.booking import Booking
from payments.admin.cells import amount, invoices_named, payment_title
from payments.admin.forms import RejectForm, VerifyForm
from payments.models import Payment

OTHERS_WORK = "You recorded this payment, and its amount needs a second person: somebody else has to verify it."


def is_for_another(payment: Payment, request: HttpRequest) -> bool:
    """Whether the person who asks recorded it and has to leave it to a second one."""
    return payment.needs_second_person and payment.recorded_by_id == request.user.pk


def verifying(
    payments: Sequence[Payment], bookings: Sequence[Booking], notices: Sequence[Notice], request: HttpRequest
) -> Confirmation:
    """What will be booked, and whether the bank has still to collect it. Without a button when nothing can be, or the
    one payment is for another."""
    mine = [payment for payment in payments if is_for_another(payment, request)]
    if mine:
        notices = [Notice("warning", OTHERS_WORK), *notices]
    notices = [*notices, *(Notice("warning", words) for booking in bookings for words in booking.warnings)]
    if len(bookings) == 1:
        notices = [*notices, Notice("info", f"When verified: {bookings[0].in_words}")]
    checks = [payment for payment in payments if payment.method == Payment.Method.CHECK]
    return Confirmation(
        title=_title("Verify", payments),
        button="" if mine or not payments else f"Verify and book {_them(payments)}",
        notices=notices,
        tables=[_bookings_table(payments, bookings)] if payments else [],
        hidden=[("shown", booking.mark_for(payment)) for payment, booking in zip(payments, bookings, strict=True)],
        form=_verify_form(request, len(checks), len(payments)) if checks and not mine else None,
    )


def rejecting(payments: Sequence[Payment], form: RejectForm, notices: Sequence[Notice] = ()) -> Confirmation:
    """The same for a rejection, with the form that asks for its reason."""
    return Confirmation(
        title=_title("Reject", payments),
        button=f"Reject {_them(payments)}" if payments else "",
        danger=True,
        notices=[*notices, Notice("info", "Nothing is booked: the invoice stays as it is, and the tenant is told.")],
        tables=[_payments_table(payments)] if payments else [],
        form=form if payments else None,
    )


def _verify_form(request: HttpRequest, checks: int, payments: int) -> VerifyForm:
    form = VerifyForm(request.POST if "shown" in request.POST else None)
    if payments > 1:
        form.fields["clears_later"].label = "They still have to clear" if checks > 1 else "The check still has to clear"
    return form


def for_list(asked: Confirmation, name: str, chosen: Sequence[Payment]) -> Confirmation:
    """As Django's list actions want it: the action and the ids come back with the POST."""
    ids = [(ACTION_CHECKBOX_NAME, str(payment.pk)) for payment in chosen]
    return Confirmation(
        title=asked.title,
        button=asked.button,
        notices=asked.notices,
        tables=asked.tables,
        form=asked.form,
        hidden=[*asked.hidden, ("action", name), *ids],
        danger=asked.danger,
    )


def _title(verb: str, payments: Sequence[Payment]) -> str:
    if not payments:
        return f"Nothing to {verb.lower()}"
    return f"{verb} {len(payments)} payments?" if len(payments) > 1 else f"{verb} this payment?"


def _them(payments: Sequence[Payment]) -> str:
    return "them" if len(payments) > 1 else "it"


def _bookings_table(payments: Sequence[Payment], bookings: Sequence[Booking]) -> Table:
    """A line for each invoice that a payment is meant for, and one for what becomes credit."""
    rows: list[tuple[Any, ...]] = []
    for payment, booking in zip(payments, bookings, strict=True):
        lines: list[tuple[Any, ...]] = [
            (link_to(part.invoice), money_text(part.amount), money_text(part.left)) for part in booking.parts
        ]
        if booking.to_credit or not lines:
            lines.append((f"The credit of {payment.tenant}", money_text(booking.to_credit), "—"))
        cells = _payment_cells(payment)
        rows += [(*(cells if not place else ("",) * len(cells)), *line) for place, line in enumerate(lines)]
    heads = (*_PAYMENT_HEADS, "Goes to", Num("Of it"), Num("Still due then"))
    return Table("What will be booked", heads, rows)


def _payments_table(payments: Sequence[Payment]) -> Table:
    heads = (*_PAYMENT_HEADS, "Invoice")
    rows = [(*_payment_cells(each), invoices_named(each)) for each in payments]
    return Table("What is rejected", heads, rows)


_PAYMENT_HEADS = ("Payment", "Tenant", "Recorded by", Num("Amount"))


def _payment_cells(payment: Payment) -> tuple[Any, ...]:
    recorder = "the tenant" if payment.declared_by_tenant else payment.recorded_by or "—"
    return (
        link_to(payment, payment_title(payment)),
        payment.tenant,
        recorder,
        amount(payment.amount_minor, payment.currency),
    )
