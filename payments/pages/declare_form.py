"""The form that tells of a check or wire that was sent: which, how much, what stands on it, and when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing_portal.cards import holds_card_number
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from payments.actions.opening import MethodChoice
from payments.models import Payment

KINDS = [(Payment.Method.CHECK.value, "Check"), (Payment.Method.WIRE.value, "Wire")]
_STALE = "This page was not sent as a whole. Nothing was taken down. Send it once more."
_DAY = forms.DateInput(attrs={"type": "date", "class": "input"}, format="%Y-%m-%d")


class DeclareForm(forms.Form):
    """`money` and `choice` are there once it is valid. `due`: what of the invoice nobody has sent yet."""

    key = forms.UUIDField(error_messages=dict.fromkeys(("required", "invalid"), _STALE))
    kind = forms.ChoiceField(choices=KINDS, initial="check", error_messages={"required": "Say what you have sent."})
    amount = forms.CharField(
        strip=False,
        widget=forms.TextInput(attrs={"class": "input num", "inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"required": "Write how much you have sent."},
    )
    reference = forms.CharField(
        label="Number of the check, or text of the wire",
        required=False,
        max_length=140,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    dated = forms.DateField(
        label="Date on it",
        input_formats=["%Y-%m-%d"],
        widget=_DAY,
        error_messages={
            "required": "Write the date of the check or wire.",
            "invalid": "Write the date like 2026-11-03.",
        },
    )

    money: Money
    choice: MethodChoice

    def __init__(self, *args: Any, due: Money, **options: Any) -> None:
        super().__init__(*args, **options)
        self.due = due
        self.fields["amount"].label = f"Amount, {due.currency.upper()}"

    def clean_amount(self) -> str:
        """Exactly as typed; `money` is what it says."""
        typed: str = self.cleaned_data["amount"]
        try:
            self.money = amount_from_text(typed, self.due.currency)
        except BadAmount as error:
            raise ValidationError(str(error)) from error
        if self.money > self.due:
            raise ValidationError(f"That is more than is still to be sent: {money_text(self.due)} is the most.")
        return typed

    def clean_reference(self) -> str:
        """One line of text, and nothing that could pay anything."""
        text: str = self.cleaned_data["reference"]
        if not text.isprintable():
            raise ValidationError("Write one line of text.")
        if holds_card_number(text):
            raise ValidationError("This looks like a card number. Card data is never written down here.")
        return text

    def clean(self) -> dict[str, Any]:
        """What it comes to."""
        data: dict[str, Any] = self.cleaned_data
        if not self.errors:
            self.choice = MethodChoice(data["kind"], data["reference"] or None, data["dated"])
        return data
