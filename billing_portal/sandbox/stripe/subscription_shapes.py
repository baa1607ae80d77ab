"""A new subscription in Stripe's shape. https://docs.stripe.com/api/subscriptions/object"""

from typing import Any

from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, random_id

_EMPTY = (
    "application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at canceled_at "
    "customer_account days_until_due default_payment_method default_source description ended_at latest_invoice "
    "next_pending_invoice_item_invoice on_behalf_of pause_collection pending_invoice_item_interval "
    "pending_setup_intent pending_update schedule test_clock transfer_data trial_end trial_start"
)
# What is noted beside it: lines for the next invoice, a change that waits, what was debited, whether trial_will_end
# was told.
NOTES: Json = {"_pending_lines": [], "_pending": None, "_debits": {}, "_told": False, "_waits": True}


def subscription(act: Act, **own: Any) -> Json:
    """One that is not paid yet; `own` over what is usual."""
    return {
        "id": random_id("sub"),
        "object": "subscription",
        **dict.fromkeys(_EMPTY.split()),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": act.now,
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "livemode": False,
        "metadata": {},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": act.now,
        "status": "incomplete",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        **NOTES,
        **own,
    }
