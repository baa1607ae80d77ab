"""What becomes of a verified check: say that its bank has paid it, or that it was sent back."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.decorators import action
from unfold.enums import ActionVariant

from billing_portal.kit.desk import BooksAdmin, Notice
from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.staff import staff_actor
from payments.actions.clearing import clear_manual_payment, return_manual_payment
from payments.admin.cells import payment_named, payment_title
from payments.admin.clearing_words import already, clearing_asked, not_clearing, returning_asked, what_came_back
from payments.admin.confirming import for_list
from payments.admin.forms import ReturnForm
from payments.admin.return_preview import mark_of_returned
from payments.models import Payment

Status = Payment.Status
CHANGED = "Something has changed meanwhile. This is what would be booked now."


def can_bounce(payment: Payment) -> bool:
    """Cash does not come back from a bank; anything else that people took down and verified may."""
    came = payment.status in (Status.CLEARING, Status.SUCCEEDED)
    return came and payment.provider == "manual" and payment.method != Payment.Method.CASH


class ClearsPayments(BooksAdmin):
    """The buttons of a payment that was verified; `has_verify_permission` is of whoever reviews."""

    def clearing_offered(self, payment: Payment) -> set[str]:
        offered = {"cleared"} if payment.status == Status.CLEARING else set()
        return offered | ({"bounced"} if can_bounce(payment) else set())

    @action(
        description="Cleared", permissions=["verify"], icon="check", variant=ActionVariant.PRIMARY, url_path="cleared"
    )
    def cleared(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what will be booked, POST books it."""
        payment: Payment = self.found(request, object_id)
        if payment.status == Status.CLEARING and request.method != "POST":
            return self.ask(request, clearing_asked([payment]), payment)
        self._clear(request, [payment])
        return HttpResponseRedirect(self.detail_url(payment.pk))

    @admin.action(description="The chosen checks have cleared", permissions=["verify"])
    def clear_chosen(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        """Several at once, each on its own: a bank pays a day's checks together."""
        chosen = list(queryset.select_related("tenant", "invoice").order_by("created_at", "id"))
        if "confirmed" in request.POST:
            self._clear(request, chosen)
            return None
        clearing = [each for each in chosen if each.status == Status.CLEARING]
        notices = [Notice("info", not_clearing(each)) for each in chosen if each.status != Status.CLEARING]
        return self.ask(request, for_list(clearing_asked(clearing, notices), "clear_chosen", clearing))

    @action(description="Returned by the bank", permissions=["verify"], icon="undo", url_path="bounced")
    def bounced(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks for the reason and the fee and says what comes back; a POST of it says what the fee makes of that; a
        POST of that books it, if it is still so."""
        payment: Payment = self.found(request, object_id)
        if not can_bounce(payment):
            messages.info(request, not_clearing(payment))
            return HttpResponseRedirect(self.detail_url(payment.pk))
        form = ReturnForm(request.POST if request.method == "POST" else None, currency=payment.currency)
        notices: list[Notice] = []
        if "shown" in request.POST and form.is_valid():
            try:
                if self._return(request, payment, form):
                    return HttpResponseRedirect(self.detail_url(payment.pk))
                notices = [Notice("warning", CHANGED)]
            except BillingError as error:
                notices = [Notice("error", error.detail)]
        return self.ask(request, returning_asked(payment, form, notices), payment)

    def _return(self, request: HttpRequest, payment: Payment, form: ReturnForm) -> bool:
        """Compared with what was booked in truth, before it is committed: False when that is not what was shown, and
        nothing is booked."""
        now = timezone.now()
        with transaction.atomic():
            after = return_manual_payment(
                payment_id=payment.id,
                reason=form.cleaned_data["reason"],
                fee=form.cleaned_data["fee"],
                actor=staff_actor(request),
                now=now,
            )
            is_mine = after.updated_at == now  # else somebody was first, perhaps this person's other click
            if is_mine and mark_of_returned(after, payment.returned_minor) != request.POST["shown"]:
                transaction.set_rollback(True)
                return False
        if is_mine:
            messages.success(request, what_came_back(after))
        else:
            messages.info(request, already(after))
        outbox.wake()
        return True

    def _clear(self, request: HttpRequest, payments: Sequence[Payment]) -> None:
        for payment in payments:
            now = timezone.now()
            try:
                after = clear_manual_payment(payment_id=payment.id, actor=staff_actor(request), now=now)
            except BillingError as error:
                messages.error(request, f"{payment_title(payment)}: {error.detail}")
            else:
                if after.succeeded_at == now:
                    messages.success(request, f"{payment_named(after)} has cleared: the money is in the bank account.")
                else:
                    messages.info(request, already(after))
        outbox.wake()
