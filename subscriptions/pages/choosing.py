"""The form that chooses plan, cycle and seats, and at the start a coupon: of a new subscription, or of a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from billing_portal.kit.errors import BillingError
from subscriptions.actions.subscribing import MOST_SEATS
from subscriptions.errors import (
    CouponCurrency,
    CouponExpired,
    CouponUsedBefore,
    CouponUsedUp,
    NotByInvoice,
    SeatsFallAtRenewal,
    TooFewSeats,
    TooManySeats,
    UnknownCoupon,
    UnknownPlan,
)
from subscriptions.models import PlanVersion
from subscriptions.models.plan import BillingCycle

_WHOLE = "Write a whole number of seats, like 12."
# What the page says of a refusal, and at which field. The API's sentences speak of its own fields.
_FIELDS: dict[type[BillingError], str] = {
    TooFewSeats: "seats",
    TooManySeats: "seats",
    SeatsFallAtRenewal: "seats",
    UnknownPlan: "plan",
    NotByInvoice: "plan",
    UnknownCoupon: "coupon",
    CouponExpired: "coupon",
    CouponUsedUp: "coupon",
    CouponUsedBefore: "coupon",
    CouponCurrency: "coupon",
}
_WORDS: dict[type[BillingError], str] = {
    SeatsFallAtRenewal: "Seats that are paid for stay until the period ends.",
    UnknownPlan: "This plan is not sold in this cycle. Choose the other one, or another plan.",
    NotByInvoice: "This plan can't be paid by invoice. Choose another.",
}


class ChoosingForm(forms.Form):
    """`versions` are those that can be chosen. Nothing sent for a field: `defaults`."""

    plan = forms.ChoiceField(error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one of the plans."))
    cycle = forms.ChoiceField(
        choices=BillingCycle.choices, error_messages={"invalid_choice": "Choose how often to pay."}
    )
    seats = forms.IntegerField(
        min_value=1,
        max_value=MOST_SEATS,
        error_messages={
            "required": _WHOLE,
            "invalid": _WHOLE,
            "min_value": "One seat at least.",
            "max_value": f"No more than {MOST_SEATS:,} seats at a time. Write to us for more.",
        },
    )

    coupon = forms.CharField(
        required=False, max_length=64, error_messages={"max_length": "A code is shorter than this."}
    )

    def __init__(self, sent: Any, *, versions: Sequence[PlanVersion], defaults: dict[str, Any]) -> None:
        super().__init__({name: sent.get(name, default) for name, default in defaults.items()})
        self.fields["plan"].choices = [(each.plan.code, each.plan.name) for each in versions]  # type: ignore[attr-defined]

    def refuse(self, error: BillingError) -> None:
        """Say it where it can be mended; what is about none of the fields, above them."""
        self.add_error(_FIELDS.get(type(error)), _WORDS.get(type(error), error.detail))
