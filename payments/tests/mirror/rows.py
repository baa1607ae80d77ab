"""One row of each kind that the mirror shows at the desk, as a sync would leave them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from djstripe import models

from billing_portal.tenants.models import Tenant

WHEN = datetime(2026, 10, 5, 14, tzinfo=UTC)


def one_of_each(tenant: Tenant) -> dict[str, Any]:
    """By Stripe's ids; the charge is of 5,000 yen, which dj-stripe's own column calls 50."""

    def kept(model: Any, ref: str, told: dict[str, Any] | None = None, **facts: Any) -> Any:
        return model.objects.create(id=ref, stripe_data=told or {}, created=WHEN, livemode=False, **facts)

    yen = {"amount": 5_000, "currency": "jpy", "status": "succeeded", "client_secret": "pi_1_secret_2"}
    customer = kept(models.Customer, "cus_1", subscriber=tenant, email=tenant.email)
    method = kept(models.PaymentMethod, "pm_1", {"type": "card"}, customer=customer)
    charge = kept(
        models.Charge,
        "ch_1",
        yen,
        amount="50.00",
        currency="jpy",
        status="succeeded",
        customer=customer,
    )
    product = kept(models.Product, "prod_1", name="Professional")
    made = [
        customer,
        method,
        charge,
        product,
        kept(models.Event, "evt_1", data={"object": yen}, type="charge.succeeded"),
        kept(models.SetupIntent, "seti_1", {"status": "requires_action"}, customer=customer, payment_method=method),
        kept(models.PaymentIntent, "pi_1", yen, customer=customer),
        kept(models.Refund, "re_1", {**yen, "amount": 900}, amount=900, currency="jpy", charge=charge),
        kept(models.Dispute, "du_1", {**yen, "status": "needs_response"}, charge=charge),
        kept(models.BalanceTransaction, "txn_1", yen, amount=5_000, currency="jpy", source="ch_1", type="charge"),
        kept(models.Price, "price_1", active=True, currency="usd", product=product),
        kept(models.Subscription, "sub_1", {"status": "past_due"}, customer=customer),
        kept(models.Invoice, "in_1", {"total": 2_900, "currency": "usd", "status": "open"}, customer=customer),
    ]
    return {row.id: row for row in made}
