"""What clients may send about money: bodies and filters, field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers

from billing_portal.cards import holds_card_number
from billing_portal.kit import fields
from billing_portal.kit.serializers import Parsed, StrictSerializer
from payments.actions.opening import MethodChoice
from payments.api.documents import SHOWN_PAYMENT_STATUSES
from payments.models import Invoice, Payment
from payments.providers import registry

_Row = TypeVar("_Row", bound=Model)

METHOD_TYPES = ["card", "us_bank_account", "paypal", "manual"]
# Members that belong to some types alone.
_ONLY_FOR = {
    ("manual",): ("kind", "reference", "receivedOn"),
    ("card", "us_bank_account"): ("stripePaymentMethodId",),
    ("paypal",): ("returnUrl", "cancelUrl"),
}
# What a form that takes cards would send. No such thing may reach us: providers' own fields take card data.
_CARD_FIELDS = re.compile(r"(card)?_?(number|cvc|cvv|cvv2|pan|exp_?month|exp_?year|expiry|track_?data)", re.IGNORECASE)
_REFERENCE = re.compile(r"[a-z]{2,8}_[A-Za-z0-9_]{1,246}", re.ASCII)


class CardFreeText(fields.Text):
    """Text in which a card's number is refused rather than stored."""

    default_error_messages = {
        "card_data_refused": (
            "This looks like a card number. Card data is entered in the provider's own form, never here."
        )
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if holds_card_number(text):
            self.fail("card_data_refused")
        return text


class Line(CardFreeText):
    """One line of it: what stands on a check has no line breaks."""

    default_error_messages = {
        "not_one_line": "Send one line of text, without line breaks, tabs or other control characters."
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.isprintable():
            self.fail("not_one_line")
        return text


class MethodReference(fields.Text):
    """A provider's id of a payment method (`pm_…`)."""

    default_error_messages = {
        "invalid_reference": "Send the id of a payment method, like pm_1234567890.",
        "card_data_refused": CardFreeText.default_error_messages["card_data_refused"],
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=255, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if holds_card_number(text):
            self.fail("card_data_refused")
        if not _REFERENCE.fullmatch(text):
            self.fail("invalid_reference")
        return text


class NoCardData(StrictSerializer):
    """Refuses members that are named like parts of a card, with a code of their own."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            names = [name for name in data if isinstance(name, str) and _CARD_FIELDS.fullmatch(name)]
            if names:
                message = CardFreeText.default_error_messages["card_data_refused"]
                raise serializers.ValidationError({name: [message] for name in names}, code="card_data_refused")
            self.check_before_fields(data)
        return super().to_internal_value(data)

    def check_before_fields(self, data: Mapping[str, Any]) -> None:
        """What makes looking at the fields pointless. Raises ValidationError."""


class PaymentMethodIn(NoCardData):
    """`kind`, `reference` and `receivedOn` belong to `manual`, `stripePaymentMethodId` to cards and bank accounts,
    `returnUrl` and `cancelUrl` to `paypal`: where its page leads back to."""

    default_error_messages = {
        "method_not_offered": "This way of paying is not offered here.",
        "required": "Name the payment method to charge: the id that Stripe.js gave, or that of a saved one.",
        "not_for_this_type": "This belongs to another type of payment method.",
    }

    type = fields.OneOf(METHOD_TYPES)
    stripePaymentMethodId = MethodReference(source="method_ref", required=False)
    returnUrl = fields.Text(source="return_url", required=False, max_length=500)
    cancelUrl = fields.Text(source="cancel_url", required=False, max_length=500)
    kind = fields.OneOf(["check", "wire", "cash", "other"], default="check")
    reference = Line(required=False, max_length=140)
    receivedOn = fields.Day(source="received_on", required=False)

    def check_before_fields(self, data: Mapping[str, Any]) -> None:
        """A method that is off is not offered, whatever members it would bring along; and what belongs to another type
        is a mistake that is better said than overlooked."""
        wanted = data.get("type")
        if wanted not in METHOD_TYPES:
            return
        if wanted != "manual" and registry.provider_for(wanted) is None:
            raise self._wrong("type", "method_not_offered")
        for types, names in _ONLY_FOR.items():
            for name in names if wanted not in types else ():
                if name in data:
                    raise self._wrong(name, "not_for_this_type")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A card or bank account is named by the provider's id."""
        if attrs["type"] in ("card", "us_bank_account") and not attrs.get("method_ref"):
            raise self._wrong("stripePaymentMethodId", "required")
        return attrs

    def _wrong(self, name: str, code: str) -> serializers.ValidationError:
        return serializers.ValidationError({name: [self.error_messages[code]]}, code=code)


def choice_of(method: Parsed, *, saves: bool = False) -> MethodChoice:
    """How somebody pays, as the verbs take it."""
    if method.type == "manual":
        return MethodChoice(method.kind, method.reference, method.received_on)
    return MethodChoice(
        method.type,
        method_ref=method.method_ref,
        saves=saves,
        return_url=method.return_url,
        cancel_url=method.cancel_url,
    )


class PaymentIn(NoCardData):
    amount = fields.MinorAmount()
    currency = fields.Currency()
    paymentMethod = PaymentMethodIn(source="payment_method")
    savePaymentMethod = fields.Flag(source="saves", required=False, default=False)
    description = CardFreeText(required=False, allow_blank=True, default="", max_length=500)
    invoiceId = fields.Identifier(source="invoice_id", required=False, allow_null=True)


class InvoicePaymentIn(NoCardData):
    """Without `amount`: all that is still due."""

    paymentMethod = PaymentMethodIn(source="payment_method")
    amount = fields.MinorAmount(required=False)
    savePaymentMethod = fields.Flag(source="saves", required=False, default=False)


class ListFilters(StrictSerializer):
    """What every list takes beside page and pageSize."""

    createdAfter = fields.Instant(source="created_after", required=False)
    createdBefore = fields.Instant(source="created_before", required=False)


def created_within(rows: QuerySet[_Row], wanted: Parsed) -> QuerySet[_Row]:
    """Rows from between the two instants of ListFilters, themselves left out."""
    if wanted.created_after:
        rows = rows.filter(created_at__gt=wanted.created_after)
    if wanted.created_before:
        rows = rows.filter(created_at__lt=wanted.created_before)
    return rows


class PaymentFilters(ListFilters):
    status = fields.OneOf(SHOWN_PAYMENT_STATUSES, required=False)
    invoiceId = fields.Identifier(source="invoice_id", required=False)
    provider = fields.Text(required=False, max_length=16)
    method = fields.OneOf([*Payment.Method.values, "manual"], required=False)


class InvoiceFilters(ListFilters):
    status = fields.OneOf(Invoice.Status.values, required=False)
    kind = fields.OneOf(Invoice.Kind.values, required=False)
