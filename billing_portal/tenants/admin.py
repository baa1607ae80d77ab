"""The desk's view of tenants, people and keys. Forms validate; verbs act where there is one."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from billing_portal.tenants.actions.history import caused_by
from billing_portal.tenants.actions.keys import create_api_key, revoke_api_key
from billing_portal.tenants.models import ApiKey, Membership, Scope, Tenant, User
from billing_portal.tenants.staff import staff_actor


class HistoryAdmin(ModelAdmin):
    """Each change names the person at the desk in the rows of history that the database's triggers write."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 (Django's)
        with caused_by(staff_actor(request), "changed at the desk" if change else "made at the desk"):
            super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001 (Django's)
        with caused_by(staff_actor(request), "changed at the desk" if change else "made at the desk"):
            super().save_formset(request, form, formset, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with caused_by(staff_actor(request), "removed at the desk"):
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with caused_by(staff_actor(request), "removed at the desk"):
            super().delete_queryset(request, queryset)


class MemberInline(TabularInline):
    """Who belongs to the tenant."""

    model = Membership
    extra = 0
    autocomplete_fields = ["user"]
    fields = ["user", "role"]


@admin.register(Tenant)
class TenantAdmin(HistoryAdmin):
    """A tenant is closed by its date, never deleted: its books stay."""

    list_display = ["name", "slug", "billing_email", "currency", "time_zone", "closed_at"]
    list_filter = ["currency"]
    search_fields = ["name", "slug", "billing_email"]
    inlines = [MemberInline]
    actions_detail = ["leave_alone"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "billing_email", "time_zone", "id", "created_at", "closed_at"]}),
        ("Bills", {"fields": ["currency", "payment_terms_days", "tax_name", "tax_percent"]}),
        ("Address", {"fields": ["address_lines", "country", "tax_id"]}),
    ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 (Django's)
        """Only what was changed is written: a currency that a subscription has set meanwhile stays."""
        if not change:
            super().save_model(request, obj, form, change)
        elif changed := [name for name in form.changed_data if name in form.cleaned_data]:
            with caused_by(staff_actor(request), "changed at the desk"):
                obj.save(update_fields=changed)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A currency once set is changed by no form: what is open and what was used is priced in it."""
        return ["id", "created_at", *(["currency"] if obj and obj.currency else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_hold_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.hold_collection"))

    @action(description="Leave it alone", permissions=["hold"], icon="front_hand", url_path="leave_alone")
    def leave_alone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Until a day nothing is collected from it: the form that asks until when, with this tenant chosen."""
        return HttpResponseRedirect(reverse("admin:payments_collectionhold_add", query={"tenant": object_id}))


class NewUserForm(UserCreationForm):
    """A new person by e-mail address; names are optional, passwords are not."""

    class Meta:
        model = User
        fields = ["email", "name"]


class UserForm(UserChangeForm):
    """The person without a way to see the password."""

    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(HistoryAdmin, DjangoUserAdmin):
    """A person is deactivated, never deleted: history names them."""

    form, add_form, change_password_form = UserForm, NewUserForm, AdminPasswordChangeForm
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active", "groups"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    filter_horizontal = ["groups", "user_permissions"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Staff", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["date_joined", "last_login"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["email", "name", "usable_password", "password1", "password2"]})
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Who may change people can't give anybody, themselves included, more power than they have."""
        powers = [] if request.user.is_superuser else ["is_staff", "is_superuser", "groups", "user_permissions"]
        return ["date_joined", "last_login", *powers]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff are changed by a superuser alone: a new password would be a way into their account."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or request.user.is_superuser or not (obj.is_staff or obj.is_superuser))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Django's own, in the look of the rest."""


@admin.register(Membership)
class MembershipAdmin(HistoryAdmin):
    """Who belongs to which tenant, as what."""

    list_display = ["user", "tenant", "role", "created_at"]
    list_filter = ["role"]
    search_fields = ["user__email", "tenant__name", "tenant__slug"]
    autocomplete_fields = ["tenant", "user"]
    list_select_related = ["tenant", "user"]


NEW_KEY_FIELDS = ["tenant", "name", "scopes", "expires_at"]


class NewKeyForm(forms.ModelForm):
    """What a key is for; its secret is made, not chosen."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)

    class Meta:
        model = ApiKey
        fields = NEW_KEY_FIELDS


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    """Made here with its secret shown once; afterwards nothing about it changes but that it is revoked."""

    list_display = ["name", "tenant", "prefix", "scopes", "last_used_at", "expires_at", "revoked_at"]
    list_select_related = ["tenant"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "prefix", "tenant__name", "tenant__slug"]
    autocomplete_fields = ["tenant"]
    actions = ["revoke"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        return super().get_form(request, obj, change, **kwargs if obj else {**kwargs, "form": NewKeyForm})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return NEW_KEY_FIELDS
        return [*NEW_KEY_FIELDS, "prefix", "created_by", "created_at", "last_used_at", "revoked_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # noqa: FBT001 (Django's)
        if change:
            return  # nothing of it is editable
        wanted = form.cleaned_data
        key, secret = create_api_key(
            tenant=wanted["tenant"],
            name=wanted["name"],
            scopes=wanted["scopes"],
            expires_at=wanted["expires_at"],
            actor=staff_actor(request),
            now=timezone.now(),
        )
        # Django goes on with `obj`: its log entry and its message name the key that was made.
        obj.pk = key.pk
        obj.refresh_from_db()
        messages.warning(request, f"The key is {secret}. Copy it now: it is not shown again.")

    @admin.action(description="Revoke the chosen keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """From now on they open nothing."""
        actor, now = staff_actor(request), timezone.now()
        count = sum(revoke_api_key(key_id=key.id, actor=actor, now=now) for key in queryset)
        messages.info(request, f"Revoked: {count}.")
