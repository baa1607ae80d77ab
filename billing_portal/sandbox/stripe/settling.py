"""End what takes days at a bank: a debit, a refund under way, a dispute; by the panel's word or by the clock."""

from collections.abc import Callable, Iterator
from functools import partial

from billing_portal.sandbox.stripe import accounts, confirming, disputes, refunds
from billing_portal.sandbox.stripe.acts import Act, kind_of
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.problems import Problem

OUTCOMES = ("succeeded", "failed", "returned", "disputed", "dispute_won", "dispute_lost")


def settle(act: Act, identifier: str, outcome: str, code: str | None = None) -> Json:
    """Give the object of `identifier` (intent, charge, refund or dispute) its outcome. Returns it as it is now.

    `code`: why a debit or a refund failed, or the reason of a dispute. Raises Problem when the outcome does not fit.
    """
    if outcome not in OUTCOMES:
        raise Problem(f"outcome must be one of {', '.join(OUTCOMES)}", param="outcome")
    kind = kind_of(identifier)
    if kind not in ("payment_intents", "charges", "refunds", "disputes"):
        raise Problem(f"{identifier} is no intent, charge, refund or dispute", param="id")
    thing = act.fetch(kind, identifier)
    if kind == "refunds":
        _settle_refund(act, thing, outcome, code)
    elif outcome.startswith("dispute_"):
        disputes.decide(act, _dispute(act, kind, thing), won=outcome == "dispute_won")
    else:
        charge = thing if kind == "charges" else act.fetch("charges", thing["latest_charge"] or thing.get("charge"))
        _settle_charge(act, charge, outcome, code)
    return act.fetch(kind, identifier)


def to_come(act: Act) -> Iterator[tuple[int, Callable[[], object]]]:
    """Debits and refunds under way: when each ends by itself, and what then happens, as its account or card says."""
    for refund in act.books.find("refunds", _waits=True):
        outcome = "failed" if refund["_fails"] else "succeeded"
        yield refund["_due"], partial(_settle_refund, act, refund, outcome, None)
    for intent in act.books.find("payment_intents", status="processing"):
        if intent.get("_settles_at"):
            yield intent["_settles_at"], partial(_end_debit, act, intent)


def _end_debit(act: Act, intent: Json) -> None:
    method = act.fetch("payment_methods", intent["payment_method"])
    failure = accounts.ACCOUNTS[method["_number"]]
    charge = act.fetch("charges", intent["latest_charge"])
    _settle_charge(act, charge, "failed" if failure in accounts.FAILURES else "succeeded", failure or None)
    if failure == "dispute":
        disputes.open_dispute(act, act.fetch("charges", charge["id"]), "debit_not_authorized")


def _settle_charge(act: Act, charge: Json, outcome: str, code: str | None) -> None:
    intent = act.fetch("payment_intents", charge["payment_intent"])
    pending = charge["status"] == "pending" and intent["status"] == "processing"
    if pending and outcome == "succeeded":
        confirming.succeed(act, intent, charge)
    elif pending and outcome in ("failed", "returned"):
        method = act.fetch("payment_methods", charge["payment_method"])
        known = accounts.ACCOUNTS[method["_number"]]
        confirming.fail_debit(
            act, intent, charge, code or (known if known in accounts.FAILURES else "insufficient_funds")
        )
    elif charge["status"] == "succeeded" and outcome in ("disputed", "returned"):
        debit = charge["payment_method_details"]["type"] == "us_bank_account"
        disputes.open_dispute(act, charge, code or ("insufficient_funds" if debit else "fraudulent"))
    else:
        raise Problem(f"A charge that is {charge['status']} cannot be {outcome}.", param="outcome")


def _settle_refund(act: Act, refund: Json, outcome: str, code: str | None) -> None:
    if outcome == "succeeded" and refund["status"] == "pending":
        refunds.succeed(act, refund)
    elif outcome == "failed" and refund["status"] in ("pending", "succeeded"):
        refunds.fail(act, refund, code or "unknown")
    else:
        raise Problem(f"A refund that is {refund['status']} cannot be {outcome}.", param="outcome")


def _dispute(act: Act, kind: str, thing: Json) -> Json:
    if kind == "disputes":
        return thing
    charge_id = thing["id"] if kind == "charges" else thing["latest_charge"]
    found = act.books.find("disputes", charge=charge_id)
    if not found:
        raise Problem(f"{thing['id']} is not disputed.", param="id")
    return found[-1]
