"""What payment intents and setup intents have in common: their secret, their method, and asking for 3-D Secure."""

import hmac
from typing import Any

from billing_portal.sandbox.stripe import customers, holding, making
from billing_portal.sandbox.stripe import params as given
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id, shown
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import Invalid, Problem, missing, unexpected_state

TYPES = ("card", "us_bank_account")
WORDS = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}


def opened(act: Act, kind: str, identifier: str) -> Json:
    """The intent. With a publishable key its client secret is asked for: else it is not there."""
    intent = act.fetch(kind, identifier)
    if act.publishable:
        given.required(act.params, "client_secret")
        secret = given.text(act.params, "client_secret") or ""
        if not hmac.compare_digest(secret.encode(), str(intent["client_secret"]).encode()):
            raise missing(intent["object"], identifier, param="intent")
    return intent


def offered(params: Params, currency: str | None) -> tuple[list[str], Json | None]:
    """The types that an intent takes, and its `automatic_payment_methods`. Bank debits are in US dollars only.

    https://docs.stripe.com/api/payment_intents/create: automatic is the default since 2023-08-16.
    """
    automatic = given.group(params, "automatic_payment_methods", ("enabled", "allow_redirects"))
    if automatic and not given.flag(automatic, "enabled"):
        raise Invalid("automatic_payment_methods[enabled] must be true", param="automatic_payment_methods[enabled]")
    redirects = given.choice(automatic, "allow_redirects", ("always", "never"), "always")
    excluded = params.get("excluded_payment_method_types") or []
    types = [kind for kind in TYPES if kind not in excluded and (kind == "card" or currency in (None, "usd"))]
    if not types:
        raise Problem("No payment method type is left for this intent.", param="excluded_payment_method_types")
    return types, {"allow_redirects": redirects, "enabled": True}


def choose_method(act: Act, intent: Json, params: Params) -> Json:
    """The method that this confirmation uses. Raises Problem when there is none, or it is not for this intent."""
    word = WORDS[intent["object"]]
    if data := params.get("payment_method_data"):
        method = making.from_data(act, data)
    elif wanted := given.text(params, "payment_method") or intent["payment_method"]:
        method = making.resolve(act, wanted, param="payment_method")
    else:
        raise unexpected_state(
            f"You cannot confirm this {word} because it's missing a payment method. You can either update the {word} "
            "with a payment method and then confirm it again, or confirm it again directly with a payment method or "
            "ConfirmationToken.",
            intent["object"],
            shown(intent),
        )
    check_method(intent, method)
    return method


def check_method(intent: Json, method: Json) -> None:
    """Raise Problem when the method is another customer's, thrown away, or of a type that the intent does not take."""
    word = WORDS[intent["object"]]
    if method["type"] not in intent["payment_method_types"]:
        raise Problem(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this {word}. Please "
            f"attach a PaymentMethod of one of the following types: {', '.join(intent['payment_method_types'])}.",
            code=f"{intent['object']}_incompatible_payment_method" if word == "PaymentIntent" else None,
            param="payment_method",
        )
    if method["customer"] is not None and intent["customer"] is None:
        raise Problem(
            f"The provided PaymentMethod was previously used with a Customer. Please include the Customer in the "
            f"`customer` parameter on the {word}.",
            param="payment_method",
        )
    if method["customer"] not in (None, intent["customer"]):
        raise Problem(
            f"The customer does not have a payment method with the ID {method['id']}. The payment method must be "
            "attached to the customer.",
            code="resource_missing",
            param="payment_method",
        )
    if method["customer"] is None and method.get("_spent"):
        raise holding.spent()


def customer_given(act: Act) -> str | None:
    """The id in `customer`, if it lives. Raises Problem."""
    identifier = given.text(act.params, "customer")
    return customers.living(act, identifier, param="customer")["id"] if identifier else None


def check_return_url(intent: Json, params: Params, *, off_session: bool, browser: bool) -> None:
    """Raise Problem when a method might redirect and nobody said where to come back."""
    automatic = intent["automatic_payment_methods"]
    if automatic is None:  # its types were listed one by one (an invoice's), and none of them redirects
        return
    if off_session or browser or automatic.get("allow_redirects") == "never" or given.text(params, "return_url"):
        return
    word = WORDS[intent["object"]]
    raise Problem(
        f"This {word} is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
        "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to "
        "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
        "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
    )


def ask(act: Act, intent: Json, params: Params) -> None:
    """Send the payer to their bank's 3-D Secure page: `requires_action`.

    https://docs.stripe.com/payments/3d-secure: with a return address it is a redirect, without it Stripe.js's work.
    """
    page = f"{act.base_url}/3ds/{intent['client_secret']}"
    back = given.text(params, "return_url")
    action: dict[str, Any]
    if back and not given.flag(params, "use_stripe_sdk"):
        intent["_return_url"] = back
        action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": back, "url": page}}
    else:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": page, "source": random_id("payatt")}
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    intent |= {"status": "requires_action", "next_action": action}
