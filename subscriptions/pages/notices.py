"""What a subscription wants its tenant to know or do, worst first: a sentence each, and the one way on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import long_text, period_text
from payments import hold_queries
from payments.declines import declined_sentence
from payments.models import Invoice, Payment
from payments.pages.method_words import HOW_LONG_A_DEBIT_TAKES
from payments.pages.onward import pay_url
from payments.pages.paying import takes_payments
from subscriptions import debits, queries
from subscriptions.actions import judging, renewing
from subscriptions.models import Subscription
from subscriptions.models.subscription import Engine
from subscriptions.pages import coming
from subscriptions.pages.onward import again_url, confirm_url
from subscriptions.pages.words import terms_text
from subscriptions.quoting import Target

Status = Subscription.Status


@dataclass(frozen=True, slots=True)
class SubscriptionNotice:
    """`act` names what a button sends (keep, resume), `url` where a link leads, each with its `button`; `is_main`: it
    is the one thing to do. `may_give_up`: or end what has not begun."""

    tone: str
    icon: str
    title: str
    text: str
    button: str = ""
    url: str = ""
    act: str = ""
    is_main: bool = False
    may_give_up: bool = False


def notices(subscription: Subscription, current: Target, now: datetime) -> list[SubscriptionNotice]:
    found = [
        _late(subscription, now),
        _unpaid_change(subscription),
        _waiting(subscription, now),
        _paused(subscription, current, now),
        _ending(subscription),
        _pending(subscription, current),
    ]
    return [each for each in found if each]


def _late(subscription: Subscription, now: datetime) -> SubscriptionNotice | None:
    if subscription.status not in (Status.PAST_DUE, Status.UNPAID):
        return None
    rows = coming.open_invoices(subscription)
    if subscription.engine == Engine.PAYPAL and (subscription.status == Status.PAST_DUE or not rows):
        return _declined_at_paypal(subscription)
    late = [each for each in rows if each.is_overdue(now)]
    button, url = _to(late or rows)
    if subscription.status == Status.UNPAID:
        return SubscriptionNotice(
            "bad",
            "alert-triangle",
            "Your subscription has stopped: an invoice was not paid in time",
            "Pay what is overdue, and it goes on by itself. Nothing was billed meanwhile.",
            button,
            url,
            is_main=True,
        )
    return SubscriptionNotice(
        "bad",
        "alert-triangle",
        "An invoice of your subscription is overdue",
        _until(subscription, late, now),
        button,
        url,
        is_main=True,
    )


def _declined_at_paypal(subscription: Subscription) -> SubscriptionNotice:
    """No invoice is there before PayPal has taken its money: nothing can be paid here."""
    title = "PayPal could not charge your subscription"
    text = "PayPal tries it again by itself. Make sure that you can pay there; nothing has changed for you yet."
    if subscription.status == Status.UNPAID:
        title = "Your subscription has stopped: PayPal could not charge it"
        text = "It is not tried again. Cancel this subscription, and start again by PayPal or another way."
    return SubscriptionNotice("bad", "alert-triangle", title, text)


def _until(subscription: Subscription, late: list[Invoice], now: datetime) -> str:
    """How long it goes on all the same; a provider's own retries have no day that we know."""
    last = judging.last_step_of(late, now) if subscription.engine == Engine.INVOICE else None
    if last is None:
        return "Pay it, and everything is in order again."
    after = "ends" if settings.PAST_DUE_ENDS_IN == "canceled" else "stops"
    text = f"Nothing has changed for you yet. If it is not paid by {long_text(last)}, your subscription {after}."
    holds = hold_queries.holds_of(late, now).values()
    promised = [f"You said you would pay {each.invoice} by {long_text(each.last_moment)}." for each in holds]
    return " ".join([*promised, text])


def _to(rows: list[Invoice]) -> tuple[str, str]:
    if len(rows) != 1:
        return "See unpaid invoices", f"{reverse('invoices-page')}?tab=unpaid"
    (invoice,) = rows
    if takes_payments(invoice.currency):
        return f"Pay {invoice.number}", pay_url(invoice.id)
    return f"Open {invoice.number}", reverse("invoice-page", args=[invoice.id])


def _unpaid_change(subscription: Subscription) -> SubscriptionNotice | None:
    """A change that is made once it is paid. Its provider drops it after a day."""
    if subscription.engine != Engine.STRIPE or subscription.status not in (Status.ACTIVE, Status.TRIALING):
        return None
    bills = [each for each in coming.open_invoices(subscription) if each.billing_reason == Invoice.Reason.CHANGE]
    if not bills:
        return None
    bill, payment = bills[-1], queries.awaited_payment(subscription)
    if payment and payment.invoice_id == bill.id:
        money = money_text(payment.amount)
        text = f"Nothing has changed yet. {money} is charged, and the change made, only when you confirm."
        title, button, url = (
            "Your bank wants you to confirm a change",
            f"Confirm {money}",
            reverse("payment-confirm-page", args=[payment.id]),
        )
        return SubscriptionNotice("warn", "shield-lock", title, text, button, url, is_main=True)
    failed = queries.failed_payments(subscription).filter(invoice=bill).first()
    title = declined_sentence(failed).rstrip(".") if failed else "A change waits until it is paid"
    text = "Nothing has changed. Pay it another way, and the change is made; left alone, it is dropped within a day."
    tone, icon = ("bad", "circle-x") if failed else ("info", "clock")
    return SubscriptionNotice(tone, icon, title, text, *_to([bill]), is_main=failed is not None)


def _waiting(subscription: Subscription, now: datetime) -> SubscriptionNotice | None:
    """One that has not come alive. Its payer may go on with it, or start another, which takes its place."""
    if subscription.status == Status.INCOMPLETE:
        return _unpaid(subscription, now)
    if subscription.status == Status.APPROVAL_PENDING:
        text = "It begins when you have approved it at PayPal. Left that page? Start again: nothing is charged."
        return SubscriptionNotice("warn", "shield-lock", "Your subscription waits for your approval", text)
    return None


def _unpaid(subscription: Subscription, now: datetime) -> SubscriptionNotice:
    """One whose first payment is not made: nobody knows yet, its payer has to confirm it, or it was refused."""
    paying = debits.under_way(subscription)
    if paying and paying.method == Payment.Method.US_BANK_ACCOUNT and not paying.outcome_unknown:
        text = f"{money_text(paying.amount)} is on its way, which takes {HOW_LONG_A_DEBIT_TAKES}. "
        text += "Your subscription begins when it is here: you need not start again."
        return SubscriptionNotice("info", "building-bank", "Your bank is collecting the first payment", text)
    if subscription.provider_ref is None or paying:
        title = "We sent your first payment to the bank and have no answer yet"
        text = "Do not start again; we look every few minutes, and this page shows what it says."
        return SubscriptionNotice("info", "loader-2", title, text)
    payment = queries.awaited_payment(subscription)
    if payment:
        money = money_text(payment.amount)
        title = "Your bank wants you to confirm the first payment"
        text = f"It opens your bank's page; {money} is charged, and the subscription begins, only when you confirm."
        return SubscriptionNotice(
            "warn",
            "shield-lock",
            title,
            text,
            f"Confirm {money}",
            confirm_url(subscription),
            is_main=True,
            may_give_up=True,
        )
    failed = queries.failed_payments(subscription).first()
    return SubscriptionNotice(
        "bad",
        "circle-x",
        declined_sentence(failed).rstrip(".") if failed else "The first payment did not go through",
        "Nothing was charged, and your subscription has not begun. Try it again, or choose another way to pay.",
        "Try again",
        again_url(subscription, now),
        is_main=True,
        may_give_up=True,
    )


def _paused(subscription: Subscription, current: Target, now: datetime) -> SubscriptionNotice | None:
    if subscription.status != Status.PAUSED or subscription.period_end is None:
        return None
    since = f"Paused since {long_text(subscription.paused_at)}" if subscription.paused_at else "Paused"
    if subscription.period_end > now:
        again = coming.cost_of(
            subscription, *renewing.next_terms(subscription, subscription.period_end), subscription.period_end
        )
        text = f"Nothing is billed. What is paid for can be used until {long_text(subscription.period_end)}."
        if coming.was_credited(subscription):
            text += f" When you resume, the period after is billed again: {money_text(again)}."
        return SubscriptionNotice("info", "player-pause", since, text, "Resume", act="resume", is_main=True)
    price, seats = current.price, current.seats
    if subscription.pending_price and subscription.pending_seats:
        price, seats = subscription.pending_price, subscription.pending_seats
    cost = money_text(coming.cost_of(subscription, price, seats, now))
    text = f"Nothing is billed, and nothing can be used. A new period begins when you resume: {cost}, tax included."
    return SubscriptionNotice("info", "player-pause", since, text, f"Resume for {cost}", act="resume", is_main=True)


def _ending(subscription: Subscription) -> SubscriptionNotice | None:
    if not subscription.cancel_at_period_end or subscription.period_end is None:
        return None
    day = long_text(subscription.period_end)
    text = "Until then nothing changes, and you can take this back."
    if subscription.status == Status.TRIALING:
        text += " Nothing is billed for the trial."
    elif coming.was_credited(subscription):
        price, seats = renewing.next_terms(subscription, subscription.period_end)
        span = period_text(*renewing.next_period(subscription, subscription.period_end))
        cost = money_text(coming.cost_of(subscription, price, seats, subscription.period_end))
        text += f" Then {span} is billed again: {cost}."
    else:
        text += " Minutes beyond the plan are billed after their month, as always."
    title = f"Your subscription ends on {day}"
    return SubscriptionNotice("warn", "calendar-off", title, text, "Take that back", act="keep")


def _pending(subscription: Subscription, current: Target) -> SubscriptionNotice | None:
    """What was agreed for later. Keeping it as it is may cost something, so it goes over the page that says what."""
    price, seats, at = subscription.pending_price, subscription.pending_seats, subscription.pending_at
    if price is None or seats is None or at is None:
        return None
    query = urlencode(
        {"plan": current.price.version.plan.code, "cycle": current.price.billing_cycle, "seats": current.seats}
    )
    return SubscriptionNotice(
        "info",
        "clock",
        f"From {long_text(at)}: {terms_text(price, seats)}",
        f"Until then it stays {terms_text(current.price, current.seats)}.",
        "Keep it as it is",
        url=f"{reverse('subscription-change-page')}?{query}",
    )
