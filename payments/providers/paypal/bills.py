"""What PayPal billed for a subscription: its sales, each as a bill of one line.

https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions_transactions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from billing_portal.kit.money import Money
from payments.providers.errors import ProviderRejected
from payments.providers.facts import Outcome, PaymentResult
from payments.providers.paypal.amounts import from_paypal
from payments.providers.paypal.client import PayPalClient, identifier
from payments.providers.paypal.errors import translated
from payments.providers.paypal.prices import regular_cycle
from payments.providers.paypal.reading import CAPTURES, instant, readable
from payments.providers.paypal.rhythm import SLACK, Rhythm, Span, current, next_billing, rhythm_of, spans
from payments.providers.paypal.subscriptions import URL
from payments.providers.recurring import BillFacts, BillLine

# What was declined is owed as the subscription's outstanding balance, and comes with a sale of its own: nobody pays
# this bill any more.
_BILLS = {Outcome.SUCCEEDED: "paid", Outcome.PROCESSING: "open", Outcome.FAILED: "void"}
# PayPal wants an end of the list, and takes one in the future. Days cover what was made while it was asked.
_MARGIN = timedelta(days=31)
_TITLE = "Subscription"
# No payment is made good so long after its period began.
_LATEST = timedelta(days=45)


def bills_of(client: PayPalClient, subscription: Mapping[str, Any], *, since: datetime) -> list[BillFacts]:
    """Of a subscription that was read with its plan; all its sales are read, since the period of each follows from
    those before it."""
    reference = identifier(subscription.get("id"))
    with readable("subscription"):
        window = _window(subscription)
    with translated(moves_money=False):
        sales = _listed(client, reference, window)
    with readable("list of transactions"):
        sales.sort(key=lambda sale: instant(sale["time"]))
        periods = _periods(subscription, sales)
        return [
            _bill(sale, subscription, period)
            for sale, period in zip(sales, periods, strict=True)
            if instant(sale["time"]) >= since
        ]


def _listed(client: PayPalClient, reference: str, window: Span) -> list[dict[str, Any]]:
    """All pages, by the links that lead on: PayPal's page names no page numbers here, and no longest range."""
    query = {name: _written(at) for name, at in zip(("start_time", "end_time"), window, strict=True)}
    found: dict[str, dict[str, Any]] = {}
    onward: dict[str, str] = {}
    while True:
        answer = client.get(f"{URL}/{reference}/transactions", **{**query, **onward}).content
        with readable("list of transactions"):
            fresh = {each["id"]: each for each in answer.get("transactions") or [] if each["id"] not in found}
            links = [each for each in answer.get("links") or [] if each.get("rel") == "next"]
        found |= fresh
        if not fresh or not links:
            return list(found.values())
        onward = dict(parse_qsl(urlsplit(str(links[0].get("href"))).query))


def _window(subscription: Mapping[str, Any]) -> Span:
    """From its making to beyond everything that PayPal says about it."""
    info = subscription.get("billing_info") or {}
    told = [subscription.get(name) for name in ("create_time", "start_time", "update_time", "status_update_time")]
    told += [info.get("next_billing_time"), (info.get("last_payment") or {}).get("time")]
    instants = [instant(each) for each in told if each]
    return min(instants) - timedelta(days=1), max(instants) + _MARGIN


def _periods(subscription: Mapping[str, Any], sales: Sequence[Mapping[str, Any]]) -> list[Span | None]:
    """PayPal says of no sale what it is for. One that was declined shares its period with the one that made it good.
    None: nobody can tell."""
    rhythm = rhythm_of(subscription)
    good = [sale for sale in sales if CAPTURES[sale["status"]] is not Outcome.FAILED]
    found: list[Span | None] = [
        *spans(rhythm, [instant(sale["time"]) for sale in good], last=current(subscription, rhythm))
    ]
    if good and found[-1]:
        found[-1] = _running(subscription, good[-1], found[-1], rhythm)
    known = {sale["id"]: span for sale, span in zip(good, found, strict=True)}
    return [
        known[sale["id"]] if sale["id"] in known else rhythm.span(rhythm.number_at(instant(sale["time"])))
        for sale in sales
    ]


def _running(subscription: Mapping[str, Any], sale: Mapping[str, Any], span: Span, rhythm: Rhythm) -> Span | None:
    """The period of the last sale. Paid by other terms than today's it may be of another length than today's cycle: it
    ends when PayPal bills next, and began with its payment where today's cycle would have it begin long before. Where
    no next billing is named and it would begin long after, shorter ones came before: it began with its payment. Where
    none is named, and it was paid by other terms, nobody can tell how long it is."""
    at, due = instant(sale["time"]), next_billing(subscription)
    is_owed = (subscription.get("billing_info") or {}).get("failed_payments_count")
    is_by_todays = _makes_up(subscription, from_paypal(sale["amount_with_breakdown"]["gross_amount"]))
    if due is None:
        if not is_by_todays:
            return None
        return replace(rhythm, start=at, shift=timedelta(0)).span(0) if span[0] - at > SLACK else span
    if due <= max(at, span[0]) or is_owed or is_by_todays:
        return span
    return span[0] if at - span[0] < _LATEST else at, due


def _bill(sale: Mapping[str, Any], subscription: Mapping[str, Any], period: Span | None) -> BillFacts:
    """Prices are gross, so its total is all there is to say. The plan and the seats are today's, since PayPal keeps no
    others: where they do not make up the total, it was for others, or for more, and the bill names neither."""
    outcome, total = CAPTURES[sale["status"]], from_paypal(sale["amount_with_breakdown"]["gross_amount"])
    at = instant(sale["time"])
    reason = (sale.get("status_details") or {}).get("reason")
    failed = outcome is Outcome.FAILED
    payment = PaymentResult(
        outcome,
        provider_ref=identifier(sale["id"]),
        failure_code="payment_declined" if failed else None,
        failure_message="PayPal declined this payment." if failed else None,
        decline_code=str(reason).lower() if failed and reason else None,
        amount=total,
        fee=_fee(sale["amount_with_breakdown"], total),
        created_at=at,
    )
    title, seats = str(subscription["plan"].get("name") or _TITLE), _seats(subscription)
    if not _makes_up(subscription, total):
        title, seats = _TITLE, 1
    return BillFacts(
        provider_ref=identifier(sale["id"]),
        subscription_ref=str(subscription["id"]),
        status=_BILLS[outcome],
        total=total,
        lines=(BillLine(title, seats, total, period),),
        period=period,
        issued_at=at,
        payment=payment,
    )


def _seats(subscription: Mapping[str, Any]) -> int:
    return int(subscription.get("quantity") or 1)


def _makes_up(subscription: Mapping[str, Any], total: Money) -> bool:
    """Whether it is what today's plan and seats cost."""
    try:
        price = regular_cycle(subscription["plan"])["pricing_scheme"]["fixed_price"]
        return from_paypal(price) * _seats(subscription) == total
    except (ProviderRejected, KeyError, TypeError):  # a price in tiers, say
        return False


def _fee(breakdown: Mapping[str, Any], total: Money) -> Money | None:
    """In another currency than the sale's it can't be booked beside it."""
    try:
        fee = from_paypal(breakdown["fee_amount"]) if breakdown.get("fee_amount") else None
    except ProviderRejected:
        return None
    return fee if fee and fee.currency == total.currency else None


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
