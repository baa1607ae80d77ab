"""Make and revoke the API keys of a tenant's servers."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from billing_portal.tenants.actions.history import caused_by
from billing_portal.tenants.credentials import API_KEY, SHOWN, digest, new_secret
from billing_portal.tenants.models import ApiKey, Scope, Tenant


def create_api_key(
    *, tenant: Tenant, name: str, scopes: Iterable[str], actor: Actor, now: datetime, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its secret, which nobody can show a second time. Raises BadInput for an unknown scope or none."""
    wanted = sorted({str(scope) for scope in scopes})
    if not wanted or not set(wanted) <= set(Scope.values):
        raise BadInput(f"Choose from these scopes: {', '.join(Scope.values)}.", field="scopes", code="unknown_scope")
    secret = new_secret(API_KEY)
    with transaction.atomic(), caused_by(actor, "made an API key"):
        key = ApiKey.objects.create(
            tenant=tenant,
            name=name,
            prefix=secret[:SHOWN],
            hash=digest(secret),
            scopes=wanted,
            created_by_id=actor.user_id,
            created_at=now,
            expires_at=expires_at,
        )
    return key, secret


def revoke_api_key(*, key_id: UUID, actor: Actor, now: datetime) -> bool:
    """From now on the key opens nothing. False when it was revoked before."""
    with transaction.atomic(), caused_by(actor, "revoked an API key"):
        return ApiKey.objects.filter(id=key_id, revoked_at__isnull=True).update(revoked_at=now) == 1
