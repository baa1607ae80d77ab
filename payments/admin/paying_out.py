"""Refunds that people send: say that our check or wire has left, or that it won't."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.decorators import action
from unfold.enums import ActionVariant

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.staff import staff_actor
from payments.actions.paying_out import LONGEST_REFERENCE, cancel_payout, is_paid_by_hand, record_payout
from payments.admin.forms import PlainText
from payments.admin.refund_words import what_came_of_it
from payments.models import Refund

NOT_TO_SEND = "Nobody has to send this refund. Nothing was changed."


class PayoutForm(forms.Form):
    """What was sent."""

    reference = PlainText(
        max_length=LONGEST_REFERENCE, required=True, help_text="The number of our check, the text of our wire."
    )


class WithheldForm(forms.Form):
    """Why it is not sent."""

    reason = PlainText(max_length=500, required=True, help_text="Stands in the refund's history, for staff.")


def waits_to_be_sent(refund: Refund) -> bool:
    """Whether somebody has to send it."""
    return refund.status == Refund.Status.PENDING and refund.destination == "source" and is_paid_by_hand(refund.payment)


class PaysOutRefunds(BooksAdmin):
    """The buttons of a refund that waits for our check or wire; `has_refund_permission` is of whoever approves."""

    @action(
        description="Record what was sent",
        permissions=["refund"],
        icon="outgoing_mail",
        variant=ActionVariant.PRIMARY,
        url_path="sent",
    )
    def sent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks for the reference, POST books that it has left."""
        refund: Refund = self.found(request, object_id)
        form = PayoutForm(request.POST if request.method == "POST" else None)
        if waits_to_be_sent(refund) and not form.is_valid():
            title = f"Has {money_text(refund.amount)} been sent?"
            told = Notice("info", "It is booked against the bank account once you say so. Send it first.")
            return self.ask(request, Confirmation(title, "It was sent", notices=[told], form=form), refund)
        try:
            if not waits_to_be_sent(refund):
                messages.info(request, NOT_TO_SEND)
            else:
                reference = form.cleaned_data["reference"]
                after = record_payout(
                    refund_id=refund.id, reference=reference, actor=staff_actor(request), now=timezone.now()
                )
                messages.add_message(request, *what_came_of_it(after))
        except BillingError as error:
            messages.error(request, error.detail)
        outbox.wake()
        return HttpResponseRedirect(self.detail_url(refund.pk))

    @action(description="It won't be sent", permissions=["refund"], icon="close", url_path="withhold")
    def withhold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks for the reason, POST lets go of what was reserved."""
        refund: Refund = self.found(request, object_id)
        form = WithheldForm(request.POST if request.method == "POST" else None)
        if waits_to_be_sent(refund) and not form.is_valid():
            told = Notice("info", "Nothing is given back: what was reserved is free again.")
            asked = Confirmation("Not send this refund?", "It won't be sent", notices=[told], form=form, danger=True)
            return self.ask(request, asked, refund)
        try:
            if not waits_to_be_sent(refund):
                messages.info(request, NOT_TO_SEND)
            else:
                reason = form.cleaned_data["reason"]
                cancel_payout(refund_id=refund.id, reason=reason, actor=staff_actor(request), now=timezone.now())
                messages.success(request, "It won't be sent. What had been reserved for it is free again.")
        except BillingError as error:
            messages.error(request, error.detail)
        outbox.wake()
        return HttpResponseRedirect(self.detail_url(refund.pk))
