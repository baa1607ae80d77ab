"""Bill a subscription: each period becomes a sale, or a failed payment that may suspend it."""

import calendar
from datetime import UTC, datetime, timedelta

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.misuse import Misused
from billing_portal.sandbox.paypal import ipn, money, plans, sales, subscriptions
from billing_portal.sandbox.paypal.acts import DAY, Act, stamp

OUTCOMES = ("paid", "failed")
RETRY_DAYS = 5


def bill(act: Act, subscription: Json, outcome: str) -> Json:
    """Renew it now. Returns the subscription as it is then. Raises Misused when it is not active."""
    if outcome not in OUTCOMES:
        raise Misused(f"outcome must be one of {', '.join(OUTCOMES)}", param="outcome")
    if subscription["status"] != "ACTIVE":
        raise Misused(f"{subscription['id']} is {subscription['status']}: nothing is billed", param="subscriptionId")
    (_pay if outcome == "paid" else _fail)(act, subscription)
    return subscription


def bill_due(act: Act) -> int:
    """Pay every period that has begun by the clock. Returns how many."""
    return sum(bill_up_to_now(act, each) for each in act.books.find("subscriptions", _waits=True))


def bill_up_to_now(act: Act, subscription: Json) -> int:
    """Pay the periods of one subscription that have begun. Returns how many."""
    count = 0
    while subscription["_due"] <= act.now:
        _pay(act, subscription)
        count += 1
    return count


def keep_due(act: Act, subscription: Json, plan: Json) -> None:
    """Under another plan the next period begins when it was to begin; those of another length count from there."""
    before = plans.regular(act.fetch("plans", subscription["plan_id"]))["frequency"]
    if plans.regular(plan)["frequency"] != before:
        completed = subscription["billing_info"]["cycle_executions"][0]["cycles_completed"]
        subscription |= {"_began": _nth(act, subscription, completed), "_counted": completed}


def later(at: int, frequency: Json) -> int:
    """One period after an instant. A month ends on its last day at the latest."""
    count = frequency["interval_count"]
    moment = datetime.fromtimestamp(at, UTC)
    if frequency["interval_unit"] in ("DAY", "WEEK"):
        days = count * (7 if frequency["interval_unit"] == "WEEK" else 1)
        return int((moment + timedelta(days=days)).timestamp())
    months = count * (12 if frequency["interval_unit"] == "YEAR" else 1)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())


def _pay(act: Act, subscription: Json) -> None:
    amount, currency = subscriptions.amount(act, subscription)
    info = subscription["billing_info"]
    completed = info["cycle_executions"][0]["cycles_completed"] + 1
    due = _nth(act, subscription, completed)
    info["cycle_executions"][0] |= {"cycles_completed": completed}
    info |= {
        "outstanding_balance": money.of(0, currency),
        "last_payment": {"amount": money.of(amount, currency), "time": act.time},
        "next_billing_time": stamp(due),
        "failed_payments_count": 0,
    }
    subscription |= {"update_time": act.time, "_due": due}
    act.save("subscriptions", subscription)
    sale = sales.make(act, subscription, amount, currency)
    ipn.subscription(
        act,
        "recurring_payment",
        subscription,
        txn_id=sale["id"],
        payment_status="Completed",
        payment_type="instant",
        mc_gross=money.written(amount, currency),
        mc_fee=sale["transaction_fee"]["value"],
        mc_currency=currency,
    )


def _nth(act: Act, subscription: Json, number: int) -> int:
    """When the period after `number` paid ones begins, counted from where its length began: a month of the 31st stays
    one."""
    plan = act.fetch("plans", subscription["plan_id"])
    frequency, since = plans.regular(plan)["frequency"], number - subscription.get("_counted", 0)
    return later(subscription["_began"], {**frequency, "interval_count": frequency["interval_count"] * since})


def _fail(act: Act, subscription: Json) -> None:
    amount, currency = subscriptions.amount(act, subscription)
    info = subscription["billing_info"]
    owed = money.units(info["outstanding_balance"]["value"], currency) + amount
    retry = act.now + RETRY_DAYS * DAY
    info |= {
        "outstanding_balance": money.of(owed, currency),
        "failed_payments_count": info["failed_payments_count"] + 1,
        "last_failed_payment": {
            "amount": money.of(amount, currency),
            "time": act.time,
            "reason_code": "PAYMENT_DENIED",
            "next_payment_retry_time": stamp(retry),
        },
    }
    # Asked again in some days: until then the clock bills nothing.
    subscription |= {"update_time": act.time, "_due": max(retry, subscription["_due"])}
    act.save("subscriptions", subscription)
    subscriptions.tell(act, subscription, "PAYMENT.FAILED", "Payment failed for subscription")
    ipn.subscription(act, "recurring_payment_failed", subscription)
    threshold = act.fetch("plans", subscription["plan_id"])["payment_preferences"]["payment_failure_threshold"]
    if threshold and info["failed_payments_count"] >= threshold:
        subscriptions.change(act, subscription, "SUSPENDED", "SUSPENDED", "Subscription suspended", "Payments failed")
