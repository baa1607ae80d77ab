"""Confirm a payment: choose the method, ask for 3-D Secure, take the money, or say why not.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from billing_portal.sandbox.stripe import accounts, cards, charges, disputes, holding, intents, mandates, watching
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import FailedAttempt, unexpected_state

DAY = 86_400
CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def confirm(act: Act, intent: Json, params: Params) -> None:
    """Try to take the money of `intent`; it is saved in its new state. Raises Problem, or
    FailedAttempt (which is kept)."""
    if intent["status"] not in CONFIRMABLE:
        done = "succeeded after being previously confirmed" if intent["status"] == "succeeded" else intent["status"]
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has already {done}."
            if intent["status"] == "succeeded"
            else f"You cannot confirm this PaymentIntent because it has a status of {done}.",
            "payment_intent",
            shown(intent),
        )
    off_session = given.flag(params, "off_session")
    intents.check_return_url(intent, params, off_session=off_session, browser=act.publishable)
    method = intents.choose_method(act, intent, params)
    if method["type"] == "us_bank_account":
        mandates.mandate_for(act, method, params, "payment_intent")
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None, "_authenticated": False}
    card = _behaviour(intent, method) if method["type"] == "card" else None
    if card and off_session and (card.asks == "always" or (card.asks == "unless_set_up" and not method.get("_set_up"))):
        raise _declined(act, intent, method, "authentication_required")
    if card and card.asks and not off_session:
        intents.ask(act, intent, params)
        act.save("payment_intents", intent)
        act.emit("payment_intent.requires_action", intent)
        watching.tell(act, "payment_intent", intent)
        return
    if refusal := _attempt(act, intent, method):
        raise refusal


def authenticated(act: Act, intent: Json, *, passed: bool) -> None:
    """The payer came back from 3-D Secure."""
    method = act.fetch("payment_methods", intent["payment_method"])
    intent["next_action"] = None
    if passed:
        intent["_authenticated"] = True
        _attempt(act, intent, method)
        return
    error = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.",
        "payment_method": shown(method),
        "type": "invalid_request_error",
    }
    _back_to_start(act, intent, error)


def succeed(act: Act, intent: Json, charge: Json) -> None:
    """The money is here."""
    charges.succeed(act, charge)
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "_settles_at": None}
    act.save("payment_intents", intent)
    act.emit("payment_intent.succeeded", intent)
    act.effect("charge", intent, "succeeded")
    watching.tell(act, "payment_intent", intent)


def fail_debit(act: Act, intent: Json, charge: Json, code: str) -> None:
    """The bank refused the debit, days later."""
    message = accounts.FAILURES.get(code, "The bank could not process this payment.")
    charges.fail(act, charge, code, None, message)
    method = act.fetch("payment_methods", charge["payment_method"])
    error = {
        "charge": charge["id"],
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": shown(method),
        "type": "invalid_request_error",
    }
    _back_to_start(act, intent, error)
    act.effect("charge", intent, "failed")


def _attempt(act: Act, intent: Json, method: Json) -> FailedAttempt | None:
    if method["type"] == "us_bank_account":
        _debit(act, intent, method)
        return None
    card = _behaviour(intent, method)
    if card.decline:
        return _declined(act, intent, method, card.decline)
    charge = charges.make(act, intent, method)
    intent["latest_charge"] = charge["id"]
    _keep_or_spend(act, intent, method)
    succeed(act, intent, charge)
    if card.dispute:
        disputes.open_dispute(act, act.fetch("charges", charge["id"]), card.dispute)
    return None


def _behaviour(intent: Json, method: Json) -> cards.TestCard:
    """What the card does, unless the panel has decided (`bill`)."""
    forced = intent.get("_forced")
    if forced:
        return cards.TestCard(decline="" if forced == "paid" else "generic_decline")
    return holding.behaviour(method)


def _debit(act: Act, intent: Json, method: Json) -> None:
    charge = charges.make(act, intent, method)
    settles = act.now + accounts.DAYS_TO_SETTLE * DAY
    intent |= {"latest_charge": charge["id"], "status": "processing", "_settles_at": settles}
    _keep_or_spend(act, intent, method)
    act.save("payment_intents", intent)
    act.emit("charge.pending", charge)
    act.emit("payment_intent.processing", intent)
    act.effect("charge", intent, "processing")
    watching.tell(act, "payment_intent", intent)


def _keep_or_spend(act: Act, intent: Json, method: Json) -> None:
    if method["customer"] is None and intent["customer"] and intent["setup_future_usage"]:
        holding.attach_to(act, method, intent["customer"])
    if method["customer"] is None:
        method["_spent"] = True
    if intent["setup_future_usage"] == "off_session" and intent.get("_authenticated"):
        method["_set_up"] = True
    act.save("payment_methods", method)


def _declined(act: Act, intent: Json, method: Json, reason: str) -> FailedAttempt:
    code, decline_code, message = cards.DECLINES[reason]
    charge = charges.make(act, intent, method)
    charges.fail(act, charge, code, decline_code, message)
    intent["latest_charge"] = charge["id"]
    facts = {"charge": charge["id"], "code": code, "decline_code": decline_code, "payment_method": shown(method)}
    doc = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    advice = "confirm_card_data" if reason in ("expired_card", "incorrect_cvc") else "try_again_later"
    error = {**facts, "advice_code": advice, "doc_url": doc, "message": message, "type": "card_error"}
    _back_to_start(act, intent, error)
    return FailedAttempt(message, **facts, advice_code=advice, payment_intent=shown(intent))


def _back_to_start(act: Act, intent: Json, error: Json) -> None:
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": error,
        "next_action": None,
        "_settles_at": None,
    }
    act.save("payment_intents", intent)
    act.emit("payment_intent.payment_failed", intent)
    watching.tell(act, "payment_intent", intent)
