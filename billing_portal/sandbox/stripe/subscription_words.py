"""The parameters of a subscription that change no price: whose card, when it ends, whether it is collected.

https://docs.stripe.com/api/subscriptions/update
"""

from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe import subscription_items
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json
from billing_portal.sandbox.stripe.problems import Invalid, Problem

ENDS = "cancel_at cancel_at_period_end cancellation_details"
WORDS = "default_payment_method description metadata payment_settings trial_settings"
_MISSING_METHOD = ("cancel", "create_invoice", "pause")


def change_words(act: Act, subscription: Json) -> None:
    """Those in `WORDS`."""
    if method := given.text(act.params, "default_payment_method"):
        subscription["default_payment_method"] = own_method(act, subscription, method)
    if "description" in act.params:
        subscription["description"] = given.text(act.params, "description")
    subscription["metadata"] = given.metadata(act.params, subscription["metadata"])
    settings = given.group(act.params, "payment_settings", ("save_default_payment_method",))
    saved = given.choice(settings, "save_default_payment_method", ("off", "on_subscription"))
    if saved:
        subscription["payment_settings"] = {**subscription["payment_settings"], "save_default_payment_method": saved}
    trial = given.group(
        given.group(act.params, "trial_settings", ("end_behavior",)), "end_behavior", ("missing_payment_method",)
    )
    if missing := given.choice(trial, "missing_payment_method", _MISSING_METHOD):
        subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": missing}}


def change_end(act: Act, subscription: Json) -> None:
    """Those in `ENDS`. An end at the period's end follows the period; `false` or an empty value takes it back."""
    if subscription["schedule"] and ("cancel_at" in act.params or "cancel_at_period_end" in act.params):
        raise Problem(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead.",
        )
    if "cancel_at" in act.params and given.flag(act.params, "cancel_at_period_end"):
        raise Invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if "cancel_at_period_end" in act.params:
        at_end = given.flag(act.params, "cancel_at_period_end")
        if at_end != subscription["cancel_at_period_end"]:
            _set_end(act, subscription, period_end(subscription) if at_end else None, at_period_end=at_end)
    elif "cancel_at" in act.params:
        asked = act.params["cancel_at"]
        at = period_end(subscription) if asked in ("min_period_end", "max_period_end") else None
        at = at or (given.integer(act.params, "cancel_at") if asked else None)
        if at is not None and at <= act.now:
            raise Problem("Invalid timestamp: must be in the future", param="cancel_at")
        _set_end(act, subscription, at, at_period_end=False)
    details = given.group(act.params, "cancellation_details", ("comment", "feedback"))
    if details:
        subscription["cancellation_details"] = {**subscription["cancellation_details"], **details}


def period_end(subscription: Json) -> int:
    """When what is paid for ends."""
    return max(item["current_period_end"] for item in subscription_items.of(subscription))


def change_collection(act: Act, subscription: Json) -> None:
    """`pause_collection`: from now on invoices are void; an empty value ends the pause."""
    if "pause_collection" not in act.params:
        return
    asked = given.group(act.params, "pause_collection", ("behavior", "resumes_at"))
    if not asked:
        subscription["pause_collection"] = None
        return
    given.required(asked, "behavior")
    behavior = given.choice(asked, "behavior", ("keep_as_draft", "mark_uncollectible", "void"))
    if behavior != "void":
        raise Invalid("This stand-in pauses by void only.", param="pause_collection[behavior]")
    subscription["pause_collection"] = {"behavior": behavior, "resumes_at": given.integer(asked, "resumes_at")}


def own_method(act: Act, subscription: Json, identifier: str) -> str:
    """The id of a method that its customer has. Raises Problem for another."""
    method = act.fetch("payment_methods", identifier, param="default_payment_method")
    if method["customer"] != subscription["customer"]:
        raise Problem(
            f"The customer does not have a payment method with the ID {identifier}. The payment method must be "
            "attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
    return str(method["id"])


def _set_end(act: Act, subscription: Json, at: int | None, *, at_period_end: bool) -> None:
    ends = at is not None
    subscription |= {
        "cancel_at": at,
        "cancel_at_period_end": at_period_end,
        "canceled_at": act.now if ends else None,
        "cancellation_details": {
            **subscription["cancellation_details"],
            "reason": "cancellation_requested" if ends else None,
        },
    }
