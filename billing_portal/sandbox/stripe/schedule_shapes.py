"""A new subscription schedule and its phases in Stripe's shape. https://docs.stripe.com/api/subscription_schedules/object"""

from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id


def schedule(act: Act, subscription: Json, first: Json, metadata: dict[str, str]) -> Json:
    """One that runs, with its first phase under way."""
    return {
        "id": random_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": subscription["billing_mode"],
        "canceled_at": None,
        "completed_at": None,
        "created": act.now,
        "current_phase": {"start_date": first["start_date"], "end_date": first["end_date"]},
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": {
            "billing_cycle_anchor": "automatic",
            "collection_method": "charge_automatically",
            "default_payment_method": subscription["default_payment_method"],
            "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}},
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": metadata,
        "phases": [first],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": None,
    }


def phase(
    subscription: Json, wanted: list[Json], period: tuple[int, int], behavior: str, metadata: dict[str, str]
) -> Json:
    """A phase: these prices and quantities (`wanted`) in this period."""
    items = [
        {
            "billing_thresholds": None,
            "discounts": [],
            "metadata": {},
            "plan": each["price"],
            "price": each["price"],
            "quantity": each["quantity"],
            "tax_rates": [],
        }
        for each in wanted
    ]
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": subscription["currency"],
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": period[1],
        "invoice_settings": None,
        "items": items,
        "metadata": metadata,
        "on_behalf_of": None,
        "proration_behavior": behavior,
        "start_date": period[0],
        "transfer_data": None,
        "trial_end": None,
    }
