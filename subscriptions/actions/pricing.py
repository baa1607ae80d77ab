"""A plan's prices at the providers that charge them: made once, and known by the provider's own references."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from billing_portal.kit.money import Money
from payments.provider_answers import answer_for
from payments.providers.errors import ProviderError
from payments.providers.recurring import PriceRequest, SellsPlans
from subscriptions.errors import UnknownPlan
from subscriptions.models import PlanPrice, PlanPriceRef


def price_ref(price: PlanPrice, provider: SellsPlans) -> str:
    """The provider's reference, which is made where `sync_plans` has not run yet. Raises what `provider_answers` says
    of a provider that did not make it."""
    known = price.refs.filter(provider=provider.name, livemode=provider.livemode).first()
    if known:
        return known.provider_ref
    try:
        return ensure(price, provider).provider_ref
    except ProviderError as error:
        raise answer_for(error) from error


def ensure(price: PlanPrice, provider: SellsPlans) -> PlanPriceRef:
    """Make it at the provider, or find it there, and keep its reference. Raises ProviderError."""
    reference = provider.ensure_price(request_of(price))
    with transaction.atomic():
        row, _ = PlanPriceRef.objects.get_or_create(
            price=price, provider=provider.name, livemode=provider.livemode, defaults={"provider_ref": reference}
        )
    return row


def request_of(price: PlanPrice) -> PriceRequest:
    version = price.version
    return PriceRequest(
        key=f"{version.plan.code}-v{version.version}-{price.billing_cycle}-{price.currency}",
        plan_code=version.plan.code,
        plan_name=version.plan.name,
        cycle=price.billing_cycle,
        per_seat=Money(price.per_seat_minor, price.currency),
    )


def price_behind(reference: str, provider_name: str, *, livemode: bool) -> PlanPrice | None:
    """Ours that a provider's reference stands for."""
    row = (
        PlanPriceRef.objects.filter(provider=provider_name, livemode=livemode, provider_ref=reference)
        .select_related("price__version__plan")
        .first()
    )
    return row.price if row else None


def ordered_price(plan_ref: str, provider: SellsPlans) -> PlanPrice:
    """What a client means by a provider's own id of a plan. Raises UnknownPlan for one that is none of ours."""
    price = price_behind(plan_ref, provider.name, livemode=provider.livemode)
    if price is None:
        raise UnknownPlan("planId")
    return price


def known(provider: SellsPlans) -> QuerySet[PlanPriceRef]:
    return PlanPriceRef.objects.filter(provider=provider.name, livemode=provider.livemode)


def missing(provider: SellsPlans) -> list[PlanPrice]:
    """Prices that the provider has no reference for, the oldest first; one that is nothing is charged by nobody."""
    prices = PlanPrice.objects.select_related("version__plan").filter(per_seat_minor__gt=0)
    prices = prices.exclude(id__in=known(provider).values("price_id"))
    return list(prices.order_by("version__created_at", "id"))
