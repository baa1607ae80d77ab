"""Verify and reject, for one payment or for those chosen in the list: first what will be booked, then the button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.decorators import action
from unfold.enums import ActionVariant

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.notices import outbox
from billing_portal.tenants.staff import staff_actor, staff_user
from payments import queries
from payments.actions import stopping
from payments.actions.recording import VERIFIED, reject_manual_payment, verify_manual_payment
from payments.admin.booking import bookings_of, mark_of_booked
from payments.admin.cells import payment_named, payment_title
from payments.admin.confirming import OTHERS_WORK, for_list, is_for_another, rejecting, verifying
from payments.admin.forms import RejectForm
from payments.models import Payment

WAITING = Payment.Status.AWAITING_REVIEW


def done_before(payment: Payment) -> str:
    """What became of a payment that nobody has to review any more, and by whom."""
    change = queries.history("payment", payment.id).filter(old=WAITING).first()
    by = f" by {change.actor_label}" if change else ""
    word = "verified" if change and change.new in VERIFIED else payment.get_status_display().lower()
    return f"{payment_named(payment)} was {word} already{by}. Nothing was changed."


class VerifiesPayments(BooksAdmin):
    """The buttons of a payment that awaits review, and the same for several at once."""

    def has_verify_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.verify_payment"))

    def review_offered(self, request: HttpRequest, payment: Payment) -> set[str]:
        """No buttons once it is decided, and none to verify for whoever has to leave it to another."""
        if payment.status != WAITING:
            return set()
        return {"reject"} if is_for_another(payment, request) else {"verify", "reject"}

    @action(description="Verify", permissions=["verify"], icon="check", variant=ActionVariant.PRIMARY)
    def verify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what will be booked; POST books it, if that is still so."""
        payment: Payment = self.found(request, object_id)
        if payment.status != WAITING:
            messages.info(request, done_before(payment))
            return HttpResponseRedirect(self.detail_url(payment.pk))
        changed = self._verify(request, [payment]) if request.method == "POST" else []
        if request.method == "POST" and not changed:
            return HttpResponseRedirect(self.detail_url(payment.pk))
        return self.ask(request, _asked([payment], request, changed=bool(changed)), payment)

    @action(description="Reject", permissions=["verify"], icon="close")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks for the reason, POST ends the payment."""
        payment: Payment = self.found(request, object_id)
        if payment.status != WAITING:
            messages.info(request, done_before(payment))
            return HttpResponseRedirect(self.detail_url(payment.pk))
        form = RejectForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._reject(request, [payment], form.cleaned_data["reason"])
            return HttpResponseRedirect(self.detail_url(payment.pk))
        return self.ask(request, rejecting([payment], form), payment)

    @admin.action(description="Verify the chosen payments", permissions=["verify"])
    def verify_chosen(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        """Several at once, each on its own: what one can't be is said, the others go on.

        Those that would be booked otherwise than was shown are shown again.
        """
        chosen = list(queryset.select_related("tenant", "invoice").order_by("created_at", "id"))
        waiting = [each for each in chosen if each.status == WAITING and not is_for_another(each, request)]
        notices = [Notice("info", done_before(each)) for each in chosen if each.status != WAITING]
        notices += [
            Notice("warning", f"{payment_title(each)}: {OTHERS_WORK}")
            for each in chosen
            if each.status == WAITING and each not in waiting
        ]
        changed: list[Payment] = []
        if "confirmed" in request.POST:
            changed = self._verify(request, waiting)
            for notice in notices:
                messages.info(request, notice.text)
            if not changed:
                return None
            waiting, notices = changed, []
        asked = _asked(waiting, request, notices, changed=bool(changed))
        return self.ask(request, for_list(asked, "verify_chosen", waiting))

    @admin.action(description="Reject the chosen payments", permissions=["verify"])
    def reject_chosen(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        """Several at once, for one reason."""
        chosen = list(queryset.select_related("tenant", "invoice").order_by("created_at", "id"))
        waiting = [each for each in chosen if each.status == WAITING]
        form = RejectForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._reject(request, waiting, form.cleaned_data["reason"])
            return None
        notices = [Notice("info", done_before(each)) for each in chosen if each.status != WAITING]
        return self.ask(request, for_list(rejecting(waiting, form, notices), "reject_chosen", chosen))

    def _verify(self, request: HttpRequest, payments: Sequence[Payment]) -> list[Payment]:
        """Book what was shown, each in a transaction of its own; whoever comes second hears who was first.

        Compared with what was booked in truth, before it is committed: those that differ are left and handed back.
        """
        shown, changed = set(request.POST.getlist("shown")), []
        clears_later = bool(request.POST.get("clears_later"))
        for payment in payments:
            now = timezone.now()
            with transaction.atomic():
                stopping.ask_to_stop(payment, now)
            try:
                with transaction.atomic():
                    after = verify_manual_payment(
                        payment_id=payment.id,
                        verifier=staff_user(request),
                        actor=staff_actor(request),
                        now=now,
                        clears_later=clears_later and payment.method == Payment.Method.CHECK,
                    )
                    is_mine = after.updated_at == now  # else somebody was first, perhaps this person's other click
                    if is_mine and mark_of_booked(after) not in shown:
                        transaction.set_rollback(True)
                        changed.append(payment)
                        continue
            except BillingError as error:
                messages.error(request, f"{payment_title(payment)}: {error.detail}")
                continue
            if not is_mine:
                messages.info(request, done_before(after))
                continue
            messages.success(
                request,
                f"{payment_named(after)} is verified and booked: {what_it_did(after)}",
            )
        outbox.wake()
        return changed

    def _reject(self, request: HttpRequest, payments: Sequence[Payment], reason: str) -> None:
        for payment in payments:
            try:
                reject_manual_payment(
                    payment_id=payment.id, reason=reason, actor=staff_actor(request), now=timezone.now()
                )
            except BillingError as error:
                messages.error(request, f"{payment_title(payment)}: {error.detail}")
            else:
                messages.success(
                    request,
                    f"{payment_named(payment)} is rejected. Nothing was booked.",
                )
        outbox.wake()


def _asked(
    payments: Sequence[Payment], request: HttpRequest, notices: Sequence[Notice] = (), *, changed: bool = False
) -> Confirmation:
    """What verifying them would book now; `changed` says that it is not what was shown before."""
    again = [Notice("warning", "Something has changed meanwhile. This is what would be booked now.")] if changed else []
    return verifying(payments, bookings_of(payments), [*again, *notices], request)


def what_it_did(payment: Payment) -> str:
    """Where the money of a booked payment went, in words."""
    parts = [
        f"{money_text(Money(part.amount_minor, payment.currency))} to {part.invoice}"
        for part in payment.allocations.select_related("invoice").order_by(
            "invoice__number_year", "invoice__number_sequence"
        )
    ]
    if left := queries.unallocated(payment):
        parts.append(f"{money_text(Money(left, payment.currency))} to credit")
    later = " Its bank has still to pay it." if payment.status == Payment.Status.CLEARING else ""
    return f"{', '.join(parts)}.{later}"
