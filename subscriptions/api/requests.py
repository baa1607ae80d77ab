"""What clients may send about a subscription, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing_portal.kit import fields
from billing_portal.kit.serializers import Parsed, StrictSerializer
from payments.api.requests import CardFreeText, MethodReference, NoCardData
from subscriptions.actions.changing import Wish
from subscriptions.actions.subscribing import MOST_SEATS
from subscriptions.models.plan import BillingCycle

MOST_TRIAL_DAYS = 365


class StartIn(NoCardData):
    """The guide's body. Without `paymentMethodId` it is paid by invoice, where the plan allows that. `currency` is of
    use to a tenant that has none yet. `coupon` is a code, however its letters are written."""

    planType = fields.Text(source="plan_code", max_length=32)
    billingCycle = fields.OneOf(BillingCycle, source="cycle")
    paymentMethodId = MethodReference(source="method_ref", required=False)
    trialDays = fields.Whole(source="trial_days", required=False, minimum=0, maximum=MOST_TRIAL_DAYS)
    seats = fields.Whole(required=False, minimum=1, maximum=MOST_SEATS)
    coupon = fields.Text(required=False, max_length=64)
    currency = fields.Currency(required=False)


class ChangeIn(StrictSerializer):
    """What is not named stays as it is."""

    default_error_messages = {"nothing_asked": "Name a plan, a billing cycle or a number of seats."}

    planType = fields.Text(source="plan_code", required=False, max_length=32)
    billingCycle = fields.OneOf(BillingCycle, source="cycle", required=False)
    seats = fields.Whole(required=False, minimum=1, maximum=MOST_SEATS)
    when = fields.OneOf(["now", "period_end"], required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not {"plan_code", "cycle", "seats"} & attrs.keys():
            raise serializers.ValidationError(self.error_messages["nothing_asked"], code="nothing_asked")
        return attrs


class ChangeWithPreviewIn(ChangeIn):
    """With the `previewToken` of a preview of just this, what that showed is charged, to the cent."""

    previewToken = fields.Text(source="token", required=False, max_length=2_000)


class CancelIn(StrictSerializer):
    atPeriodEnd = fields.Flag(source="at_period_end", default=True)
    reason = CardFreeText(required=False, allow_blank=True, default="", max_length=200)


class PauseIn(StrictSerializer):
    reason = CardFreeText(required=False, allow_blank=True, default="", max_length=200)


def wish_of(wanted: Parsed) -> Wish:
    return Wish(plan_code=wanted.plan_code, cycle=wanted.cycle, seats=wanted.seats, when=wanted.when)
