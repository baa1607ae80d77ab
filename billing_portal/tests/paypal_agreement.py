"""Whether our books and the stand-in for PayPal say the same, to the cent and both ways: `paypal_books_agree(paypal)`.

Read from the rows of either side, by nothing that the portal itself compares with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Protocol

from billing_portal.invariants import check_books
from billing_portal.kit.money import exponent
from payments.models import Dispute, LedgerLeg, Payment, Refund

Thing = dict[str, Any]

# What the stand-in says of an order's last capture → what our row may say then.
_CAPTURES = {
    "COMPLETED": {"succeeded", "returned"},
    "PARTIALLY_REFUNDED": {"succeeded", "returned"},
    "REFUNDED": {"succeeded", "returned"},
    "PENDING": {"processing"},
    "DECLINED": {"failed", "canceled"},
}
_REFUNDS = {"COMPLETED": "succeeded", "PENDING": "pending", "FAILED": "failed", "CANCELLED": "failed"}


class HasBooks(Protocol):
    """The stand-in, inside the process or behind its address."""

    def objects(self, kind: str) -> list[Thing]:
        """Its objects of a kind, oldest first."""


def paypal_books_agree(paypal: HasBooks) -> None:
    """Fails with a line for each difference, and for each breach of our own invariants."""
    found = [*_orders(paypal), *_refunds(paypal), *_cash(paypal)]
    found += [f"{title}: {words}" for title, words in check_books()[1]]
    assert not found, "\n".join(found)


def _orders(paypal: HasBooks) -> Iterator[str]:
    """Every capture is one payment of ours, and every payment that came is one capture."""
    ours = {each.provider_ref: each for each in Payment.objects.filter(provider="paypal").exclude(provider_ref=None)}
    named = Counter(each["purchase_units"][0].get("custom_id") for each in paypal.objects("orders"))
    yield from (f"payment {of} has {count} orders" for of, count in named.items() if of and count > 1)
    captured = Counter()
    for capture in paypal.objects("captures"):
        order = capture["supplementary_data"]["related_ids"]["order_id"]
        row = ours.get(order)
        captured[order] += 1
        if row is None:
            yield f"{order} was captured, and no payment of ours stands for it"
        elif row.status not in _CAPTURES[capture["status"]]:
            yield f"{order} is {capture['status']}, with us {row.status}"
        elif (_minor(capture["amount"]), capture["custom_id"]) != (row.amount_minor, str(row.id)):
            yield f"{order} is of {capture['amount']} for {capture['custom_id']}, with us of {row.amount!r}"
        elif row.status in ("succeeded", "returned") and row.capture_ref != capture["id"]:
            yield f"{order}: its capture is {capture['id']}, with us {row.capture_ref}"
    yield from (f"{order} was captured {times} times" for order, times in captured.items() if times > 1)
    arrived = [ref for ref, row in ours.items() if row.status in ("succeeded", "returned")]
    yield from (f"{ref} has arrived with us alone" for ref in arrived if not captured[ref])
    unknown = Payment.objects.filter(provider="paypal", outcome_unknown=True)
    yield from (f"payment {row.id} is {row.status}, its outcome unknown" for row in unknown)


def _refunds(paypal: HasBooks) -> Iterator[str]:
    """What went back is a refund or a dispute of ours, by its own id and its own amount, and never both."""
    theirs = {each["id"]: each for each in paypal.objects("refunds")}
    rows = Refund.objects.filter(payment__provider="paypal", destination="source").exclude(provider_ref=None)
    ours = {row.provider_ref: row for row in rows}
    disputes = {row.provider_ref: row for row in Dispute.objects.filter(provider="paypal")}
    taken = {row.payment_id for row in disputes.values()}
    payments = dict(Payment.objects.filter(provider="paypal").values_list("capture_ref", "id"))
    for reference, refund in theirs.items():
        row = ours.get(reference)
        if row and reference in disputes:
            yield f"{reference} is a refund and a dispute"
        elif row and (row.amount_minor, row.status) != (_minor(refund["amount"]), _REFUNDS[refund["status"]]):
            yield f"{reference}: {refund['amount']} {refund['status']}, with us {row.amount_minor} {row.status}"
        elif not row and refund["status"] in ("COMPLETED", "PENDING") and payments.get(_of(refund)) not in taken:
            yield f"{reference} went back, and no row of ours says so"
    yield from (f"refund {reference} is ours alone" for reference in ours if reference not in theirs)


def _cash(paypal: HasBooks) -> Iterator[str]:
    """What is left there of all captures is our cash there. A refund that is under way has left neither."""
    theirs: defaultdict[str, int] = defaultdict(int)
    for capture in paypal.objects("captures"):
        told = capture.get("seller_receivable_breakdown")
        if told:
            theirs[capture["amount"]["currency_code"].lower()] += _minor(told["net_amount"])
    for refund in paypal.objects("refunds"):
        if refund["status"] == "COMPLETED":
            theirs[refund["amount"]["currency_code"].lower()] -= _minor(refund["amount"])
    booked: defaultdict[str, int] = defaultdict(int)
    for currency, minor in LedgerLeg.objects.filter(account="cash_paypal").values_list("currency", "amount_minor"):
        booked[currency] += minor
    for currency in theirs.keys() | booked.keys():
        if theirs[currency] != booked[currency]:
            yield f"PayPal holds {theirs[currency]} {currency} for us, our books say {booked[currency]}"


def _of(refund: Thing) -> str:
    up = next(link["href"] for link in refund["links"] if link["rel"] == "up")
    return str(up).rpartition("/")[2]


def _minor(money: Thing) -> int:
    return int(Decimal(money["value"]).scaleb(exponent(money["currency_code"].lower())))
