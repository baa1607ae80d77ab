"""3-D Secure: the bank's page in the browser, and what follows from its outcome. https://docs.stripe.com/payments/3d-secure"""

from billing_portal.sandbox.stripe import confirming, setup_intents
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Books, Json
from billing_portal.sandbox.stripe.problems import Problem

OUTCOMES = ("succeeded", "failed")


def waiting(books: Books, secret: str) -> Json | None:
    """The intent that belongs to a client secret, or None."""
    identifier = secret.partition("_secret_")[0]
    kind = "setup_intents" if identifier.startswith("seti_") else "payment_intents"
    intent = books.get(kind, identifier)
    return intent if intent and intent["client_secret"] == secret else None


def finish(act: Act, identifier: str, outcome: str) -> Json:
    """The person passed or failed, after they confirmed what had waited for that, as they do by one click in Stripe.js.

    Raises Problem when the intent waits for nobody.
    """
    kind = "setup_intents" if identifier.startswith("seti_") else "payment_intents"
    intent = act.fetch(kind, identifier)
    if outcome not in OUTCOMES:
        raise Problem(f"outcome must be one of {', '.join(OUTCOMES)}", param="outcome")
    verb = setup_intents.authenticated if kind == "setup_intents" else confirming.authenticated
    if intent["status"] == "requires_confirmation":
        _confirm(act, kind, intent)
        if intent["status"] == outcome:  # the card asked for nobody
            return intent
    if intent["status"] != "requires_action":
        raise Problem(f"{identifier} waits for no authentication: it is {intent['status']}.")
    verb(act, intent, passed=outcome == "succeeded")
    return intent


def _confirm(act: Act, kind: str, intent: Json) -> None:
    confirm = setup_intents.confirm if kind == "setup_intents" else confirming.confirm
    confirm(act, intent, {"use_stripe_sdk": "true"})
