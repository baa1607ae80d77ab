"""Refund a payment: the form, then what will be booked, then the button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.kit.typed_amounts import BadAmount, amount_from_text
from billing_portal.notices import outbox
from billing_portal.tenants.staff import staff_actor, staff_user
from payments.actions.paying_out import is_paid_by_hand
from payments.actions.refunding import refund_payment
from payments.admin.cells import payment_named
from payments.admin.forms import AmountText, PlainText, new_key
from payments.admin.refund_preview import Offers, Preview, offers_of, preview_of
from payments.admin.refund_words import goes_to, parts_table, refund_table, what_came_of_it
from payments.errors import NotSupportedByProvider, RefundDiffers
from payments.models import Payment, Refund

NOT_BACK = "its provider is off, so this money can't be sent back now. It can become credit."


class RefundForm(forms.Form):
    """How much, where to and why. The form carries its own key: sent twice, it finds the refund made the first time.

    `money` is there once it is valid.
    """

    amount = AmountText()
    destination = forms.ChoiceField(
        label="To", widget=forms.Select(attrs={"class": "desk-input desk-select"}), choices=[]
    )
    reason = PlainText(max_length=500, required=True, help_text="Stands on the credit note, where the tenant reads it.")
    key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Mapping[str, Any] | None, *, payment: Payment, offers: Offers) -> None:
        first = next(iter(offers.most), "source")
        most = offers.most.get(first)
        amount = most.decimal_text() if most else ""
        super().__init__(data, initial={"amount": amount, "destination": first, "key": new_key()})
        self.payment = payment
        self.money: Money | None = None
        names = {"source": f"Back to {goes_to(payment, 'source')}", "credit": f"To {goes_to(payment, 'credit')}"}
        # What is not offered any more is taken all the same: the verb says why it can't be, or finds what it did.
        shown = offers.most if data is None else names
        self.fields["destination"].choices = [(each, names[each]) for each in shown]  # type: ignore[attr-defined]
        self.fields["destination"].help_text = _why_not(payment, offers)
        self.fields["amount"].label = f"Amount, {payment.currency.upper()}"
        if most:
            self.fields["amount"].help_text = f"{money_text(most)} can be given back."

    @property
    def client_key(self) -> str:
        """Under a name of its own: keys of the API live in the same column."""
        return f"desk:{self.cleaned_data.get('key') or new_key()}"

    def clean_amount(self) -> str:
        typed: str = self.cleaned_data["amount"]
        try:
            self.money = amount_from_text(typed, self.payment.currency)
        except BadAmount as error:
            raise forms.ValidationError(str(error)) from error
        return typed


class RefundsPayments(BooksAdmin):
    """The button "Refund" of a payment's page."""

    def has_refund_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.refund_payment"))

    @action(description="Refund", permissions=["refund"], icon="undo")
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET opens the form; a POST of it says what will be booked; a POST of that books it, if it is still so."""
        payment: Payment = self.found(request, object_id)
        offers, notices = offers_of(payment), list[Notice]()
        form = RefundForm(request.POST if request.method == "POST" else None, payment=payment, offers=offers)
        if "shown" in request.POST and form.is_valid():
            try:
                refund = _refund(request, payment, form)
            except BillingError as error:
                notices.append(Notice("warning" if isinstance(error, RefundDiffers) else "error", error.detail))
                offers = offers_of(payment)
            else:
                messages.add_message(request, *what_came_of_it(refund))
                return HttpResponseRedirect(reverse("admin:payments_refund_change", args=[refund.pk]))
        return self.ask(request, _asked(payment, form, offers, notices), payment)


def _refund(request: HttpRequest, payment: Payment, form: RefundForm) -> Refund:
    refund = refund_payment(
        payment_id=payment.id,
        amount=form.money,
        reason=form.cleaned_data["reason"],
        destination=form.cleaned_data["destination"],
        requester=staff_user(request),
        actor=staff_actor(request),
        now=timezone.now(),
        key=form.client_key,
        shown=request.POST["shown"],
    )
    outbox.wake()
    return refund


def _asked(payment: Payment, form: RefundForm, offers: Offers, notices: Sequence[Notice]) -> Confirmation:
    """What is to be said next: that nothing can be given back, the form, or what the form would book."""
    if not offers.most:
        told = notices or [Notice("info", offers.reason)]
        return Confirmation(title="Nothing to refund", notices=told)
    if form.is_bound and form.is_valid():
        assert form.money is not None
        try:
            preview = preview_of(payment, form.money, form.cleaned_data["destination"])
        except NotSupportedByProvider:
            form.add_error("destination", NOT_BACK)
        except BillingError as error:
            form.add_error("amount" if error.errors else None, error.detail)
        else:
            return _confirming(payment, form, preview, notices)
    return Confirmation(
        title=f"Refund {payment_named(payment)}", button="See what will be booked", notices=notices, form=form
    )


def _confirming(payment: Payment, form: RefundForm, preview: Preview, notices: Sequence[Notice]) -> Confirmation:
    wanted, given = form.cleaned_data, money_text(preview.amount)
    if preview.waits:
        told = "Its amount needs a second person: it is reserved now, and given back once somebody else approves it."
    elif preview.destination == "credit":
        told = "No money leaves: the tenant's next invoices use it."
    elif is_paid_by_hand(payment):
        told = "Nothing leaves by itself: somebody sends a check or a wire of ours, and says so on the refund's page."
    else:
        told = "Nothing has been given back yet. The provider keeps the fee of the payment."
    typed = {name: str(wanted[name]) for name in ("amount", "destination", "reason")}
    return Confirmation(
        title=f"Refund {given}?",
        button=f"Ask for the refund of {given}" if preview.waits else f"Refund {given}",
        notices=[*notices, Notice("info", told)],
        tables=[
            refund_table(payment, preview.amount, preview.destination, wanted["reason"]),
            parts_table(preview.parts, preview.destination),
        ],
        hidden=[*typed.items(), ("key", str(wanted["key"] or new_key())), ("shown", preview.shown)],
    )


def _why_not(payment: Payment, offers: Offers) -> str:
    """Why one of the two ways is not there."""
    if isinstance(offers.why_not.get("source"), NotSupportedByProvider):
        return f"{goes_to(payment, 'source')}: {NOT_BACK}"
    if "source" in offers.most and "credit" in offers.most:
        least = min(offers.most.values(), key=lambda money: money.minor)
        if offers.most["credit"] == least and least != offers.most["source"]:
            return f"At most {money_text(least)} can become credit: the rest is credit already."
    return ""
