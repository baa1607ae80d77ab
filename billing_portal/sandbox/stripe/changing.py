"""Draw up a change of a subscription: its new items, what it credits and what it debits. Nothing is saved.

The preview of a change and the change itself both come from here, so that they cannot differ.
https://docs.stripe.com/billing/subscriptions/prorations, https://docs.stripe.com/billing/subscriptions/change-price
"""

from dataclasses import asdict, dataclass, field
from fractions import Fraction

from billing_portal.sandbox.stripe import discounts, intervals, invoice_lines, subscription_items
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.prorating import Debit, full, half_up, part, read, used_up_to

BEHAVIORS = ("create_prorations", "always_invoice", "none")


@dataclass
class Wish:
    """What is asked for. `begins_anew`: the billing cycle starts again now; `trial_end`: a new end of a trial under
    way, which is over when it is not after `at`."""

    items: list[Json]
    at: int
    behavior: str = "create_prorations"
    begins_anew: bool = False
    trial_end: int | None = None


@dataclass
class Change:
    """`new`: the fields of the subscription as they would be. `lines`: what it costs and credits. `at_once`: it is
    invoiced now, whatever the proration behavior, because a new period begins."""

    new: Json
    lines: list[Json] = field(default_factory=list)
    at_once: bool = False


def draw_up(act: Act, subscription: Json, wish: Wish) -> Change:
    """What the wish comes to."""
    now = subscription_items.of(subscription)
    trial = subscription["trial_end"] if subscription["status"] == "trialing" else None
    trial_over = trial is not None and wish.trial_end is not None and wish.trial_end <= wish.at
    if trial is not None and not trial_over:
        return _in_trial(subscription, wish, wish.trial_end or trial)
    other_interval = wish.items[0]["price"]["recurring"] != now[0]["price"]["recurring"] and not _as_long(wish, now)
    if trial_over or wish.begins_anew or other_interval:
        return _anew(act, subscription, wish, trial_over=trial_over)
    return _within(act, subscription, wish)


def whole_period(act: Act, subscription: Json, items: list[Json], start: int, end: int) -> list[Json]:
    """The lines of a whole period, in advance."""
    return [invoice_lines.whole_period(act, subscription, item, start, end) for item in items]


def rest_of_period(
    act: Act, subscription: Json, items: list[Json], at: int, period: tuple[int, int]
) -> list[tuple[Json, int]]:
    """Each item with what the rest of the period costs: its share of the price, with its discounts."""
    whole = sum((full(item["price"]["unit_amount_decimal"], item["quantity"]) for item in items), Fraction(0))
    left = discounts.ratio_left(whole, discounts.living(act, subscription, at))
    ratio = part(at, *period) * left
    return [(item, half_up(full(item["price"]["unit_amount_decimal"], item["quantity"]) * ratio)) for item in items]


def placed(items: list[Json], subscription_id: str, start: int, end: int) -> list[Json]:
    """The items, in a period of this subscription."""
    period = {"current_period_start": start, "current_period_end": end, "subscription": subscription_id}
    return [{**item, **period} for item in items]


def debits_of(items: list[Json], lines: list[Json]) -> Json:
    """What each item was debited by these lines, as the books keep it."""
    kept: Json = {item["id"]: [] for item in items}
    for line in lines:
        item = line["parent"]["subscription_item_details"]["subscription_item"]
        if item in kept and line["amount"] > 0:
            kept[item].append(asdict(invoice_lines.debit_of(line)))
    return kept


def unused(act: Act, subscription: Json, item: Json, at: int) -> list[Json]:
    """The lines that give back what an item's debits have not used at an instant."""
    return [
        invoice_lines.unused(act, subscription, {**item, "quantity": debit.quantity}, debit, at)
        for debit in _debits(subscription, item)
        if debit.end > at and debit.amount
    ]


def _as_long(wish: Wish, now: list[Json]) -> bool:
    """Twelve months are a year."""
    one, other = (items[0]["price"]["recurring"] for items in (wish.items, now))
    return intervals.boundary(0, one, 1) == intervals.boundary(0, other, 1)


def _debits(subscription: Json, item: Json) -> list[Debit]:
    return read(subscription["_debits"].get(item["id"], []))


def _in_trial(subscription: Json, wish: Wish, trial_end: int) -> Change:
    """Nothing was paid, nothing is owed until the trial ends."""
    items = placed(wish.items, subscription["id"], subscription["trial_start"], trial_end)
    return Change(
        {
            "items": subscription_items.listed(subscription["id"], items),
            "trial_end": trial_end,
            "billing_cycle_anchor": trial_end,
            "_told": subscription["_told"] and trial_end == subscription["trial_end"],
            "_debits": {},
        }
    )


def _anew(act: Act, subscription: Json, wish: Wish, *, trial_over: bool) -> Change:
    """A new billing cycle begins: what was not used is credited, and a whole period is invoiced at once."""
    recurring = wish.items[0]["price"]["recurring"]
    start, end = wish.at, intervals.boundary(wish.at, recurring, 1)
    items = placed(wish.items, subscription["id"], start, end)
    lines: list[Json] = []
    if wish.behavior != "none":
        for item in subscription_items.of(subscription):
            lines += unused(act, subscription, item, wish.at)
    whole = whole_period(act, subscription, items, start, end)
    new: Json = {
        "items": subscription_items.listed(subscription["id"], items),
        "billing_cycle_anchor": start,
        "_debits": None,  # known when the discounts of its invoice are
    }
    if trial_over:
        new |= {"trial_end": wish.at, "status": "active"}
    return Change(new, [*lines, *whole], at_once=True)


def _within(act: Act, subscription: Json, wish: Wish) -> Change:
    """The period goes on. Each item that changed gets its credit and its debit, unless there is to be no proration."""
    before = {item["id"]: item for item in subscription_items.of(subscription)}
    first = next(iter(before.values()))
    period = (first["current_period_start"], first["current_period_end"])
    items = placed(wish.items, subscription["id"], *period)
    change = Change({"items": subscription_items.listed(subscription["id"], items)})
    if wish.behavior == "none":
        return change
    change.new["_debits"] = dict(subscription["_debits"])
    cycle = intervals.period_of(subscription["billing_cycle_anchor"], items[0]["price"]["recurring"], period[0])
    after = {item["id"]: (item, amount) for item, amount in rest_of_period(act, subscription, items, wish.at, cycle)}
    for identifier in dict.fromkeys([*before, *after]):
        old, (new, amount) = before.get(identifier), after.get(identifier, (None, 0))
        if old and new and subscription_items.same(old, new):
            continue
        debits: list[Debit] = []
        if old:
            change.lines += unused(act, subscription, old, wish.at)
            debits = [left for each in _debits(subscription, old) if (left := used_up_to(each, wish.at))]
        if new:
            line = invoice_lines.remaining(act, subscription, new, amount, wish.at, period[1])
            change.lines.append(line)
            debits.append(invoice_lines.debit_of(line))
        change.new["_debits"][identifier] = [asdict(debit) for debit in debits]
    return change
