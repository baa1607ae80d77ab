"""What needs attention, as notices: worst first, at most three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse

from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import long_text
from billing_portal.tenants.models import Tenant
from payments import hold_queries, queries, share_queries
from payments.declines import declined_sentence
from payments.models import CollectionHold, Invoice, Payment
from payments.pages.at_paypal import is_at_paypal, page_of
from payments.pages.hold_words import hold_text, hold_title
from payments.pages.onward import pay_url
from payments.pages.paying import takes_payments
from payments.pages.payment_notice import waiting_notice
from payments.pages.standing import apart, days_between
from payments.pages.stripe_js import takes_new_cards
from payments.pages.words import in_sentence, money_of, payment_name
from payments.share_queries import Coming

MOST = 3
# How long a payment that we did not find is told about when no invoice waits for it.
TOLD_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Notice:
    """What parts/notice.html shows; `actions` are label, url and main."""

    tone: str
    title: str
    text: str = ""
    actions: list[dict[str, object]] = field(default_factory=list)
    icon_name: str = ""


def notices(tenant: Tenant, now: datetime, *, may_pay: bool) -> list[Notice]:
    """Late invoices, payments that came to nothing, and what is being checked. Only who may pay is asked to."""
    waiting = list(queries.waiting_invoices(tenant, now))
    amounts = queries.amounts_of(waiting)
    named = queries.payments(tenant).filter(id__in=[each.last_payment_id for each in waiting if each.last_payment_id])  # type: ignore[attr-defined]
    last = {payment.id: payment for payment in named}
    holds = hold_queries.holds_of(waiting, now)
    under_way = {invoice_id: apart(rows)[0] for invoice_id, rows in share_queries.open_payments_for(waiting).items()}
    found = [
        _invoice_notice(
            each,
            amounts[each.id].open,
            last.get(each.last_payment_id),  # type: ignore[attr-defined]
            under_way.get(each.id, []),
            now,
            may_pay=may_pay,
            hold=holds.get(each.id),
        )
        for each in sorted(waiting, key=lambda each: (not each.is_overdue(now), each.due_at))
    ]
    lost = queries.payments(tenant).filter(
        invoice=None, status__in=queries.CAME_TO_NOTHING, updated_at__gt=now - TOLD_FOR
    )
    found += [_lost_notice(payment) for payment in lost[:MOST]]
    if len(found) > MOST:
        found = [*found[: MOST - 1], _more(len(found) - MOST + 1)]
    told = {each.payment.id for rows in under_way.values() for each in rows}
    coming = queries.coming_payments(tenant).exclude(id__in=told).select_related("invoice")
    found += [_coming_notice(payment) for payment in coming.prefetch_related("shares__invoice")[:MOST]]
    return found[:MOST]


def _invoice_notice(
    invoice: Invoice,
    open_minor: int,
    last: Payment | None,
    coming: Sequence[Coming],
    now: datetime,
    *,
    may_pay: bool,
    hold: CollectionHold | None = None,
) -> Notice:
    """`last` is the newest payment that named it; one on its way that is newer, or that names others too, is told of
    instead."""
    assert invoice.due_at
    if coming and (last is None or coming[0].payment.created_at >= last.created_at):
        last = coming[0].payment
    is_coming = last is not None and last.status in queries.ON_THEIR_WAY
    rest = open_minor - sum(each.minor for each in coming) if is_coming else open_minor
    is_covered = is_coming and rest <= 0
    money = money_of(open_minor if is_covered else rest, invoice.currency)
    how = "" if takes_payments(invoice.currency) else f"Pay by check or wire with the code {invoice.remittance_code}."
    pay = _pay(invoice, money)
    cause = _cause(last)
    waits = last is not None and last.status == Payment.Status.REQUIRES_ACTION and _can_go_on(last)
    if hold and not is_coming and not waits:
        text = f"{cause}{money} of {invoice.number} is open. {hold_text(hold)}"
        return Notice("info", hold_title(hold), text, [pay if may_pay else _open(invoice.id)], "clock")
    if invoice.is_overdue(now):
        days = count_text(max(1, days_between(invoice.due_at, now)), "day")
        title = f"Invoice {invoice.number} is {days} overdue"
        if is_covered:
            return Notice("bad", title, f"{cause}Until it is here, {money} stays due.", [_open(invoice.id)])
        return Notice(
            "bad",
            title,
            f"{cause}{money} has been due since {long_text(invoice.due_at)}. {how}".strip(),
            [_confirm(last) if waits and last and may_pay else pay if may_pay else _open(invoice.id)],
        )
    if waits and last:
        return _confirm_notice(invoice, last, may_pay=may_pay)
    title = f"{payment_name(last)} did not pay invoice {invoice.number}" if last else f"Invoice {invoice.number} waits"
    text = f"{cause}{money} is due on {long_text(invoice.due_at)}. {how}".strip()
    return Notice("warn", title, text, [pay if may_pay and takes_payments(invoice.currency) else _open(invoice.id)])


def _pay(invoice: Invoice, money: str) -> dict[str, object]:
    if takes_payments(invoice.currency):
        return {"label": f"Pay {money}", "url": pay_url(invoice.id), "main": True}
    return {"label": f"How to pay {money}", "url": _url(invoice.id, "#pay"), "main": True}


def _confirm_notice(invoice: Invoice, last: Payment, *, may_pay: bool) -> Notice:
    """Its payer's bank asks, or PayPal; nobody else can answer."""
    assert invoice.due_at
    due = f"The invoice is due on {long_text(invoice.due_at)}."
    actions = [_confirm(last) if may_pay else _open_payment(last)]
    if is_at_paypal(last):
        waits = waiting_notice(last)
        return Notice(waits.tone, waits.title, f"It is for {invoice.number}. {waits.text} {due}", actions, waits.icon)
    money = money_of(last.amount_minor, last.currency)
    text = f"It opens your bank's page; {money} for {invoice.number} is charged only when you confirm. {due}"
    return Notice("warn", "Your bank wants you to confirm this payment", text, actions, "shield-lock")


def _can_go_on(last: Payment) -> bool:
    return bool(page_of(last)) if is_at_paypal(last) else takes_new_cards()


def _confirm(last: Payment) -> dict[str, object]:
    return {"label": waiting_notice(last).button, "url": reverse("payment-confirm-page", args=[last.id]), "main": True}


def _cause(last: Payment | None) -> str:
    """What became of the last payment that named the invoice."""
    if last is None:
        return ""
    money = money_of(last.amount_minor, last.currency)
    if last.status == Payment.Status.AWAITING_REVIEW:
        return f"We have your {in_sentence(last)} for {money} and are checking it. "
    if last.status in queries.ON_THEIR_WAY:
        return f"Your {in_sentence(last)} for {money} is on its way. "
    if last.status == Payment.Status.REJECTED:
        reason = f": {_sentence(last.failure_message)}" if last.failure_message else "."
        return f"We did not find the money of your {in_sentence(last)} for {money}{reason} "
    if last.status == Payment.Status.REQUIRES_ACTION:
        return (
            f"A payment of {money} waits for your approval at PayPal. "
            if is_at_paypal(last)
            else f"Your bank wants you to confirm {money} from {in_sentence(last)}. "
        )
    if last.status == Payment.Status.FAILED:
        return f"{declined_sentence(last)} "
    what = f"our {in_sentence(last)} for {money}"
    if last.status == Payment.Status.RETURNED:
        return f"The bank {_took(last)} y{what} back. "
    return f"Y{what} came to nothing. " if last.status in queries.CAME_TO_NOTHING else ""


def _took(payment: Payment) -> str:
    """A check is sent back to us; a card's or a debit's bank takes the money back."""
    return "sent" if payment.provider == "manual" else "took"


def _sentence(text: str | None) -> str:
    stripped = (text or "").strip().rstrip(".")
    return f"{stripped}."


def _lost_notice(payment: Payment) -> Notice:
    money = money_of(payment.amount_minor, payment.currency)
    what = f"your {in_sentence(payment)} for {money}"
    if payment.status == Payment.Status.RETURNED:
        due_again = payment.allocations.exists()
        text = "What it had paid is due again, and what had become credit of it is gone."
        text = text if due_again else "It had become credit, which is gone."
        return Notice("bad", f"The bank {_took(payment)} {what} back", text, [_open_payment(payment)])
    is_rejected = payment.status == Payment.Status.REJECTED
    title = f"We did not find the money of {what}" if is_rejected else f"{what[0].upper()}{what[1:]} came to nothing"
    why = _sentence(payment.failure_message) if payment.failure_message else ""
    if payment.status == Payment.Status.FAILED:
        why = declined_sentence(payment)
    text = f"{why} Nothing was booked.".strip()
    return Notice("warn", title, text, [_open_payment(payment)])


def _coming_notice(payment: Payment) -> Notice:
    money = money_of(payment.amount_minor, payment.currency)
    invoices = [str(each) for each in share_queries.invoices_of(payment) if each.status == Invoice.Status.OPEN]
    target = (
        f"It is used for {' and '.join(invoices)} when that is done."
        if invoices
        else "It is your credit when that is done."
    )
    if payment.status == Payment.Status.AWAITING_REVIEW:
        title = f"We have your {in_sentence(payment)} for {money} and are checking it"
        return Notice("info", title, f"{target} You need not pay again.", [_open_payment(payment)], "hourglass")
    return Notice("info", f"{money} is on its way", "You need not pay again.", [_open_payment(payment)], "hourglass")


def _more(count: int) -> Notice:
    return Notice(
        "bad",
        f"{count} more need your attention",
        "",
        [{"label": "See unpaid invoices", "url": f"{reverse('invoices-page')}?tab=unpaid"}],
    )


def _url(invoice_id: UUID, anchor: str = "") -> str:
    return reverse("invoice-page", args=[invoice_id]) + anchor


def _open(invoice_id: UUID) -> dict[str, object]:
    return {"label": "Open the invoice", "url": _url(invoice_id)}


def _open_payment(payment: Payment) -> dict[str, object]:
    return {"label": "Open the payment", "url": reverse("payment-page", args=[payment.id])}
