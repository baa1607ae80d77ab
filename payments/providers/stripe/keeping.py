"""A method as its customer's own: what Stripe charges for a subscription, or for one of its bills, is no other."""

from __future__ import annotations

from typing import Any

from payments.providers.errors import ProviderRejected, UnfitMethod, UnknownReference
from payments.providers.stripe.declines import declines
from payments.providers.stripe.errors import translated


def kept(api: Any, method_ref: str, customer_ref: str) -> str:
    """The method, saved with the customer where nobody has saved it yet.

    Raises MethodDeclined where its bank refuses already to have it saved, UnfitMethod, UnknownReference (another
    customer's). Source: Stripe API, "Attach a PaymentMethod".
    """
    with declines(), translated(moves_money=False):
        method = api.payment_methods.retrieve(method_ref).to_dict()
        if method.get("customer") not in (None, customer_ref):
            raise UnknownReference("The method is not this customer's")
        if method.get("customer") is None:
            try:
                with translated(moves_money=False):
                    api.payment_methods.attach(method["id"], {"customer": customer_ref})
            except ProviderRejected as error:  # used up, or a bank account without its mandate
                facts = {"code": error.code, "request_id": error.request_id}
                raise UnfitMethod("Stripe can't save this method", **facts) from error
        return str(method["id"])
