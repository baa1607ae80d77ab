"""Who has redeemed a coupon, and which coupon a code means."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing_portal.tenants.models import Tenant
from payments.models import StatusChange
from payments.models.status import StatusSubject
from subscriptions.models import Coupon, Subscription
from subscriptions.models.subscription import LIVE, SubscriptionStatus

# Begun with it, and not come alive.
BEGUN = (SubscriptionStatus.INCOMPLETE, SubscriptionStatus.APPROVAL_PENDING)


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
    return Subscription.objects.filter(Q(_came_alive()) | begun, coupon=coupon)


def has_used(coupon: Coupon, tenant: Tenant) -> bool:
    """Whether a subscription of theirs came alive with it."""
    return Subscription.objects.filter(_came_alive(), coupon=coupon, tenant=tenant).exists()


def _came_alive() -> Exists:
    moves = StatusChange.objects.filter(subject=StatusSubject.SUBSCRIPTION, subject_id=OuterRef("id"))
    return Exists(moves.filter(new__in=LIVE))
