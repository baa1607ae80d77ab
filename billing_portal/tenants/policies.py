"""Who may do what: the permission table as data, and the API's permission class that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.auth.models import Group, Permission
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from billing_portal.kit import context
from billing_portal.kit.errors import Forbidden, NotAuthenticated, NotFound
from billing_portal.tenants.models import Role, Scope, Tenant, User
from billing_portal.tenants.principals import KeyHolder
from billing_portal.tenants.resolution import Standing, of_key, of_user

OWNER, BILLING, VIEWER = Role.OWNER, Role.BILLING, Role.VIEWER


@dataclass(frozen=True, slots=True)
class Rule:
    """A row: which roles, which scope of a key, which Django permission of staff. None: nobody of these."""

    roles: frozenset[Role]
    scope: Scope | None
    staff: str | None
    reads_only: bool = False


TABLE: dict[str, Rule] = {
    # payments, invoices, usage, subscription, methods
    "billing.read": Rule(
        frozenset({OWNER, BILLING, VIEWER}), Scope.BILLING_READ, "payments.view_payment", reads_only=True
    ),
    # pay, and declare a check that is on its way
    "payments.pay": Rule(frozenset({OWNER, BILLING}), Scope.BILLING_WRITE, "payments.pay_for_tenant"),
    # give a payment back
    "payments.refund": Rule(frozenset(), None, "payments.refund_payment"),
    # start, change, pause, cancel the subscription
    "subscription.manage": Rule(frozenset({OWNER, BILLING}), Scope.BILLING_WRITE, "subscriptions.change_subscription"),
    # what may be used, which the call center's servers and every member's program ask
    "entitlements.read": Rule(
        frozenset({OWNER, BILLING, VIEWER, Role.AGENT}), Scope.BILLING_READ, "payments.view_payment", reads_only=True
    ),
    "usage.record": Rule(frozenset(), Scope.USAGE_WRITE, "usage.add_usagerecord"),
}


class TenantClosed(Forbidden):
    code = "tenant_closed"
    title = "This account is closed"
    detail = "This account is closed. What it holds can still be read, and nothing new is taken."


def allows(capability: str, standing: Standing, user: User | None = None) -> bool:
    """Whether somebody in this standing may. `user` is asked for staff permissions."""
    rule = TABLE[capability]
    if standing.key is not None:
        return rule.scope is not None and rule.scope in standing.key.scopes
    if standing.is_staff:
        return user is not None and rule.staff is not None and user.has_perm(rule.staff)
    return standing.role in rule.roles


def check(capability: str, standing: Standing, user: User | None = None) -> None:
    """Raises Forbidden, and TenantClosed for anything but reading in a tenant that is closed."""
    if not allows(capability, standing, user):
        raise Forbidden(_missing(TABLE[capability], standing))
    if standing.tenant.is_closed and not TABLE[capability].reads_only:
        raise TenantClosed


def _missing(rule: Rule, standing: Standing) -> str | None:
    """What would have to change, for whoever reads the refusal; None is the sentence for a member's role."""
    if not rule.roles and rule.scope is None and not standing.is_staff:
        return "Only the platform's own staff may do this. Write to us, and we see to it."
    needs_key = rule.scope and f"an API key with the scope {rule.scope.value}"
    if standing.key is not None:
        if rule.scope is None:
            return "No API key may do this; it takes a person."
        return f"This API key lacks the scope {rule.scope.value} ({rule.scope.label.lower()}). Use a key that has it."
    if standing.is_staff:
        return _missing_permission(rule.staff) if rule.staff else "Staff may not do this; it takes a member."
    return f"No role may do this; it takes {needs_key}." if needs_key and not rule.roles else None


def _missing_permission(name: str) -> str:
    """A permission of Django's in the words of the admin, and the groups that bring it."""
    app, _, codename = name.partition(".")
    words = Permission.objects.filter(content_type__app_label=app, codename=codename).values_list("name", flat=True)
    groups = Group.objects.filter(permissions__content_type__app_label=app, permissions__codename=codename)
    bring = ", ".join(groups.order_by("name").values_list("name", flat=True))
    return (
        f"Your staff account lacks the permission “{words.first() or codename}” ({name}). "
        f"Ask whoever manages staff accounts{f' for a group that has it: {bring}' if bring else ''}."
    )


class TenantPermission(BasePermission):
    """What `May` makes: finds out for which tenant the request acts, and whether it may."""

    capability: ClassVar[str]
    by_method: ClassVar[dict[str, str]]

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Leaves `request.tenant`, `request.actor` and `request.role` behind.

        Raises NotAuthenticated (401), TenantRequired (400), NotFound (404), Forbidden and TenantClosed (403).
        """
        user: Any = request.user
        if not user.is_authenticated:
            raise NotAuthenticated
        capability = self.by_method.get(request.method or "", self.capability)
        standing = self.standing(request, view, user, capability)
        check(capability, standing, user)
        take_on(request, standing)
        return True

    def standing(self, request: Request, view: APIView, user: Any, capability: str) -> Standing:
        """By the header, the key, or the only membership."""
        named = request.headers.get("X-Tenant") or None  # an empty header names nobody
        return of_key(user.key, named) if isinstance(user, KeyHolder) else of_user(user, named)


def May(capability: str, **by_method: str) -> type[TenantPermission]:  # noqa: N802 (reads as a sentence, makes a class)
    """`permission_classes = [May("billing.read")]`, or by method: `May("billing.read", POST="payments.pay")`.

    Raises LookupError for a capability that isn't in the table.
    """
    known(capability, *by_method.values())
    return type("May", (TenantPermission,), {"capability": capability, "by_method": by_method})


class ObjectPermission(TenantPermission):
    """What `MayWith` makes: the object in the path says for which tenant staff act; members and keys stay in theirs."""

    owner: ClassVar[Callable[..., Tenant | None]]

    def standing(self, request: Request, view: APIView, user: Any, capability: str) -> Standing:
        """Raises NotFound for an object that is not of the tenant; staff who may not at all hear that first."""
        if user.is_staff and not request.headers.get("X-Tenant"):
            staff = TABLE[capability].staff
            if staff is None or not user.has_perm(staff):
                raise Forbidden(_missing_permission(staff) if staff else None)
            owner = type(self).owner(**view.kwargs)
            if owner is None:
                raise NotFound
            return of_user(user, owner.slug)
        standing = super().standing(request, view, user, capability)
        if type(self).owner(**view.kwargs) != standing.tenant:
            raise NotFound
        return standing


def MayWith(owner: Callable[..., Tenant | None], capability: str) -> type[ObjectPermission]:  # noqa: N802
    """`permission_classes = [MayWith(tenant_of_payment, "payments.refund")]`: `owner` takes the names in the path and
    says whose object that is. Raises LookupError for a capability that isn't in the table."""
    known(capability)
    facts = {"capability": capability, "by_method": {}, "owner": staticmethod(owner)}
    return type("MayWith", (ObjectPermission,), facts)


def known(*capabilities: str) -> None:
    """Raises LookupError for one that isn't in the table: a slip shows when the module is loaded."""
    for name in capabilities:
        if name not in TABLE:
            raise LookupError(f"There is no capability {name!r}: add it to the table in tenants/policies.py.")


def take_on(request: Any, standing: Standing) -> None:
    """Leave on the request who acts for whom, and in what is logged from here on."""
    http = getattr(request, "_request", request)  # what is set below DRF's request is seen through it
    http.tenant, http.actor, http.role = standing.tenant, standing.actor, standing.role
    context.bind(tenant_id=standing.tenant.id, actor_label=standing.actor.label)
