"""Whatever is changed of a subscription by invoice, whenever, with and without a coupon: what was shown is what is
billed or credited, to the cent, the next period costs what was said, and of no period more is given back than was paid.

`PREVIEW_HISTORIES` says how many histories.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing_portal.invariants import check_books
from billing_portal.tests.world import SYSTEM
from payments.models import InvoiceLine
from subscriptions.actions import renewing
from subscriptions.models import Subscription
from subscriptions.tests.preview_histories import BEGINNINGS, SEEN, STEPS, Beginning, History, Step, begun

HISTORIES = int(os.environ.get("PREVIEW_HISTORIES", "60"))
MANY = 100  # of so many some give back what was paid


@settings(
    max_examples=HISTORIES,
    derandomize="PREVIEW_HISTORIES" not in os.environ,  # the same few each time: a suite must not fail by chance
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(how=BEGINNINGS, steps=st.lists(STEPS, min_size=2, max_size=7))
def any_history(how: Beginning, steps: list[Step]) -> None:
    history = begun(how)
    for step in steps:
        history.do(step)
    if history.promised and goes_on(history.subscription):
        renewing.renew(subscription_id=history.subscription.id, actor=SYSTEM, now=history.promised.quote.next_at)
        history.keeps_its_promise()
        assert history.promised is None
    if how.coupon:
        the_coupon_takes_off_what_it_says(history, *how.coupon)
    assert check_books()[1] == []


def goes_on(subscription: Subscription) -> bool:
    subscription.refresh_from_db()
    return subscription.status in ("trialing", "active", "past_due") and not subscription.cancel_at_period_end


def the_coupon_takes_off_what_it_says(
    history: History, percent: str | None, amount: int | None, cycles: int | None
) -> None:
    """Reckoned anew from all lines that were billed, or credited for a change: what comes off each is what the coupon
    says; and of no period that it counts more was given back than was paid."""
    billed = list(
        InvoiceLine.objects.filter(invoice__subscription_ref=history.subscription.id).order_by(
            "invoice__number_year", "invoice__number_sequence", "position"
        )
    )
    net: Counter[datetime | None] = Counter()
    counted = set()
    for line in [*billed, *history.given]:
        net[line.period_end] += line.amount_minor
        if line.derivation["kind"] != "coupon":
            continue
        number = line.derivation["period"]
        assert number >= 1 and (cycles is None or number <= cycles)
        for part in line.derivation["of"]:
            assert part["off"] == taken_off(part["amount"], percent, amount)
        assert line.amount_minor == -sum(part["off"] for part in line.derivation["of"])
        counted.add(line.period_end)
        SEEN["reduced" if line.amount_minor < 0 else "not given back"] += 1
    assert all(net[end] >= 0 for end in counted), net


def taken_off(minor: int, percent: str | None, amount: int | None) -> int:
    """Of a line, by the words of the coupon alone."""
    size = abs(minor)
    off = size if amount is None else min(amount, size)
    if percent is not None:
        off = int((Decimal(size) * Decimal(percent) / 100).quantize(Decimal(1), ROUND_HALF_UP))
    return off if minor >= 0 else -off


@pytest.mark.django_db
def test_every_preview_is_what_follows() -> None:
    SEEN.clear()
    any_history()
    assert {"billed", "for nothing", "refused", "next after now", "next after period_end"} <= SEEN.keys(), SEEN
    assert {"reduced", "not given back", "kept", "resumed"} <= SEEN.keys(), SEEN
    assert HISTORIES < MANY or SEEN["credited"]
