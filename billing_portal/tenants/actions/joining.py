"""Make a person a member of a tenant, or change what the member may do."""

from datetime import datetime

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.tenants.actions.history import caused_by
from billing_portal.tenants.models import Membership, Role, Tenant, User


@transaction.atomic
def add_member(*, tenant: Tenant, user: User, role: Role | str, actor: Actor, now: datetime) -> Membership:
    """The membership of this user; one that exists gets the role. Doing it twice changes nothing."""
    with caused_by(actor, "joined"):
        membership, is_new = Membership.objects.get_or_create(
            tenant=tenant, user=user, defaults={"role": Role(role), "created_at": now}
        )
        if not is_new and membership.role != role:
            membership.role = Role(role)
            membership.save(update_fields=["role"])
    return membership
