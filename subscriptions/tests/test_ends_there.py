"""That a subscription ends with its period, said and taken back in the provider's own dashboard, is so here too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from billing_portal.kit.actors import Actor
from billing_portal.notices.models import OutboxMessage
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.stripe_world import StripeWorld
from payments.providers import breaker, registry
from payments.providers.recurring import RunsSubscriptions
from payments.tests.paypal_payments import owner_of
from subscriptions import tasks
from subscriptions.actions import following
from subscriptions.models import Subscription
from subscriptions.tests import paypal_plans
from subscriptions.tests.plan_world import price, two_plans
from subscriptions.tests.stripe_plans import begun, send, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def in_the_dashboard(stripe: StripeWorld, subscription: Subscription, *, ends: bool) -> None:
    stripe.api.subscriptions.update(subscription.provider_ref or "", {"cancel_at_period_end": ends})


def ends_there(stripe: StripeWorld) -> bool:
    return bool(stripe.objects("subscriptions")[0]["cancel_at_period_end"])


def ends_here() -> bool:
    return Subscription.objects.get().cancel_at_period_end


def hear(stripe: StripeWorld, how: str) -> None:
    """Of what was done there: by its event, or at night, which no event has told."""
    if how == "by its event":
        return told(stripe)
    stripe.panel("POST", "webhooks", {"mode": "drop"})
    stripe.sandbox.deliver()
    tasks.follow_all()
    return stripe.panel("POST", "webhooks", {"mode": "normal"})


@pytest.mark.parametrize("how", ["by its event", "at night"])
@pytest.mark.parametrize("said", ["here", "there"])
def test_what_is_taken_back_there_goes_on_here(stripe: StripeWorld, owner: Client, said: str, how: str) -> None:
    two_plans()
    subscription = begun(owner)
    if said == "here":
        assert send(owner, "post", "/cancel").json()["cancelAtPeriodEnd"] is True
    else:
        in_the_dashboard(stripe, subscription, ends=True)
        hear(stripe, how)
    assert ends_here() and ends_there(stripe)
    in_the_dashboard(stripe, subscription, ends=False)
    hear(stripe, how)
    for _ in range(2):
        tasks.follow_all()
        assert (ends_here(), ends_there(stripe)) == (False, False)

    kept = OutboxMessage.objects.filter(topic="subscription.kept")
    assert kept.count() == 1 and OutboxMessage.objects.filter(topic="subscription.ending").count() == 1


def test_what_stripe_never_heard_is_not_taken_back_by_what_it_says(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    begun(owner)
    stripe.fault("drop_before", "/v1/subscriptions/*")
    assert send(owner, "post", "/cancel").status_code == 503
    breaker.forget()
    told(stripe)
    assert (ends_here(), ends_there(stripe)) == (True, False)
    tasks.follow_all()
    assert (ends_here(), ends_there(stripe)) == (True, True)


def test_an_older_read_does_not_take_back_what_was_said_since(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    began, before = timezone.now(), stripe.provider.look_up_subscription(subscription.provider_ref or "")
    send(owner, "post", "/cancel")
    facts: dict[str, Any] = {"subscription_id": subscription.id, "provider": stripe.provider}
    following.take(**facts, facts=before, actor=Actor.system("slow"), now=began)
    assert ends_here() and ends_there(stripe)


def test_an_older_read_that_ends_it_again_is_mended_by_the_next(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    subscription = begun(owner)
    send(owner, "post", "/cancel")
    before = stripe.provider.look_up_subscription(subscription.provider_ref or "")
    send(owner, "post", "/resume")
    facts: dict[str, Any] = {"subscription_id": subscription.id, "provider": stripe.provider}
    following.take(**facts, facts=before, actor=Actor.system("slow"), now=timezone.now())
    told(stripe)
    tasks.follow_all()
    assert (ends_here(), ends_there(stripe)) == (False, False)


def test_a_taking_back_that_stripe_refuses_leaves_it_as_it_was(stripe: StripeWorld, owner: Client) -> None:
    two_plans()
    begun(owner)
    send(owner, "post", "/cancel")
    stripe.fault("rate_limit", "/v1/subscriptions/*")
    assert send(owner, "post", "/resume").status_code == 503
    breaker.forget()
    assert ends_here() and Subscription.objects.get().ends_there_since is not None
    in_the_dashboard(stripe, Subscription.objects.get(), ends=False)
    told(stripe)
    assert not ends_here()


def test_paypal_knows_no_such_end_and_ours_decides(paypal: PayPalWorld, owner: Client) -> None:
    subscription = paypal_plans.agreed(paypal, paypal_plans.begun(owner, paypal_plans.at_paypal(price())))
    assert send(owner, "post", "/cancel").json()["cancelAtPeriodEnd"] is True
    paypal_plans.told(paypal)
    paypal_plans.at_night()
    subscription.refresh_from_db()
    assert (subscription.cancel_at_period_end, subscription.ends_there_since) == (True, None)
    assert subscription.period_end and subscription.period_end > timezone.now() + timedelta(days=1)
    assert paypal.objects("subscriptions")[0]["status"] == "SUSPENDED"


def test_what_is_kept_while_the_night_runs_is_kept(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = paypal_plans.at_paypal(price())
    owners = [owner, owner_of(world.tenant("other"))]
    begun_by = {paypal_plans.agreed(paypal, paypal_plans.begun(each, plan)).id: each for each in owners}
    for each in owners:
        assert send(each, "post", "/cancel").json()["cancelAtPeriodEnd"] is True
    provider = registry.named("paypal", RunsSubscriptions)
    assert provider
    hold, kept = provider.pause_subscription, list[UUID]()

    def holding(reference: str, *, reason: str) -> Any:
        """While the first is said again, the owner of the other keeps theirs."""
        if not kept:
            other = Subscription.objects.exclude(provider_ref=reference).get()
            kept.append(other.id)
            send(begun_by[other.id], "post", "/resume")
        return hold(reference, reason=reason)

    monkeypatch.setattr(provider, "pause_subscription", holding)
    tasks.follow_all()
    assert kept == list(Subscription.objects.filter(cancel_at_period_end=False).values_list("id", flat=True))
    at_paypal = {each["id"]: each["status"] for each in paypal.objects("subscriptions")}
    assert at_paypal[Subscription.objects.get(id=kept[0]).provider_ref] == "ACTIVE"
