"""What the page that changes a subscription shows of a preview: its lines, what is due, and what comes after."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from billing_portal.kit.display.amounts import money_text, number_text
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.display.dates import day_text, long_text, period_text
from billing_portal.kit.money import Money
from payments.actions.invoicing import LineDraft
from payments.explaining_seats import share_text
from subscriptions import quoting
from subscriptions.actions.changing import Preview
from subscriptions.models import Subscription
from subscriptions.models.plan import BillingCycle
from subscriptions.models.subscription import Engine
from subscriptions.pages import coming, plans
from subscriptions.pages.words import EACH
from subscriptions.quoting import NOW, PERIOD_END, Quote, Target


def preview_facts(preview: Preview, now: datetime) -> dict[str, Any]:
    """For `subscriptions/change_preview.html`."""
    subscription, quote = preview.subscription, preview.quote
    current = quoting.current_target(subscription, now)
    currency, target = subscription.currency, quote.target
    subtotal = sum(line.amount_minor for line in quote.lines)
    keeps, by_paypal = target == current, subscription.engine == Engine.PAYPAL
    return {
        "by_paypal": by_paypal,
        "title": _title(current, target),
        "keeps": keeps,
        "when": quote.when,
        "at": quote.effective_at,
        "in_trial": subscription.status == Subscription.Status.TRIALING,
        "lines": [
            {"title": each.title, "note": _note(each), "amount": Money(each.amount_minor, currency)}
            for each in quote.lines
        ],
        "taxes": _taxes(quote, subtotal, currency),
        "total": Money(quote.total_minor, currency),
        "is_credited": quote.total_minor < 0,
        "credited": Money(max(0, -quote.total_minor), currency),
        "credit_used": Money(quote.due_minor - quote.total_minor, currency)
        if 0 <= quote.due_minor < quote.total_minor
        else None,
        "due": Money(quote.due_minor, currency),
        "due_at": now + timedelta(days=subscription.tenant.payment_terms_days),
        "has_tax": bool(quote.taxes or (subscription.engine == Engine.INVOICE and subscription.tenant.tax_percent)),
        "next": Money(quote.next_minor, currency),
        "next_at": quote.next_at,
        "each": EACH[target.price.billing_cycle],
        "was": _was(subscription, current, quote),
        "minutes": _minutes(current, target, currency),
        "button": "Agree at PayPal" if by_paypal else _button(quote, keeps=keeps),
        "other": _other(subscription, current, quote),
    }


def _title(current: Target, target: Target) -> str:
    before, after = current.price, target.price
    if before.version.plan_id != after.version.plan_id:
        return f"{before.version.plan.name} to {after.version.plan.name}"
    if before.billing_cycle != after.billing_cycle:
        words = BillingCycle(before.billing_cycle).label, BillingCycle(after.billing_cycle).label.lower()
        return f"{words[0]} to {words[1]}"
    if current.seats != target.seats:
        return f"{number_text(current.seats)} to {count_text(target.seats, 'seat')}"
    return "It stays as it is"


def _note(line: LineDraft) -> str:
    """'Nov 24 to Nov 30: 7/30 of $468.00'; of a whole period, the period."""
    how = line.derivation
    if line.period_start is None or line.period_end is None:
        return ""
    if how.get("kind") == "coupon":
        return f"{day_text(line.period_start)} to {day_text(line.period_end - timedelta(microseconds=1))}"
    if how.get("kind") != "proration" or how["secondsLeft"] == how["periodSeconds"]:
        return period_text(line.period_start, line.period_end)
    span = f"{day_text(line.period_start)} to {day_text(line.period_end - timedelta(microseconds=1))}"
    whole = Money(int(how["perSeat"]) * int(how["seats"]), how["currency"])
    return f"{span}: {share_text(how['secondsLeft'], how['periodSeconds'])} of {money_text(whole)}"


def _taxes(quote: Quote, subtotal: int, currency: str) -> list[dict[str, Any]]:
    rows = [
        {
            "title": f"{each.name} {number_text(each.rate)}%",
            "note": f"on {money_text(Money(each.taxable_minor, currency))}",
            "amount": Money(each.amount_minor, currency),
        }
        for each in quote.taxes
    ]
    if quote.total_minor < subtotal:
        rows.append({"title": "Tax of it", "note": "", "amount": Money(quote.total_minor - subtotal, currency)})
    return rows


def _was(subscription: Subscription, current: Target, quote: Quote) -> str:
    """'was $369.75', where it is another amount."""
    start = subscription.billed_until or subscription.period_end or quote.next_at
    cost = coming.cost_of(subscription, current.price, current.seats, start)
    if cost.minor == quote.next_minor:
        return ""
    same = current.price.billing_cycle == quote.target.price.billing_cycle
    return f"was {money_text(cost)}" + ("" if same else f" a {EACH[current.price.billing_cycle]}")


def _minutes(current: Target, target: Target, currency: str) -> list[dict[str, str]]:
    """What is included from then on, beside what it was."""
    before = dict(plans.included_rows(current.price.version, current.seats, currency))
    after = plans.included_rows(target.price.version, target.seats, currency)
    return [
        {"title": title, "now": value, "was": "" if before.get(title) in (None, value) else f"was {before[title]}"}
        for title, value in after
        if value != "no limit" or before.get(title) != value
    ]


def _button(quote: Quote, *, keeps: bool) -> str:
    if keeps:
        return f"Keep it as it is, for {_money(quote)}" if quote.due_minor else "Keep it as it is"
    if quote.when == PERIOD_END:
        return f"Change on {long_text(quote.effective_at).rpartition(',')[0]}"
    return f"Change now for {_money(quote)}" if quote.due_minor else "Change now"


def _money(quote: Quote) -> str:
    return money_text(Money(quote.due_minor, quote.target.price.currency))


def _other(subscription: Subscription, current: Target, quote: Quote) -> dict[str, str] | None:
    """The other day on which it could hold, with the page that shows what it costs then."""
    target = quote.target
    if target == current or subscription.status == Subscription.Status.TRIALING or subscription.period_end is None:
        return None
    if subscription.engine == Engine.PAYPAL:
        return None
    if quote.when == PERIOD_END and target.seats < current.seats:
        return None
    when = PERIOD_END if quote.when == NOW else NOW
    words = "Change it now instead" if when == NOW else f"Change it on {day_text(subscription.period_end)} instead"
    query = {
        "plan": target.price.version.plan.code,
        "cycle": target.price.billing_cycle,
        "seats": target.seats,
        "when": when,
    }
    return {"label": words, "query": urlencode(query)}
