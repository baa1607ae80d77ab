"""What waits for the tenant, as the number beside a place in the sidebar."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from billing_portal.tenants.policies import TABLE
from payments import queries


def attention(request: HttpRequest) -> dict[str, Any]:
    """`attention_count`: overdue invoices, and open ones whose last payment came to nothing or waits for its payer.

    Counted only when a page shows it, and only for who may read bills.
    """
    tenant, role = getattr(request, "tenant", None), getattr(request, "role", None)
    if tenant is None or role not in TABLE["billing.read"].roles:
        return {"attention_count": 0}
    return {"attention_count": SimpleLazyObject(lambda: queries.waiting_invoices(tenant, timezone.now()).count())}
