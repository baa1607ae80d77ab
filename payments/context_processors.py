"""What the sidebar knows of money: which places there are, and what waits for the tenant."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from billing_portal.tenants.policies import TABLE
from payments import queries
from payments.providers import registry
from payments.providers.base import SavesMethods


def offers(request: HttpRequest) -> dict[str, Any]:
    """`offers_methods`: whether cards and bank accounts can be saved here at all, for who may read bills."""
    role = getattr(request, "role", None)
    return {"offers_methods": role in TABLE["billing.read"].roles and bool(registry.able(SavesMethods))}


def attention(request: HttpRequest) -> dict[str, Any]:
    """`attention_count`: overdue invoices, and open ones whose last payment came to nothing or waits for its payer.

    Counted only when a page shows it, and only for who may read bills.
    """
    tenant, role = getattr(request, "tenant", None), getattr(request, "role", None)
    if tenant is None or role not in TABLE["billing.read"].roles:
        return {"attention_count": 0}
    return {"attention_count": SimpleLazyObject(lambda: queries.waiting_invoices(tenant, timezone.now()).count())}
