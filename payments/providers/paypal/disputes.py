"""What payers and banks took back: PayPal's disputes, and reversals, which look like refunds that nobody gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from billing_portal.kit.money import Money
from payments.providers.facts import DisputeFacts
from payments.providers.paypal.amounts import from_paypal
from payments.providers.paypal.client import PayPalClient, identifier
from payments.providers.paypal.listing import events
from payments.providers.paypal.reading import instant, our_refund_id, readable

URL = "/v1/customer/disputes"
REVERSED = "PAYMENT.CAPTURE.REVERSED"
_GIVEN = ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED")
# The reason of a capture that has ended names these alone for what went well.
_HARMLESS = (None, "REFUNDED")
# A case is first decided, and then paid out.
_PAYOUT_TAKES = timedelta(hours=1)
# How a dispute ended; all else keeps the money with us. Source: PayPal Disputes v1, `outcome_code`.
_LOST = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})


# Refunds that somebody gave, and reversals.
WentBack = tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]


def of_capture(client: PayPalClient, capture_ref: str) -> list[dict[str, Any]]:
    """Every dispute about a capture, whole: the list has the outlines alone."""
    listed = _listed(client, disputed_transaction_id=capture_ref)
    return [client.get(f"{URL}/{identifier(each.get('dispute_id'))}").content for each in listed]


def cases_since(client: PayPalClient, since: datetime) -> list[str]:
    """The disputes opened since then. The whole list is read, which goes back half a year: asked for more than that,
    PayPal refuses."""
    listed = _listed(client)
    with readable("list of disputes"):
        return [str(each["dispute_id"]) for each in listed if _at(each) >= since]


def captures_in(client: PayPalClient, case_ref: str) -> list[str]:
    """What a dispute is about."""
    case = client.get(f"{URL}/{identifier(case_ref)}").content
    with readable("dispute"):
        named = [about.get("seller_transaction_id") for about in case["disputed_transactions"]]
    return [str(each) for each in named if each]


def may_be_reversed(capture: Mapping[str, Any]) -> bool:
    """Whether the reason of a capture hints at money that was taken back."""
    return (capture.get("status_details") or {}).get("reason") not in _HARMLESS


def split(
    client: PayPalClient, capture: Mapping[str, Any], refunds: Sequence[Mapping[str, Any]], environment: str
) -> WentBack:
    """(refunds that somebody gave, reversals). They look alike: the capture's reason says that there may be a reversal,
    and the event that each was told by says which it is.

    Of one that is too old for that list the capture's reason is the only word: it counts as reversed.
    """
    if not may_be_reversed(capture):
        return refunds, ()
    given: list[Mapping[str, Any]] = []
    taken: list[Mapping[str, Any]] = []
    for refund in refunds:
        is_given = bool(our_refund_id(refund, environment)) or _was_given(client, refund)
        (given if is_given else taken).append(refund)
    return given, taken


def facts_of(
    capture: Mapping[str, Any],
    disputes: Sequence[Mapping[str, Any]],
    *,
    given: Sequence[Mapping[str, Any]],
    reversals: Sequence[Mapping[str, Any]],
) -> list[DisputeFacts]:
    """Oldest first. A reversal belongs to the dispute that was open before it; without one it is a dispute of its own,
    lost from its first moment. By their times alone, which never change: so the same money is never told twice.

    `given`: refunds, which leave less for a dispute to take; one given while the case was open, or as it ended, is how
    it was settled, or a part of that.
    """
    with readable("dispute"):
        cases = sorted(disputes, key=lambda case: (_at(case), str(case["dispute_id"])))
        left = from_paypal(capture["amount"])
        for each in [*_that_moved(given), *_that_moved(reversals)]:
            left -= from_paypal(each["amount"])
        found = [_reversal(each, capture) for each in _that_moved(reversals) if not _case_of(each, cases)]
        for case in cases:
            taken = [each for each in _that_moved(reversals) if _case_of(each, cases) is case]
            offered = [each for each in _that_moved(given) if _case_of(each, cases) is case and _is_within(each, case)]
            facts = _facts(case, capture, taken, offered=_sum(offered, left), left=left)
            if not taken:
                left -= facts.withdrawn
            found.append(facts)
    return sorted(found, key=lambda each: each.opened_at)


def _listed(client: PayPalClient, **query: str) -> list[dict[str, Any]]:
    """All pages. https://developer.paypal.com/docs/api/customer-disputes/v1/#disputes_list"""
    found: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        answer = client.get(URL, page_size="50", next_page_token=token, **query).content
        with readable("list of disputes"):
            found += [each for each in answer.get("items") or [] if isinstance(each, dict)]
            onward = next((each["href"] for each in answer.get("links") or [] if each.get("rel") == "next"), "")
        token = next(iter(parse_qs(urlsplit(str(onward)).query).get("next_page_token", [])), None)
        if not token:
            return found


def _was_given(client: PayPalClient, refund: Mapping[str, Any]) -> bool:
    kinds = {event.get("event_type") for event in events(client, about=identifier(refund.get("id")))}
    return bool(kinds.intersection(_GIVEN))


def _case_of(reversal: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    before = [case for case in cases if _at(case) <= _at(reversal)]
    return before[-1] if before else None


def _is_within(refund: Mapping[str, Any], case: Mapping[str, Any]) -> bool:
    """Whether it was given before the case ended, or in the moments after: the payout of what was decided."""
    ended = case.get("update_time") if case["status"] == "RESOLVED" else None
    return not ended or _at(refund) <= instant(ended) + _PAYOUT_TAKES


def _reversal(reversal: Mapping[str, Any], capture: Mapping[str, Any]) -> DisputeFacts:
    amount = from_paypal(reversal["amount"])
    return DisputeFacts(
        status="lost",
        provider_ref=str(reversal["id"]),
        payment_ref=str(capture["id"]),
        amount=amount,
        withdrawn=amount,
        fee=Money.zero(amount.currency),
        reason=str((capture.get("status_details") or {}).get("reason") or "reversed").lower(),
        opened_at=_at(reversal),
    )


def _facts(
    case: Mapping[str, Any],
    capture: Mapping[str, Any],
    taken: Sequence[Mapping[str, Any]],
    *,
    offered: Money,
    left: Money,
) -> DisputeFacts:
    amount, status = from_paypal(case["dispute_amount"]), _status(case)
    return DisputeFacts(
        status=status,
        provider_ref=str(case["dispute_id"]),
        payment_ref=str(capture["id"]),
        amount=amount,
        withdrawn=_withdrawn(case, status, taken, offered=offered, left=left),
        fee=Money.zero(amount.currency),
        reason=str(case.get("reason") or "").lower(),
        opened_at=_at(case),
    )


def _withdrawn(
    case: Mapping[str, Any], status: str, taken: Sequence[Mapping[str, Any]], *, offered: Money, left: Money
) -> Money:
    """What has been reversed in its name. A lost one without a reversal took what its outcome says, less what was
    refunded while it was open, and as far as the capture had so much left: the same money may have gone as a refund."""
    amount = from_paypal(case["dispute_amount"])
    none = Money.zero(amount.currency)
    if status == "won":
        return none
    if taken:
        return min(amount, _sum(taken, none))
    if status != "lost":
        return none
    told = (case.get("dispute_outcome") or {}).get("amount_refunded")
    return max(none, min((min(amount, from_paypal(told)) if told else amount) - offered, left))


def _sum(refunds: Sequence[Mapping[str, Any]], like: Money) -> Money:
    return sum((from_paypal(each["amount"]) for each in refunds), Money.zero(like.currency))


def _status(case: Mapping[str, Any]) -> str:
    if case["status"] == "RESOLVED":
        return "lost" if (case.get("dispute_outcome") or {}).get("outcome_code") in _LOST else "won"
    return "inquiry" if case.get("dispute_life_cycle_stage") == "INQUIRY" else "open"


def _that_moved(refunds: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in refunds if each["status"] in ("COMPLETED", "PENDING")]


def _at(thing: Mapping[str, Any]) -> datetime:
    return instant(thing["create_time"])
