"""What staff may type about money: each form refuses what can't be booked, and names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from billing_portal.cards import holds_card_number
from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from billing_portal.tenants.models import Tenant
from payments import policies
from payments.actions.opening import MethodChoice
from payments.admin.drafts import KINDS, duplicates_of, open_invoices, tenant_named
from payments.admin.shares import read_shares, share_name, shares_of_others
from payments.models import Invoice, Payment

_SHARE = re.compile(r"shares\[(\d+)\]")
CARD_REFUSED = "This looks like a card number. Card data is never written down here."


class PlainText(forms.CharField):
    """A line of text in which a card's number is refused rather than stored."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=options.pop("required", False), **options)
        self.widget.attrs.setdefault("class", "desk-input")

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if holds_card_number(text):
            raise ValidationError(CARD_REFUSED, code="card_data_refused")
        return text


class AmountText(forms.CharField):
    """An amount in main units, exactly as typed: the currency that tells how to read it is another field's business."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.widget.attrs.update({"class": "desk-input desk-amount", "inputmode": "decimal", "autocomplete": "off"})


def new_key() -> str:
    return str(uuid4())


class RecordForm(forms.Form):
    """A check, wire or cash that arrived. `money`, `choice`, `named`, `shares` and `client_key` are there once it is
    valid.

    An amount beside an open invoice is meant for it. What these leave is for the invoice that is chosen, or for none.
    The form carries its own key: sent twice, it finds the payment made the first time.
    """

    tenant = forms.ModelChoiceField(Tenant.objects.all(), empty_label="Choose a tenant")
    kind = forms.ChoiceField(choices=KINDS, initial="check", widget=forms.RadioSelect)
    reference = PlainText(max_length=140, help_text="The number of the check, the text of the wire.")
    received_on = forms.DateField(
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date", "class": "desk-input desk-amount"}, format="%Y-%m-%d"),
    )
    amount = AmountText()
    invoice = forms.ModelChoiceField(open_invoices(None), required=False)
    note = PlainText(max_length=500, help_text="Stands with the payment, where the tenant reads it too.")
    duplicate_confirmed = forms.BooleanField(required=False)
    key = forms.UUIDField(widget=forms.HiddenInput, initial=new_key, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["invoice"].queryset = open_invoices(tenant_named((data or {}).get("tenant")))  # type: ignore[attr-defined]
        self.invoices: list[Invoice] = list(self.fields["invoice"].queryset)  # type: ignore[attr-defined]
        self.fields |= {share_name(each): AmountText(required=False) for each in self.invoices}
        self.money: Money | None = None
        self.named: Invoice | None = None
        self.shares: list[tuple[Invoice, Money]] = []
        self.earlier: Payment | None = None

    @property
    def client_key(self) -> str:
        """Under a name of its own: keys of the API live in the same column."""
        return f"desk:{self.cleaned_data.get('key') or new_key()}"

    @property
    def choice(self) -> MethodChoice:
        wanted = self.cleaned_data
        return MethodChoice(wanted["kind"], wanted["reference"] or None, wanted["received_on"])

    def clean(self) -> dict[str, Any]:
        wanted = super().clean() or {}
        tenant: Tenant | None = wanted.get("tenant")
        if tenant is None:
            return wanted
        if tenant.currency is None:
            self.add_error("tenant", f"{tenant} has no billing currency yet. Start its subscription first.")
            return wanted
        if "amount" in wanted:
            try:
                self.money = amount_from_text(wanted["amount"], tenant.currency)
            except BadAmount as error:
                self.add_error("amount", str(error))
        received_on = wanted.get("received_on")
        if received_on and received_on > policies.latest_day(tenant, timezone.now()):
            self.add_error("received_on", "This day has not come yet.")
        self._take_shares(wanted)
        if not self.errors:
            self._check_sent_before(tenant)
        return wanted

    def _take_shares(self, wanted: Mapping[str, Any]) -> None:
        shares = read_shares(self.data, self.invoices)
        for each in self.invoices:
            if each.id in shares.wrong:
                self.add_error(share_name(each), shares.wrong[each.id])
        if shares_of_others(self.data, self.invoices):
            words = "An amount stood beside an invoice that is not open any more. See what is open now, and save again."
            self.add_error(None, words)
        self.shares = [(each, shares.money[each.id]) for each in self.invoices if each.id in shares.money]
        if self.money:
            self.named = shares.gets_rest(wanted.get("invoice"), self.money)

    def field_of(self, name: str) -> str | None:
        """Where a refusal of the verb belongs: `shares[1].amount` to the second share, None to the form as a whole."""
        found = _SHARE.match(name)
        return share_name(self.shares[int(found[1])][0]) if found else None

    def _check_sent_before(self, tenant: Tenant) -> None:
        """The same form again is the same payment; another form with the same content needs a word."""
        assert self.money is not None
        key = self.cleaned_data.get("key")
        self.earlier = Payment.objects.filter(tenant=tenant, client_key=f"desk:{key}").first() if key else None
        if self.earlier:
            if not self._same_as(self.earlier):
                self.add_error(None, f"This form recorded {self.earlier} before. Open it anew for another payment.")
            return
        # Its own first sending may commit between the two reads: that is no twin.
        twins = [each for each in duplicates_of(tenant, self.money, self.choice) if each.client_key != f"desk:{key}"]
        if twins and not self.cleaned_data["duplicate_confirmed"]:
            self.add_error(
                "duplicate_confirmed",
                f"{tenant} has a payment like this already: {twins[0]}. "
                "If this is another one, tick the box and save again.",
            )

    def _same_as(self, earlier: Payment) -> bool:
        mine = (self.money, self.choice.method, self.choice.reference, self.named.id if self.named else None)
        shares = [(invoice.id, share.minor) for invoice, share in self.shares]
        return (*mine, shares) == (
            *(earlier.amount, earlier.method, earlier.reference, earlier.invoice_id),
            list(earlier.shares.values_list("invoice_id", "amount_minor")),
        )


class RejectForm(forms.Form):
    """Why nobody found the money. The tenant reads it."""

    reason = PlainText(max_length=500, required=True, help_text="The tenant reads this in the mail that says so.")


class VerifyForm(forms.Form):
    """Whether the money is in the bank already."""

    clears_later = forms.BooleanField(
        required=False,
        label="It still has to clear",
        help_text="Tick it for a check that is here and that its bank has not paid yet. It pays its invoices all the "
        "same, and the rest is credit; nothing of it can be given back until it has cleared.",
    )


class ReturnForm(forms.Form):
    """Why the bank sent a check back, and what that costs the tenant. `fee` is Money once it is valid, or None."""

    reason = PlainText(max_length=500, required=True, help_text="The tenant reads this in the mail that says so.")
    fee = AmountText(required=False, help_text="Left out, none is billed. Tax comes on top where the tenant has one.")

    def __init__(self, data: Mapping[str, Any] | None = None, *, currency: str) -> None:
        super().__init__(data)
        self.currency = currency
        self.fields["fee"].label = f"Returned check fee, {currency.upper()}"

    def clean_fee(self) -> Money | None:
        typed = self.cleaned_data["fee"]
        try:
            return amount_from_text(typed, self.currency) if typed.strip() else None
        except BadAmount as error:
            raise ValidationError(str(error)) from error


class CreditNoteForm(forms.Form):
    """`seen` counts the notes that were there when the form was opened: sent twice, the second finds one more."""

    amount = AmountText(help_text="With its share of tax in it.")
    reason = PlainText(max_length=500, required=True, help_text="Stands on the note.")
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None, *, currency: str, **options: Any) -> None:
        super().__init__(data, **options)
        self.currency = currency
        self.fields["amount"].label = f"Amount, {currency.upper()}"

    def clean_amount(self) -> Money:
        try:
            return amount_from_text(self.cleaned_data["amount"], self.currency)
        except BadAmount as error:
            raise ValidationError(str(error)) from error
