"""Whether our books and the stand-in's say the same, to the cent and both ways: `books_agree(stripe)`.

Read from the rows of either side, by nothing that the portal itself compares with: reconciliation is among what is
tested.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Protocol

from billing_portal.invariants import check_books
from payments.models import Dispute, LedgerLeg, Payment, Refund

Thing = dict[str, Any]

# What the stand-in says of an intent → what our row may say then. One whose try has failed is canceled later.
_PAYMENTS = {
    "succeeded": {"succeeded", "returned"},
    "processing": {"processing"},
    "requires_action": {"requires_action"},
    "requires_payment_method": {"failed", "canceled", "requires_action"},
    "canceled": {"failed", "canceled"},
}
_DISPUTES = {"needs_response": "open", "under_review": "open", "won": "won", "lost": "lost"}


class HasBooks(Protocol):
    """The stand-in, inside the process or behind its address."""

    def objects(self, kind: str) -> list[Thing]:
        """Its objects of a kind, oldest first."""


def books_agree(stripe: HasBooks) -> None:
    """Fails with a line for each difference, and for each breach of our own invariants."""
    found = [*differences(stripe), *(f"{title}: {words}" for title, words in check_books()[1])]
    assert not found, "\n".join(found)


def differences(stripe: HasBooks) -> list[str]:
    """A line for each: charges, refunds, disputes and cash that only one side has, or that the sides tell apart."""
    ours = {each.provider_ref: each for each in Payment.objects.filter(provider="stripe").exclude(provider_ref=None)}
    return [
        *_payments(stripe, ours),
        *_charges(stripe, ours),
        *_refunds(stripe),
        *_disputes(stripe),
        *_cash(stripe, ours),
        *_pending(),
    ]


def _payments(stripe: HasBooks, ours: dict[str | None, Payment]) -> Iterator[str]:
    theirs = {each["id"]: each for each in stripe.objects("payment_intents")}
    named = Counter(each["metadata"].get("payment_id") for each in theirs.values())
    yield from (f"payment {of} has {count} intents" for of, count in named.items() if of and count > 1)
    for reference, intent in theirs.items():
        row = ours.get(reference)
        if row is None:
            if intent["status"] not in ("canceled", "requires_payment_method"):
                yield f"{reference} of {intent['amount']} is {intent['status']}, and no payment of ours stands for it"
            continue
        if (intent["amount"], intent["currency"]) != (row.amount_minor, row.currency):
            yield f"{reference} is of {intent['amount']} {intent['currency']}, with us of {row.amount!r}"
        if intent["metadata"].get("payment_id") != str(row.id):
            yield f"{reference} names payment {intent['metadata'].get('payment_id')}, ours is {row.id}"
        if row.status not in _PAYMENTS[intent["status"]]:
            yield f"{reference} is {intent['status']}, with us {row.status}"
    yield from (f"{reference} is ours alone" for reference in ours if reference not in theirs)


def _charges(stripe: HasBooks, ours: dict[str | None, Payment]) -> Iterator[str]:
    """Money taken there and payments that arrived here are the same, one for one."""
    taken = Counter(each["payment_intent"] for each in stripe.objects("charges") if each["status"] == "succeeded")
    yield from (f"{reference} was charged {times} times" for reference, times in taken.items() if times > 1)
    arrived = Counter(
        Payment.objects.filter(provider="stripe", status__in=["succeeded", "returned"]).values_list(
            "provider_ref", flat=True
        )
    )
    for reference in (taken.keys() | arrived.keys()) - (taken.keys() & arrived.keys()):
        row = ours.get(reference)
        yield f"{reference}: charged {taken[reference]} times, arrived {arrived[reference]} times ({row and row.id})"


def _refunds(stripe: HasBooks) -> Iterator[str]:
    theirs = {each["id"]: each for each in stripe.objects("refunds")}
    rows = list(Refund.objects.filter(payment__provider="stripe", destination="source").select_related("payment"))
    ours = {each.provider_ref: each for each in rows if each.provider_ref}
    named = Counter(each["metadata"].get("refund_id") for each in theirs.values())
    yield from (f"refund {of} was given {count} times" for of, count in named.items() if of and count > 1)
    for reference, refund in theirs.items():
        row = ours.get(reference)
        if row is None:
            if refund["status"] not in ("failed", "canceled"):
                yield f"{reference} of {refund['amount']} is {refund['status']}, and no refund of ours stands for it"
        elif (refund["amount"], refund["payment_intent"], refund["status"]) != (
            row.amount_minor,
            row.payment.provider_ref,
            row.status,
        ):
            yield f"{reference}: {refund['amount']} {refund['status']}, with us {row.amount_minor} {row.status}"
    yield from (f"{reference} is ours alone" for reference in ours if reference not in theirs)
    yield from (
        f"refund {row.id} is {row.status}, and was never given"
        for row in rows
        if not row.provider_ref and row.status in ("succeeded", "failed")
    )


def _disputes(stripe: HasBooks) -> Iterator[str]:
    theirs = {each["id"]: _dispute(each) for each in stripe.objects("disputes")}
    ours = {
        each.provider_ref: (
            each.payment.provider_ref,
            each.amount_minor,
            each.status,
            each.withdrawn_minor,
            each.fee_minor,
        )
        for each in Dispute.objects.select_related("payment")
    }
    for reference in theirs.keys() | ours.keys():
        if theirs.get(reference) != ours.get(reference):
            yield f"{reference}: {theirs.get(reference)}, with us {ours.get(reference)}"


def _dispute(dispute: Thing) -> tuple[str, int, str, int, int]:
    moves = dispute["balance_transactions"]
    withdrawn, fee = -sum(each["amount"] for each in moves), sum(each["fee"] for each in moves)
    return dispute["payment_intent"], dispute["amount"], _DISPUTES[dispute["status"]], withdrawn, fee


def _cash(stripe: HasBooks, ours: dict[str | None, Payment]) -> Iterator[str]:
    """The balance there is our cash there, payment by payment and in all. A refund that is under way has left their
    balance at once, and leaves ours when it is done."""
    under_way = {each["id"] for each in stripe.objects("refunds") if each["status"] == "pending"}
    of_intent = {
        each["id"]: each["payment_intent"]
        for kind in ("charges", "refunds", "disputes")
        for each in stripe.objects(kind)
    }
    theirs: defaultdict[tuple[str | None, str], int] = defaultdict(int)
    for moved in stripe.objects("balance_transactions"):
        if moved["source"] not in under_way:
            theirs[of_intent.get(moved["source"]), moved["currency"]] += moved["net"]
    booked: defaultdict[tuple[str | None, str], int] = defaultdict(int)
    references = {row.id: reference for reference, row in ours.items()}
    for payment_id, currency, minor in LedgerLeg.objects.filter(account="cash_stripe").values_list(
        "payment_id", "currency", "amount_minor"
    ):
        booked[references.get(payment_id), currency] += minor
    for of in theirs.keys() | booked.keys():
        if theirs[of] != booked[of]:
            yield f"{of[0]} is worth {theirs[of]} {of[1]} on their balance, and {booked[of]} in our cash"


def _pending() -> Iterator[str]:
    """What nobody knows yet is no agreement."""
    payments = Payment.objects.filter(provider="stripe")
    for row in payments.filter(status="created") | payments.filter(outcome_unknown=True):
        yield f"payment {row.id} is {row.status}, its outcome unknown"
    for refund in Refund.objects.filter(payment__provider="stripe", status="pending", destination="source"):
        if refund.provider_ref is None:
            yield f"refund {refund.id} is pending, its outcome unknown"
