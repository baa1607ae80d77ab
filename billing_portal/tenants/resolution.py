"""For which tenant a request acts, and as what: by the API key, the X-Tenant header, or the only membership."""

from __future__ import annotations

import re
from dataclasses import dataclass

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.errors import BadInput, NotFound
from billing_portal.tenants.models import ApiKey, Membership, Tenant, User
from billing_portal.tenants.models.tenant import SLUG


class TenantRequired(BadInput):
    code = "tenant_required"
    title = "For which account?"
    detail = "You belong to several accounts, or to none. Name one in the X-Tenant header."


@dataclass(frozen=True, slots=True)
class Standing:
    """On whose behalf somebody acts: exactly one of `role`, `key` and `is_staff` says why they may."""

    tenant: Tenant
    actor: Actor
    role: str | None = None
    key: ApiKey | None = None
    is_staff: bool = False


def of_key(key: ApiKey, named: str | None) -> Standing:
    """A key acts for its own tenant. Raises NotFound when another one is named, whether or not that exists."""
    if named is not None and named != key.tenant.slug:
        raise NotFound
    return Standing(key.tenant, actor_of_key(key), key=key)


def of_user(user: User, named: str | None) -> Standing:
    """A person acts as a member, or as our staff for the tenant that is named.

    Raises TenantRequired when none is named and there isn't exactly one membership; NotFound for a tenant that does not
    exist and for one that is not theirs, alike.
    """
    memberships = Membership.objects.filter(user=user).select_related("tenant")
    if named is None:
        try:
            return as_member(user, memberships.get())
        except (Membership.DoesNotExist, Membership.MultipleObjectsReturned) as error:
            raise TenantRequired from error
    if not re.fullmatch(SLUG, named):
        raise NotFound
    if membership := memberships.filter(tenant__slug=named).first():
        return as_member(user, membership)
    tenant = Tenant.objects.filter(slug=named).first() if user.is_staff else None
    if tenant is None:
        raise NotFound
    return Standing(tenant, actor_of_staff(user), is_staff=True)


def as_member(user: User, membership: Membership) -> Standing:
    return Standing(membership.tenant, Actor(ActorKind.USER, user.id, user.email), role=membership.role)


def actor_of_key(key: ApiKey) -> Actor:
    return Actor(ActorKind.API_KEY, key.id, key.prefix)


def actor_of_staff(user: User) -> Actor:
    return Actor(ActorKind.STAFF, user.id, user.email)


def actor_of_user(user: User) -> Actor:
    """Who somebody is before a tenant is named."""
    return actor_of_staff(user) if user.is_staff else Actor(ActorKind.USER, user.id, user.email)
