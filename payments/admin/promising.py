"""A promise to pay, recorded on an invoice's page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice, Table, link_to
from billing_portal.kit.display.dates import date_text
from billing_portal.tenants.staff import staff_user
from payments import hold_queries
from payments.actions.holding import promise
from payments.admin.cells import state_badge
from payments.admin.hold_forms import HoldForm, held_by, last_day_text, notices_of, recorded, state_of
from payments.models import CollectionHold, Invoice

PROMISING = (
    "Until that day is over on the tenant's calendar this invoice is not charged by itself, nobody is reminded of it, "
    "and it takes no access away. Unpaid then, dunning goes on where it was. The tenant reads the day on the invoice's "
    "page, and not the note; whatever it pays, or a method it newly chooses, is taken all the same."
)


def can_be_promised(invoice: Invoice) -> bool:
    """Open, and charged by nobody else's clock."""
    return invoice.status == Invoice.Status.OPEN and invoice.provider is None


class TakesPromises(BooksAdmin):
    """The buttons of an invoice's page that hold it back."""

    def has_hold_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.hold_collection"))

    def notices(self, request: HttpRequest, obj: Any) -> list[Notice]:
        hold = hold_queries.hold_of(obj, timezone.now())
        return [Notice("info", f"{held_by(hold)}, said by {hold.created_by.email}: “{hold.note}”.")] if hold else []

    @action(description="Record a promise to pay", permissions=["hold"], icon="handshake", url_path="promise")
    def promise(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks by when and who said so, POST records it."""
        invoice: Invoice = self.found(request, object_id)
        if not can_be_promised(invoice):
            messages.info(request, "Only an open invoice that no provider charges can be held back.")
            return HttpResponseRedirect(self.detail_url(invoice.pk))
        runs = hold_queries.promise(invoice, timezone.now())
        sent = request.POST if request.method == "POST" else None
        form = HoldForm(sent, initial={"seen": runs.id if runs else None})
        if form.is_valid() and recorded(
            request,
            form,
            lambda wanted: promise(invoice_id=invoice.id, by=staff_user(request), now=timezone.now(), **wanted),
            runs=lambda: hold_queries.promise(invoice, timezone.now()),
        ):
            return HttpResponseRedirect(self.detail_url(invoice.pk))
        notices = [Notice("info", PROMISING), *notices_of(runs)]
        asked = Confirmation(f"Who pays {invoice}, and by when?", "Record the promise", notices, form=form)
        return self.ask(request, asked, invoice)

    @action(description="Leave the tenant alone", permissions=["hold"], icon="front_hand", url_path="leave_alone")
    def leave_alone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form, with this invoice's tenant chosen."""
        invoice: Invoice = self.found(request, object_id)
        url = reverse("admin:payments_collectionhold_add", query={"tenant": invoice.tenant_id})
        return HttpResponseRedirect(url)


def holds_table(invoice: Invoice) -> Table:
    """What was promised, newest first."""
    now = timezone.now()
    rows: list[tuple[Any, ...]] = [
        (
            link_to(each, last_day_text(each)),
            state_badge("hold", state_of(each, now)),
            date_text(each.created_at),
            each.created_by.email,
            each.note,
        )
        for each in CollectionHold.objects.filter(invoice=invoice).select_related("tenant", "invoice", "created_by")
    ]
    return Table("Promises to pay", ("Last day", "Status", "Recorded", "By", "Note"), rows, empty="None.")
