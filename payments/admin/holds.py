"""What holds collecting back, at the desk: who is left alone and what was promised, until when, and who said so."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice, link_to
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from billing_portal.tenants.staff import staff_user
from payments import hold_queries
from payments.actions.holding import exempt, lift
from payments.admin.cells import state_badge
from payments.admin.drafts import tenant_named
from payments.admin.hold_forms import ExemptForm, held_by, last_day_text, notices_of, recorded, state_of
from payments.models import CollectionHold

EXEMPTING = (
    "Until that day is over on the tenant's calendar nothing of its invoices is charged by itself, nobody is reminded, "
    "and no overdue invoice makes its subscription past due. It ends by itself. The tenant reads the day on its pages, "
    "and not the note; whatever it pays, or a method it newly chooses, is taken all the same. Subscriptions that "
    "Stripe or PayPal charges are charged as before."
)


class InForce(admin.SimpleListFilter):
    """Those that hold something back now, or those that are over."""

    title, parameter_name = "in force", "runs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Now"), ("no", "Over")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CollectionHold]) -> QuerySet[CollectionHold]:
        ids = hold_queries.running(timezone.now()).order_by().values("id")
        if self.value() == "yes":
            return queryset.filter(id__in=ids)
        return queryset.exclude(id__in=ids) if self.value() == "no" else queryset


@admin.register(CollectionHold)
class CollectionHoldAdmin(BooksAdmin):
    """Newest first. A promise is recorded on its invoice's page; a tenant is left alone by the button here."""

    list_display = ["what", "tenant", "state", "last_day", "note", "created_by", "created_at"]
    list_filter = [InForce, "kind", ("tenant", AutocompleteSelectFilter)]
    list_filter_submit = True
    list_select_related = ["tenant", "invoice", "created_by"]
    search_fields = ["note", "invoice__number", "tenant__name", "tenant__slug"]
    search_help_text = "The note, the invoice's number or the tenant"
    date_hierarchy = "created_at"
    actions_detail = ["lift"]
    fields = [
        ("what", "state"),
        ("tenant_named", "invoice_named"),
        ("last_day", "created_at"),
        "note",
        ("created_by", "lifted_by"),
        ("lifted_at", "id"),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("payments.hold_collection"))

    def has_lift_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    @display(description="What", ordering="kind")
    def what(self, hold: CollectionHold) -> str:
        return str(hold)

    @display(description="Status")
    def state(self, hold: CollectionHold) -> SafeString | str:
        return state_badge("hold", state_of(hold, timezone.now()))

    @display(description="Last day", ordering="until")
    def last_day(self, hold: CollectionHold) -> str:
        return last_day_text(hold)

    @display(description="Tenant")
    def tenant_named(self, hold: CollectionHold) -> SafeString:
        return link_to(hold.tenant)

    @display(description="Invoice")
    def invoice_named(self, hold: CollectionHold) -> SafeString | str:
        return link_to(hold.invoice) if hold.invoice else "All of the tenant's"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET asks whom to leave alone, until when and why; POST does."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        named = tenant_named(request.POST.get("tenant") or request.GET.get("tenant"))
        runs = hold_queries.exemption(named, timezone.now()) if named else None
        if request.method == "POST":
            form = ExemptForm(request.POST)
        else:
            form = ExemptForm(initial={"tenant": named.id if named else None, "seen": runs.id if runs else None})
        if form.is_valid() and (hold := self._exempt(request, form)):
            return HttpResponseRedirect(self.detail_url(hold.pk))
        return self.ask(
            request,
            Confirmation(
                title="Leave a tenant alone",
                button="Leave it alone",
                notices=[Notice("info", EXEMPTING), *notices_of(runs)],
                form=form,
            ),
        )

    def _exempt(self, request: HttpRequest, form: ExemptForm) -> CollectionHold | None:
        """None with the form's errors told."""
        tenant: Tenant = form.cleaned_data["tenant"]
        return recorded(
            request,
            form,
            lambda wanted: exempt(tenant_id=tenant.id, by=staff_user(request), now=timezone.now(), **wanted),
            runs=lambda: hold_queries.exemption(tenant, timezone.now()),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        hold = self.get_object(request, str(object_id))
        found: list[Any] = super().get_actions_detail(request, object_id)
        return found if hold is not None and hold.runs(timezone.now()) else []

    @action(description="Lift it now", permissions=["lift"], icon="lock_open", url_path="lift")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what follows, POST lifts it."""
        hold: CollectionHold = self.found(request, object_id)
        if not hold.runs(timezone.now()):
            messages.info(request, "This is over already. Nothing was changed.")
            return HttpResponseRedirect(self.detail_url(hold.pk))
        if request.method == "POST":
            lift(hold_id=hold.id, by=staff_user(request), now=timezone.now())
            messages.success(request, f"{hold} is lifted: collecting goes on from now.")
            outbox.wake()
            return HttpResponseRedirect(self.detail_url(hold.pk))
        told = (
            f"It would end with {last_day_text(hold)}. From now on what was held back is charged and asked for "
            "again: a retry that fell due meanwhile is made within the hour. Access stays for some days yet."
        )
        asked = Confirmation(title=f"Lift this? {held_by(hold)}", button="Lift it", notices=[Notice("info", told)])
        return self.ask(request, asked, hold)
