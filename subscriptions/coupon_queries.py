"""Who has redeemed a coupon, and which coupon a code means."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from billing_portal.tenants.models import Tenant
from subscriptions.models import Coupon, Subscription
from subscriptions.models.subscription import BEGUN


def coupon_with(code: str, tenant: Tenant) -> Coupon | None:
    """The one that this tenant may know of, however the code is written."""
    mine = Coupon.objects.filter(Q(tenant=None) | Q(tenant=tenant))
    return mine.filter(code=code.strip().upper()).first()


def redemptions(coupon: Coupon, *, instead_of: Tenant | None = None) -> QuerySet[Subscription]:
    """A coupon is redeemed by each subscription that came alive with it, whatever became of it then, and held by one
    that has begun and waits for its payer: ended before it came alive, it gives the coupon back. What this tenant has
    begun is left out: another start takes its place."""
    begun = Q(status__in=BEGUN)
    if instead_of:
        begun &= ~Q(tenant=instead_of)
    return Subscription.objects.filter(Q(came_alive_at__isnull=False) | begun, coupon=coupon)


def has_used(coupon: Coupon, tenant: Tenant) -> bool:
    """Whether a subscription of theirs came alive with it."""
    return Subscription.objects.filter(coupon=coupon, tenant=tenant, came_alive_at__isnull=False).exists()
