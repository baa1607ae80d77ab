"""What the sidebar knows of money: which places there are, and what waits for the tenant."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from billing_portal.tenants.models import Tenant
from billing_portal.tenants.policies import TABLE
from payments import hold_queries, queries
from payments.models import Payment
from payments.providers import registry
from payments.providers.base import SavesMethods


def offers(request: HttpRequest) -> dict[str, Any]:
    """`offers_methods`: whether cards and bank accounts can be saved here at all, for who may read bills."""
    role = getattr(request, "role", None)
    return {"offers_methods": role in TABLE["billing.read"].roles and bool(registry.able(SavesMethods))}


def attention(request: HttpRequest) -> dict[str, Any]:
    """`attention_count`: overdue invoices, and open ones whose last payment came to nothing or waits for its payer.
    What is held back waits for nobody.

    Counted only when a page shows it, and only for who may read bills.
    """
    tenant, role = getattr(request, "tenant", None), getattr(request, "role", None)
    if tenant is None or role not in TABLE["billing.read"].roles:
        return {"attention_count": 0}
    return {"attention_count": SimpleLazyObject(lambda: _waiting(tenant, timezone.now()))}


def _waiting(tenant: Tenant, now: datetime) -> int:
    waits_for_its_payer = Q(last_payment_status=Payment.Status.REQUIRES_ACTION)
    is_held = Q(hold_queries.held(now), provider=None) & ~waits_for_its_payer
    return queries.waiting_invoices(tenant, now).exclude(is_held).count()
