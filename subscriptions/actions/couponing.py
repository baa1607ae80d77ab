"""Make a coupon, close it, and redeem it at the start of a subscription."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments.providers import recurring
from subscriptions import coupon_queries
from subscriptions.errors import (
    BadCoupon,
    CouponCurrency,
    CouponExpired,
    CouponTaken,
    CouponUsedBefore,
    CouponUsedUp,
    UnknownCoupon,
)
from subscriptions.models import Coupon
from subscriptions.models.coupon import CODE, MOST_CYCLES, MOST_REDEMPTIONS


@transaction.atomic
def redeem(*, tenant: Tenant, code: str, currency: str, now: datetime) -> Coupon:
    """The coupon, for a subscription that the caller writes in the same transaction, under the tenant's lock.

    One that may be redeemed only so often is locked until then, so that of many who start at once no more get it than
    may. Raises as `check`.
    """
    found = coupon_queries.coupon_with(code, tenant)
    if found is None:
        raise UnknownCoupon
    coupon = found
    if found.max_redemptions is not None:
        coupon = Coupon.objects.select_for_update(no_key=True).get(id=found.id)
    _check(coupon, tenant, currency, now)
    return coupon


def check(*, tenant: Tenant, code: str, currency: str, now: datetime) -> Coupon:
    """What `redeem` would find now; nothing is held. `currency` is that of the price.

    Raises UnknownCoupon (another tenant's, too), CouponExpired (also one that was closed), CouponCurrency,
    CouponUsedBefore (a coupon is for one subscription of a tenant; one that never came alive does not count) and
    CouponUsedUp.
    """
    coupon = coupon_queries.coupon_with(code, tenant)
    if coupon is None:
        raise UnknownCoupon
    _check(coupon, tenant, currency, now)
    return coupon


@transaction.atomic
def make_coupon(
    *,
    code: str,
    now: datetime,
    percent_off: Decimal | None = None,
    amount_off: Money | None = None,
    cycles: int | None = None,
    redeem_by: datetime | None = None,
    max_redemptions: int | None = None,
    tenant: Tenant | None = None,
) -> Coupon:
    """Its terms are for ever: one that was made wrong is closed, and another made, by another code.

    Raises CouponTaken, BadCoupon (no plain code; not one of percentage and amount; a limit that lets nobody in, or that
    nobody reaches).
    """
    code = code.strip().upper()
    _check_limits(code, cycles, max_redemptions, redeem_by, now)
    coupon = Coupon(
        code=code,
        percent_off=percent_off,
        amount_off_minor=amount_off.minor if amount_off else None,
        currency=amount_off.currency if amount_off else "",
        cycles=cycles,
        redeem_by=redeem_by,
        max_redemptions=max_redemptions,
        tenant=tenant,
        created_at=now,
    )
    try:
        with transaction.atomic():
            coupon.save(force_insert=True)
    except IntegrityError as error:
        if "coupon_code_once" in str(error):
            raise CouponTaken from error
        words = "Name a percentage of up to 100, or an amount: one of them."
        raise BadCoupon(words, field="percentOff") from error
    return coupon


@transaction.atomic
def close_coupon(*, coupon_id: UUID, now: datetime) -> Coupon:
    """Nobody redeems it from now on; who has redeemed it keeps it. Closed before: as it is."""
    coupon = Coupon.objects.select_for_update(no_key=True).get(id=coupon_id)
    if coupon.closed_at is None:
        coupon.closed_at = now
        coupon.save(update_fields=["closed_at"])
    return coupon


def as_asked(coupon: Coupon | None) -> recurring.Coupon | None:
    """As a provider that runs the subscription is asked for it."""
    if coupon is None:
        return None
    amount = Money(coupon.amount_off_minor, coupon.currency) if coupon.amount_off_minor else None
    percent = None if coupon.percent is None else str(coupon.percent)
    return recurring.Coupon(code=coupon.code, percent_off=percent, amount_off=amount, cycles=coupon.cycles)


def _check(coupon: Coupon, tenant: Tenant, currency: str, now: datetime) -> None:
    if coupon.closed_at or (coupon.redeem_by and coupon.redeem_by <= now):
        raise CouponExpired
    if coupon.currency not in ("", currency):
        raise CouponCurrency(coupon.currency)
    if coupon_queries.has_used(coupon, tenant):
        raise CouponUsedBefore
    most = coupon.max_redemptions
    if most is not None and coupon_queries.redemptions(coupon, instead_of=tenant).count() >= most:
        raise CouponUsedUp


def _check_limits(
    code: str, cycles: int | None, max_redemptions: int | None, redeem_by: datetime | None, now: datetime
) -> None:
    if not re.fullmatch(CODE, code):
        raise BadCoupon("Write 2 to 32 letters and digits, with - or _ between them.", field="code")
    if cycles is not None and not 1 <= cycles <= MOST_CYCLES:
        raise BadCoupon(f"Write 1 to {MOST_CYCLES} periods, or none for every one.", field="cycles")
    if max_redemptions is not None and not 1 <= max_redemptions <= MOST_REDEMPTIONS:
        words = f"Write 1 to {MOST_REDEMPTIONS:,}, or none for any number of times."
        raise BadCoupon(words, field="maxRedemptions")
    if redeem_by is not None and redeem_by <= now:
        raise BadCoupon("That day is over: nobody could redeem it.", field="redeemBy")
