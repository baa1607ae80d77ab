"""Change plan, cycle or seats of a subscription that PayPal charges: its payer agrees on PayPal's page, and it holds
from the next period on.

What waits for the payer is written down nowhere: nothing holds of it, PayPal keeps it, another takes its place, and
what was agreed to is read there.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db import transaction

from billing_portal.kit.actors import Actor
from payments.provider_answers import answer_for, as_answers
from payments.providers import registry
from payments.providers.errors import NotInThatState
from payments.providers.recurring import RecurringFacts
from payments.providers.revising import CannotRevise, ReviseRequest, RevisesSubscriptions
from subscriptions.actions import agreeing, changing, following, moving, pricing
from subscriptions.actions.asking import ask
from subscriptions.actions.changing import Preview, Wish
from subscriptions.errors import (
    NothingChanges,
    NotSupportedByEngine,
    NotWhileUnpaid,
    OnlyAtPeriodEnd,
    PreviewOutdated,
    RenewalUnderWay,
)
from subscriptions.models import Subscription
from subscriptions.quoting import NOW, PERIOD_END, Quote, Target

Status = Subscription.Status


def preview_change(*, subscription_id: UUID, wish: Wish, actor: Actor, now: datetime) -> Preview:
    """It costs nothing now; then price × seats each period, gross. Reckoned by us: PayPal previews nothing.

    Raises what `change_subscription` raises.
    """
    end = Subscription.objects.values_list("period_end", flat=True).get(id=subscription_id)
    if end is None or end <= now:
        _follow(subscription_id, actor, now)
    subscription, quote = _chosen(subscription_id, wish, now)
    return Preview(subscription, quote, changing.state_of(subscription))


def change_subscription(
    *,
    subscription_id: UUID,
    wish: Wish,
    actor: Actor,
    now: datetime,
    instant: datetime | None = None,  # noqa: ARG001 (the same at every instant of a period)
    state: str = "",
) -> Subscription:
    """The subscription after PayPal was asked, with `approval_url` where its payer agrees; until they do, nothing has
    changed. What is agreed already is as it is.

    1. Read it, so that what was billed until now is booked on the terms of then, and nothing is asked of an old state.
    2. Reckon. Where it is another than in `state` the preview does not hold.
    3. Ask PayPal, with no transaction open; follow what it says. Without an answer nothing has changed: ask again.
    Raises NotSubscribed, NotWhilePaused, NotWhileUnpaid (past due, too: the next period is owed on the old terms),
    NotWhileEnding, RenewalUnderWay, OnlyAtPeriodEnd, NothingChanges, UnknownPlan, TooFewSeats, TooManySeats,
    PreviewOutdated, NotSupportedByEngine (PayPal moves it to no such price, or would have nothing to charge), and what
    `provider_answers` says.
    """
    _follow(subscription_id, actor, now)
    subscription, quote = _chosen(subscription_id, wish, now)
    if state and state != changing.state_of(subscription):
        raise PreviewOutdated
    if quote.target == agreeing.pending_of(subscription):
        return subscription
    provider = registry.named(subscription.engine, RevisesSubscriptions)
    if provider is None or subscription.provider_ref is None:
        raise NotSupportedByEngine
    facts = _asked(subscription, quote.target, provider, actor, now)
    with as_answers():
        return following.take(subscription_id=subscription.id, facts=facts, provider=provider, actor=actor, now=now)


def _asked(
    subscription: Subscription, target: Target, provider: RevisesSubscriptions, actor: Actor, now: datetime
) -> RecurringFacts:
    assert subscription.provider_ref
    page = f"{settings.PUBLIC_URL}/subscription/paypal/change"
    wanted = urlencode({"price": target.price.id, "seats": target.seats})
    request = ReviseRequest(
        provider_ref=subscription.provider_ref,
        price_ref=pricing.price_ref(target.price, provider),
        seats=target.seats,
        return_url=f"{page}/return?{wanted}",
        cancel_url=f"{page}/cancel?{wanted}",
    )
    with as_answers():
        try:
            return ask(subscription, "revise_subscription", lambda: provider.revise_subscription(request), now=now)
        except CannotRevise as error:
            raise NotSupportedByEngine from error
        except NotInThatState as error:  # it was paused, or has ended, a moment ago: say which
            changing.check_changeable(_follow(subscription.id, actor, now))
            raise answer_for(error) from error


def _follow(subscription_id: UUID, actor: Actor, now: datetime) -> Subscription:
    with as_answers():
        return following.follow(subscription_id=subscription_id, actor=actor, now=now)


@transaction.atomic
def _chosen(subscription_id: UUID, wish: Wish, now: datetime) -> tuple[Subscription, Quote]:
    subscription = moving.locked(subscription_id)
    changing.check_changeable(subscription)
    if subscription.status == Status.PAST_DUE:
        raise NotWhileUnpaid
    end = subscription.period_end
    if end is None or end <= now:
        raise RenewalUnderWay
    if wish.when == NOW:
        raise OnlyAtPeriodEnd
    latest = subscription.terms.select_related("price__version__plan").latest("effective_from")
    # Paid for before it began, a period's terms are those that count already.
    target = changing.target_of(subscription, wish, max(now, latest.effective_from))
    current = Target(latest.price, latest.seats)
    if target == current and subscription.pending_at is None:
        raise NothingChanges
    if not target.price.per_seat_minor:
        raise NotSupportedByEngine
    return subscription, _quote(current, target, end, now)


def _quote(current: Target, target: Target, end: datetime, now: datetime) -> Quote:
    return Quote(
        target=target,
        when=PERIOD_END,
        effective_at=end,
        lines=(),
        taxes=(),
        total_minor=0,
        due_minor=0,
        period=(now, end),
        restarts=target.price.billing_cycle != current.price.billing_cycle,
        next_minor=target.cost.whole,
        next_at=end,
    )
