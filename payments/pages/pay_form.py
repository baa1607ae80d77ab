"""The form that pays an invoice: which method, how much, and the key that makes it one payment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from payments.actions.opening import MethodChoice
from payments.models import Payment, PaymentMethod

# What the radio of the methods says beside the id of a saved one.
NEW_CARD, PAYPAL, OFFLINE = "new-card", "paypal", "offline"
_NO_SCRIPT = "A new card needs JavaScript: its number goes straight to Stripe, and never through this page."

_STALE = "This page was not sent as a whole. Nothing was charged. Try once more."


class PayForm(forms.Form):
    """`amount` and `choice` are there once it is valid. `due` is what can be paid now, `methods` are those saved;
    `paypal`: whether PayPal is offered for this invoice.

    `shown` is the amount that stood on the button, in minor units: what is due may have changed since.
    """

    key = forms.UUIDField(error_messages=dict.fromkeys(("required", "invalid"), _STALE))
    shown = forms.IntegerField(widget=forms.HiddenInput, required=False)
    pay_with = forms.CharField(error_messages={"required": "Choose how you would like to pay."})
    card = forms.RegexField(r"^pm_[A-Za-z0-9_]{1,250}\Z", required=False, widget=forms.HiddenInput)
    keep = forms.BooleanField(required=False)
    how_much = forms.ChoiceField(choices=[("all", "All that is due"), ("part", "Part of it")], initial="all")
    part = forms.CharField(required=False, strip=False, label="Amount to pay now")

    amount: Money
    choice: MethodChoice

    def __init__(self, *args: Any, due: Money, methods: Sequence[PaymentMethod], paypal: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.due, self.saved, self.paypal = due, {str(method.id): method for method in methods}, paypal

    def clean_pay_with(self) -> str:
        """A saved one's id, a new card, or PayPal."""
        wanted: str = self.cleaned_data["pay_with"]
        if wanted == OFFLINE:
            raise ValidationError("A check or wire is sent, not paid here. Choose a card or account to pay now.")
        if wanted == PAYPAL and not self.paypal:
            raise ValidationError("PayPal is not offered for this invoice. Choose another way to pay.")
        if wanted not in (NEW_CARD, PAYPAL) and wanted not in self.saved:
            raise ValidationError("This payment method is gone. Choose another.")
        return wanted

    def clean(self) -> dict[str, Any]:
        """What it comes to."""
        data: dict[str, Any] = self.cleaned_data
        if data.get("pay_with") == NEW_CARD and not data.get("card"):
            self.add_error("pay_with", _NO_SCRIPT)
        if data.get("how_much") == "part":
            self._take_part(data.get("part", ""))
        elif data.get("shown") not in (None, self.due.minor):
            self.add_error(None, "What is due has changed since you opened this page. Nothing was charged. Look again.")
        else:
            self.amount = self.due
        if not self.errors:
            self.choice = self._choice(data)
        return data

    def _take_part(self, text: str) -> None:
        try:
            self.amount = amount_from_text(text, self.due.currency)
        except BadAmount as error:
            self.add_error("part", str(error))
            return
        if self.amount > self.due:
            self.add_error("part", f"That is more than is due: {money_text(self.due)} is the most.")

    def _choice(self, data: dict[str, Any]) -> MethodChoice:
        if data["pay_with"] == PAYPAL:
            return MethodChoice(Payment.Method.PAYPAL.value)
        method = self.saved.get(data["pay_with"])
        if method is None:
            return MethodChoice("card", method_ref=data["card"], saves=data["keep"])
        return MethodChoice(method.type, method_ref=method.provider_ref)


def client_key(form_key: UUID | str) -> str:
    """The payment's key of a form's: apart from those that the API's clients choose."""
    return f"page:{form_key}"
