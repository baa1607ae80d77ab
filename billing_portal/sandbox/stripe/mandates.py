"""Mandates: the payer's consent to be debited, without which no bank account is. https://docs.stripe.com/api/mandates"""

from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import Problem
from billing_portal.sandbox.stripe.routing import route

_ACCEPTANCE = ("type", "accepted_at", "online", "offline")


@route("GET", "/v1/mandates/{id}")
def retrieve(act: Act, identifier: str) -> Json:
    """One mandate."""
    return shown(act.fetch("mandates", identifier))


def mandate_for(act: Act, method: Json, params: Params, name: str) -> str:
    """The id of the mandate under which this account may be debited: its own, or one accepted now.

    Raises Problem when there is none and `mandate_data` brings none. `name`: payment_intent or setup_intent.
    """
    acceptance = given.group(
        given.group(params, "mandate_data", ("customer_acceptance",)), "customer_acceptance", _ACCEPTANCE
    )
    if not acceptance:
        if method.get("_mandate"):
            return str(method["_mandate"])
        what = "PaymentIntent" if name == "payment_intent" else "SetupIntent"
        raise Problem(
            f"This {what} requires a mandate, but no existing mandate was found. Collect mandate acceptance from the "
            "customer and try again, providing acceptance data in the mandate_data parameter.",
            code=f"{name}_mandate_invalid" if name == "payment_intent" else "setup_intent_mandate_invalid",
            param="mandate_data",
        )
    kind = given.choice(acceptance, "type", ("online", "offline"))
    online = given.group(acceptance, "online", ("ip_address", "user_agent", "infer_from_client"))
    shown_online = {"ip_address": online.get("ip_address"), "user_agent": online.get("user_agent")}
    mandate: Json = {
        "id": random_id("mandate"),
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": given.integer(acceptance, "accepted_at") or act.now,
            "offline": {} if kind == "offline" else None,
            "online": shown_online if kind == "online" else None,
            "type": kind,
        },
        "livemode": False,
        "multi_use": {},
        "payment_method": method["id"],
        "payment_method_details": {"type": "us_bank_account", "us_bank_account": {}},
        "single_use": None,
        "status": "active",
        "type": "multi_use",
    }
    act.save("mandates", mandate)
    method["_mandate"] = mandate["id"]
    act.save("payment_methods", method)
    return str(mandate["id"])
