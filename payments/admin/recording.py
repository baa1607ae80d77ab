"""Record a payment: the page, the part of it that follows what is typed, and the save."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from billing_portal.kit.desk import BooksAdmin, SearchSelect
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BillingError, FieldError
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.staff import staff_actor
from payments.actions.recording import record_manual_payment
from payments.admin.cells import payment_title
from payments.admin.drafts import Draft
from payments.admin.forms import RecordForm
from payments.models import Payment

# As many tenants as a plain list may hold; beyond, they are searched for.
SHORT_LIST = 200


class RecordsPayments(BooksAdmin):
    """The add page of payments. It never saves a model: `actions.recording` does."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("payments.record_payment"))

    def get_urls(self) -> list[URLPattern]:
        follow = self.admin_site.admin_view(self.follow_view)
        return [path("add/follow/", follow, name="payments_payment_follow"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET opens the form, for a tenant and an invoice where the address names them; POST records."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        now = timezone.now()
        if request.method == "POST":
            form = RecordForm(request.POST)
            if "_spread" in request.POST:  # the button as it works without scripting: nothing is saved
                draft = Draft.read(request.POST, now)
                return self._page(request, RecordForm(initial=request.POST.dict()), draft)
            if form.is_valid() and (payment := self._record(request, form)):
                return HttpResponseRedirect(self._next(request, payment))
            return self._page(request, form, Draft.read(request.POST, now, refused=_told(form)))
        draft = Draft.read(request.GET, now)
        amount = ""
        if "invoice" in request.GET and draft.chosen:  # opened from the invoice: most checks pay it whole
            amount = draft.chosen.due.decimal_text()
            draft = Draft.read({**request.GET.dict(), "amount": amount}, now)
        form = RecordForm(initial={"tenant": draft.tenant, "received_on": now.date(), "amount": amount})
        return self._page(request, form, draft)

    def follow_view(self, request: HttpRequest) -> HttpResponse:
        """The parts of the page that depend on what is typed so far: a POST, since that belongs in no address."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        draft = Draft.read(request.POST, timezone.now())
        return TemplateResponse(request, "admin/payments/record_parts.html", {"draft": draft, "swap": True})

    def _record(self, request: HttpRequest, form: RecordForm) -> Payment | None:
        wanted = form.cleaned_data
        assert form.money is not None
        try:
            return record_manual_payment(
                tenant=wanted["tenant"],
                amount=form.money,
                choice=form.choice,
                actor=staff_actor(request),
                now=timezone.now(),
                invoice=form.named,
                shares=form.shares,
                description=wanted["note"],
                key=form.client_key,
            )
        except BillingError as error:
            for each in error.errors or [FieldError("", error.code, error.detail)]:
                form.add_error(form.field_of(each.field), each.message)
            return None

    def _next(self, request: HttpRequest, payment: Payment) -> str:
        """Say what was done, and where to go on."""
        who = "Somebody other than you has to verify it" if payment.needs_second_person else "It has to be verified"
        messages.success(
            request,
            f"{payment_title(payment)} of {payment.tenant} for {money_text(payment.amount)} is recorded "
            f"and awaits review. {who}; until then no invoice changes.",
        )
        if "_addanother" in request.POST:
            return reverse("admin:payments_payment_add")
        # Who records and may not look at payments goes back to the form.
        return (
            self.detail_url(payment.pk) if self.has_view_permission(request) else reverse("admin:payments_payment_add")
        )

    def _page(self, request: HttpRequest, form: RecordForm, draft: Draft) -> TemplateResponse:
        tenants = form.fields["tenant"]
        if Tenant.objects.count() > SHORT_LIST:
            tenants.widget = SearchSelect(Payment._meta.get_field("tenant"), admin.site, choices=tenants.choices)  # type: ignore[attr-defined]
        else:
            tenants.widget.attrs["class"] = "desk-input desk-select"
        media: forms.Media = self.media + form.media
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Record a payment",
            "form": form,
            "draft": draft,
            "media": media,
            "cancel": self.list_url(),
        }
        return TemplateResponse(request, "admin/payments/record.html", context)


def _told(form: RecordForm) -> dict[str, list[str]]:
    """What is wrong with a form that was sent, by field."""
    return {name: [str(each) for each in errors] for name, errors in form.errors.items()}
