"""Who holds a payment method: attached to one customer at most, and thrown away for ever when it is detached."""

from billing_portal.sandbox.stripe import cards, watching
from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.problems import Declined, Problem


def behaviour(method: Json) -> cards.TestCard:
    """What this card does."""
    return cards.CARDS[method["_number"]]


def refuse_card(method: Json) -> None:
    """Raise Declined when the bank refuses the card as soon as it is looked at."""
    if method["type"] == "card" and (card := behaviour(method)).decline and not card.attaches:
        code, decline_code, message = cards.DECLINES[card.decline]
        raise Declined(message, code=code, decline_code=decline_code, payment_method=shown(method))


def attach_to(act: Act, method: Json, customer_id: str) -> None:
    """Make it the customer's. Raises Problem when it is another's, or was used and thrown away."""
    if method["customer"] == customer_id:
        return
    if method["customer"] is not None:
        raise Problem("The payment method you provided has already been attached to a customer.")
    if method.get("_spent"):
        raise spent()
    method["customer"] = customer_id
    act.save("payment_methods", method)
    act.emit("payment_method.attached", method)


def detach_from(act: Act, method: Json) -> None:
    """Take it from its customer, whose default it is no longer."""
    customer = act.books.get("customers", method["customer"])
    if customer and customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        act.save("customers", customer)
    previous = {"customer": method["customer"]}
    method |= {"customer": None, "_spent": True}
    act.save("payment_methods", method)
    act.emit("payment_method.detached", method, previous)
    watching.tell(act, "payment_method.detached", method)


def spent() -> Problem:
    """It was used without a customer, or detached: it can't be used again."""
    return Problem(
        "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, "
        "and may not be used again.",
        param="payment_method",
    )
