"""Payment intents: create, confirm, change, cancel, list, search. https://docs.stripe.com/api/payment_intents"""

from billing_portal.sandbox.stripe import amounts, intent_shapes, intents, listing
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.confirming import CONFIRMABLE, confirm
from billing_portal.sandbox.stripe.problems import Invalid, Problem, unexpected_state
from billing_portal.sandbox.stripe.routing import route

_KIND = "payment_intents"
_URL = "/v1/payment_intents"
_CONFIRM = "off_session mandate_data payment_method payment_method_data return_url use_stripe_sdk"
_WORDS = "description metadata receipt_email setup_future_usage"
CANCELABLE = CONFIRMABLE
REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
USAGES = ("off_session", "on_session")


@route(
    "POST",
    _URL,
    f"amount currency customer confirm automatic_payment_methods excluded_payment_method_types {_WORDS} {_CONFIRM}",
)
def create(act: Act) -> Json:
    """Make one, and confirm it at once when asked to."""
    confirming = given.flag(act.params, "confirm")
    for name in ("off_session", "mandate_data", "return_url"):
        if name in act.params and not confirming:
            raise Invalid(f"{name} can only be given together with confirm=true.", param=name)
    amount, currency = amounts.chargeable(act.params)
    types, automatic = intents.offered(act.params, currency)
    intent = intent_shapes.payment_intent(
        act,
        amount,
        currency,
        automatic_payment_methods=automatic,
        customer=intents.customer_given(act),
        description=given.text(act.params, "description"),
        excluded_payment_method_types=act.params.get("excluded_payment_method_types") or None,
        metadata=given.metadata(act.params),
        payment_method_types=types,
        receipt_email=given.text(act.params, "receipt_email"),
        setup_future_usage=given.choice(act.params, "setup_future_usage", USAGES),
    )
    if not confirming:
        _choose(act, intent)
    act.save(_KIND, intent)
    act.emit("payment_intent.created", intent)
    if confirming:
        confirm(act, intent, act.params)
    return shown(intent)


@route("GET", _URL, f"customer {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first."""
    return listing.listed(act, _KIND, _URL, ("customer",))


@route("GET", f"{_URL}/search", "query limit page")
def search(act: Act) -> Json:
    """Those that meet a query, such as `metadata['payment_id']:'…'`."""
    return listing.searched(act, _KIND, f"{_URL}/search")


@route("GET", _URL + "/{id}", publishable=True)
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(intents.opened(act, _KIND, identifier))


@route("POST", _URL + "/{id}", f"amount currency customer payment_method payment_method_data {_WORDS}")
def update(act: Act, identifier: str) -> Json:
    """Change it, as long as nothing is under way; its words may be changed always."""
    intent = act.fetch(_KIND, identifier)
    if intent.get("_invoice") and {"amount", "currency", "customer"} & set(act.params):
        raise Problem("The amount, currency and customer of a PaymentIntent that was created by an Invoice are its.")
    if intent["status"] not in CONFIRMABLE and set(act.params) - {"description", "metadata", "expand"}:
        what = next(iter(set(act.params) - {"description", "metadata", "expand"}))
        raise unexpected_state(
            f"This PaymentIntent's {what} could not be updated because it has a status of {intent['status']}.",
            "payment_intent",
            shown(intent),
        )
    if "amount" in act.params or "currency" in act.params:
        currency = amounts.currency_of(act.params) or intent["currency"]
        amount, currency = amounts.chargeable({"amount": str(intent["amount"]), **act.params, "currency": currency})
        intent |= {"amount": amount, "currency": currency}
    if "customer" in act.params:
        intent["customer"] = intents.customer_given(act)
    for name in ("description", "receipt_email"):
        if name in act.params:
            intent[name] = given.text(act.params, name)
    intent["setup_future_usage"] = given.choice(act.params, "setup_future_usage", USAGES, intent["setup_future_usage"])
    intent["metadata"] = given.metadata(act.params, intent["metadata"])
    _choose(act, intent)
    return shown(act.save(_KIND, intent))


@route("POST", _URL + "/{id}/confirm", f"{_CONFIRM} receipt_email setup_future_usage", publishable=True)
def confirm_one(act: Act, identifier: str) -> Json:
    """Confirm it; Stripe.js does so with the client secret."""
    intent = intents.opened(act, _KIND, identifier)
    if "off_session" in act.params and act.publishable:
        raise Invalid("off_session needs a secret key.", param="off_session")
    intent["setup_future_usage"] = given.choice(act.params, "setup_future_usage", USAGES, intent["setup_future_usage"])
    if "receipt_email" in act.params:
        intent["receipt_email"] = given.text(act.params, "receipt_email")
    confirm(act, intent, act.params)
    return shown(intent)


@route("POST", _URL + "/{id}/cancel", "cancellation_reason")
def cancel(act: Act, identifier: str) -> Json:
    """Cancel it, unless money moved or is under way."""
    intent = act.fetch(_KIND, identifier)
    if intent.get("_invoice"):
        raise Problem("You cannot cancel a PaymentIntent that was created by an Invoice: void the invoice instead.")
    if intent["status"] not in CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            "payment_intent",
            shown(intent),
        )
    reason = given.choice(act.params, "cancellation_reason", REASONS)
    intent |= {"status": "canceled", "canceled_at": act.now, "cancellation_reason": reason, "next_action": None}
    act.save(_KIND, intent)
    act.emit("payment_intent.canceled", intent)
    return shown(intent)


def _choose(act: Act, intent: Json) -> None:
    """Put the method that was given on the intent, which then waits to be confirmed."""
    if not (act.params.get("payment_method") or act.params.get("payment_method_data")):
        return
    method = intents.choose_method(act, intent, act.params)
    intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
