"""Take in a new tenant."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import Conflict
from billing_portal.tenants.actions.history import caused_by
from billing_portal.tenants.models import Tenant


class SlugTaken(Conflict):
    code = "slug_taken"
    detail = "Another account has this short name already."


def create_tenant(*, slug: str, name: str, billing_email: str, actor: Actor, now: datetime, **facts: Any) -> Tenant:
    """A tenant with its books still empty; `facts` are further fields of Tenant (time_zone, currency, tax_percent, …).

    Raises SlugTaken, and Django's ValidationError for a field that can't be so.
    """
    tenant = Tenant(slug=slug, name=name, billing_email=billing_email, created_at=now, **facts)
    tenant.clean_fields()
    try:
        with transaction.atomic(), caused_by(actor, "created"):
            tenant.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise SlugTaken(field="slug") from error
        raise
    return tenant
