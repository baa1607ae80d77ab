"""Disputes: the payer complains, PayPal decides. https://developer.paypal.com/docs/api/customer-disputes/v1/"""

from billing_portal.sandbox.books import Json, shown
from billing_portal.sandbox.paypal import ids, refunds
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.problems import v1_problem
from billing_portal.sandbox.paypal.routing import route

URL = "/v1/customer/disputes"
REASONS = ("MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED", "UNAUTHORISED")


@route("GET", URL)
def listed(act: Act) -> tuple[Json, int]:
    """All, oldest first; `disputed_transaction_id` narrows."""
    wanted = act.query.get("disputed_transaction_id")
    found = [view(act, each) for each in act.books.find("disputes") if wanted in (None, each["_of"])]
    return {"items": found, "links": [act.link("self", URL)]}, 200


@route("GET", URL + "/{id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One."""
    found = act.books.get("disputes", identifier)
    if found is None:
        raise v1_problem(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
    return view(act, found), 200


def open_dispute(act: Act, capture: Json, reason: str | None) -> Json:
    """The payer complains about a capture: it can't be refunded while that is open."""
    identifier = ids.dispute()
    dispute: Json = {
        "dispute_id": identifier,
        "create_time": act.time,
        "update_time": act.time,
        "disputed_transactions": [
            {
                "seller_transaction_id": capture["id"],
                "create_time": capture["create_time"],
                "transaction_status": "COMPLETED",
                "gross_amount": capture["amount"],
                **({"invoice_number": capture["invoice_id"]} if "invoice_id" in capture else {}),
                **({"custom": capture["custom_id"]} if "custom_id" in capture else {}),
                "buyer": {"email": act.account.payer["email_address"], "payer_id": act.account.payer["payer_id"]},
                "seller": {"email": act.account.merchant_email, "merchant_id": act.account.merchant_id},
            }
        ],
        "reason": reason if reason in REASONS else REASONS[0],
        "status": "OPEN",
        "dispute_amount": capture["amount"],
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "_key": identifier,
        "_of": capture["id"],
    }
    act.save("disputes", dispute)
    act.save("captures", {**capture, "_disputed": True})
    _tell(act, dispute, "CREATED", f"A new dispute opened with Case # {identifier}")
    return dispute


def decide(act: Act, dispute: Json, *, won: bool) -> None:
    """PayPal decides: won by the seller, or lost, and then the money goes back."""
    capture = act.fetch("captures", dispute["_of"])
    outcome = "RESOLVED_SELLER_FAVOUR" if won else "RESOLVED_BUYER_FAVOUR"
    given = {} if won else {"amount_refunded": capture["amount"]}
    dispute |= {
        "status": "RESOLVED",
        "update_time": act.time,
        "dispute_outcome": {"outcome_code": outcome, **given},
    }
    act.save("disputes", dispute)
    capture |= {"_disputed": False, "_charged_back": not won}
    act.save("captures", capture)
    if not won and (left := capture["_amount"] - capture["_refunded"]):
        refunds.reverse(act, capture, left, "CHARGEBACK")
    _tell(act, dispute, "RESOLVED", f"A dispute was resolved with Case # {dispute['dispute_id']}")


def view(act: Act, dispute: Json) -> Json:
    """The dispute as PayPal shows it."""
    return {**shown(dispute), "links": [act.link("self", f"{URL}/{dispute['dispute_id']}")]}


def _tell(act: Act, dispute: Json, kind: str, summary: str) -> None:
    act.emit(f"CUSTOMER.DISPUTE.{kind}", "dispute", view(act, dispute), summary, version=None)
