"""Setup intents: save a card or a bank account for later, with its 3-D Secure or its mandate.

https://docs.stripe.com/api/setup_intents
"""

from billing_portal.sandbox.stripe import cards, holding, intent_shapes, intents, listing, mandates, watching
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import FailedAttempt, unexpected_state
from billing_portal.sandbox.stripe.routing import route

_KIND = "setup_intents"
_URL = "/v1/setup_intents"
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CONFIRM = "mandate_data payment_method payment_method_data return_url use_stripe_sdk"
_WORDS = "description metadata"


@route(
    "POST",
    _URL,
    f"automatic_payment_methods excluded_payment_method_types customer usage confirm {_WORDS} {_CONFIRM}",
)
def create(act: Act) -> Json:
    """Make one, and confirm it at once when asked to."""
    types, automatic = intents.offered(act.params, None)
    intent = intent_shapes.setup_intent(
        act,
        automatic_payment_methods=automatic,
        customer=intents.customer_given(act),
        description=given.text(act.params, "description"),
        excluded_payment_method_types=act.params.get("excluded_payment_method_types") or None,
        metadata=given.metadata(act.params),
        payment_method_types=types,
        usage=given.choice(act.params, "usage", ("off_session", "on_session"), "off_session"),
    )
    confirming = given.flag(act.params, "confirm")
    if not confirming and (act.params.get("payment_method") or act.params.get("payment_method_data")):
        method = intents.choose_method(act, intent, act.params)
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    act.save(_KIND, intent)
    act.emit("setup_intent.created", intent)
    if confirming:
        confirm(act, intent, act.params)
    return shown(intent)


@route("GET", _URL, f"customer payment_method {listing.PAGING}")
def listed(act: Act) -> Json:
    """All, newest first."""
    return listing.listed(act, _KIND, _URL, ("customer", "payment_method"))


@route("GET", _URL + "/{id}", publishable=True)
def retrieve(act: Act, identifier: str) -> Json:
    """One."""
    return shown(intents.opened(act, _KIND, identifier))


@route("POST", _URL + "/{id}", f"customer payment_method {_WORDS}")
def update(act: Act, identifier: str) -> Json:
    """Change it while it is open."""
    intent = act.fetch(_KIND, identifier)
    if intent["status"] not in _OPEN and set(act.params) - {"description", "metadata", "expand"}:
        raise _state("update", intent)
    if "customer" in act.params:
        intent["customer"] = intents.customer_given(act)
    if "description" in act.params:
        intent["description"] = given.text(act.params, "description")
    intent["metadata"] = given.metadata(act.params, intent["metadata"])
    if given.text(act.params, "payment_method"):
        method = intents.choose_method(act, intent, act.params)
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return shown(act.save(_KIND, intent))


@route("POST", _URL + "/{id}/confirm", _CONFIRM, publishable=True)
def confirm_one(act: Act, identifier: str) -> Json:
    """Confirm it; Stripe.js does so with the client secret."""
    intent = intents.opened(act, _KIND, identifier)
    confirm(act, intent, act.params)
    return shown(intent)


@route("POST", _URL + "/{id}/cancel", "cancellation_reason")
def cancel(act: Act, identifier: str) -> Json:
    """Cancel it while it is open."""
    intent = act.fetch(_KIND, identifier)
    if intent["status"] not in _OPEN:
        raise _state("cancel", intent)
    reason = given.choice(act.params, "cancellation_reason", ("abandoned", "duplicate", "requested_by_customer"))
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    act.save(_KIND, intent)
    act.emit("setup_intent.canceled", intent)
    return shown(intent)


def confirm(act: Act, intent: Json, params: Params) -> None:
    """Check the method with its bank, and save it. Raises Problem, or FailedAttempt (which is kept)."""
    if intent["status"] not in _OPEN:
        raise _state("confirm", intent)
    intents.check_return_url(intent, params, off_session=False, browser=act.publishable)
    method = intents.choose_method(act, intent, params)
    if method["type"] == "us_bank_account":
        intent["mandate"] = mandates.mandate_for(act, method, params, "setup_intent")
    intent |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
    card = holding.behaviour(method) if method["type"] == "card" else None
    if card and card.decline and not card.attaches:
        raise _declined(act, intent, method, card.decline)
    if card and card.asks:
        intents.ask(act, intent, params)
        act.save(_KIND, intent)
        act.emit("setup_intent.requires_action", intent)
        return
    _succeed(act, intent, method)


def authenticated(act: Act, intent: Json, *, passed: bool) -> None:
    """The payer came back from 3-D Secure."""
    method = act.fetch("payment_methods", intent["payment_method"])
    if passed:
        _succeed(act, intent, method)
        return
    error = {
        "code": "setup_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/setup-intent-authentication-failure",
        "message": "The latest attempt to set up the payment method has failed because authentication failed.",
        "payment_method": shown(method),
        "type": "invalid_request_error",
    }
    _back_to_start(act, intent, error)


def _succeed(act: Act, intent: Json, method: Json) -> None:
    method["_set_up"] = True
    if intent["customer"]:
        holding.attach_to(act, method, intent["customer"])
    act.save("payment_methods", method)
    intent |= {"status": "succeeded", "next_action": None}
    act.save(_KIND, intent)
    act.emit("setup_intent.succeeded", intent)
    watching.tell(act, "setup_intent", intent)


def _declined(act: Act, intent: Json, method: Json, reason: str) -> FailedAttempt:
    code, decline_code, message = cards.DECLINES[reason]
    facts = {"code": code, "decline_code": decline_code, "payment_method": shown(method)}
    doc = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    _back_to_start(act, intent, {**facts, "doc_url": doc, "message": message, "type": "card_error"})
    return FailedAttempt(message, **facts, setup_intent=shown(intent))


def _back_to_start(act: Act, intent: Json, error: Json) -> None:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_setup_error": error,
        "next_action": None,
    }
    act.save(_KIND, intent)
    act.emit("setup_intent.setup_failed", intent)


def _state(verb: str, intent: Json) -> Exception:
    return unexpected_state(
        f"You cannot {verb} this SetupIntent because it has a status of {intent['status']}.",
        "setup_intent",
        shown(intent),
    )
