"""Change plan, cycle or seats of a subscription that a provider charges: what it says it costs, and then just that."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor
from payments import tax
from payments.actions.invoicing import LineDraft
from payments.models import Invoice, Payment
from payments.provider_answers import as_answers
from payments.providers import registry
from payments.providers.recurring import BillLine, BillTax, ChangeFacts, ChangeRequest, ChangesSubscriptions
from subscriptions import declined, queries, quoting
from subscriptions.actions import changing, following, moving, pricing
from subscriptions.actions.asking import ask
from subscriptions.actions.changing import Preview, Wish
from subscriptions.errors import NothingToCredit, NotSupportedByEngine, PreviewOutdated
from subscriptions.models import Subscription
from subscriptions.quoting import NOW, Choice, Quote

_DECLINED = "Your bank declined the payment{}. Nothing has changed. Pay the invoice of it another way, or choose again."


def preview_change(*, subscription_id: UUID, wish: Wish, actor: Actor, now: datetime) -> Preview:  # noqa: ARG001
    """What the provider says that it costs, reckoned for `now` by whole seconds. Nothing is changed.

    Raises what `change_subscription` raises.
    """
    at = now.replace(microsecond=0)
    subscription, choice, provider = _chosen(subscription_id, wish, at)
    facts = _cost(subscription, choice, provider, at, now)
    return Preview(subscription, _quote(choice, facts, at, subscription), changing.state_of(subscription))


def change_subscription(
    *, subscription_id: UUID, wish: Wish, actor: Actor, now: datetime, instant: datetime | None = None, state: str = ""
) -> Subscription:
    """The subscription after the provider has changed it. What has to be paid first is in force once it is: until then
    the old terms go on, and `client_secret` is there where its payer has to confirm.

    1. Reckon as of `instant`, the preview's. Where the subscription is another than in `state` it does not hold.
    2. Ask the provider, with no transaction open, under a key that the same change of the same state has.
    3. Follow what it says; the bill comes with it.
    Raises as `changing.change_subscription`, PaymentFailed (its bill stays open for a while: paid otherwise, the change
    holds), NotSupportedByEngine, NothingToCredit (a provider would keep what it gives
    back for bills of its own), and what `provider_answers` says.
    """
    at = (instant or now).replace(microsecond=0)
    subscription, choice, provider = _chosen(subscription_id, wish, at)
    current = changing.state_of(subscription)
    if state and state != current:
        raise PreviewOutdated
    facts = _cost(subscription, choice, provider, at, now)
    if choice.when == NOW and facts.total.minor < 0:
        raise NothingToCredit
    request = _request(subscription, choice, provider, at, key=_key(subscription, choice, current, at))
    operation, act = "change_subscription", lambda: provider.change_subscription(request)
    if choice.target == choice.current:
        reference = request.provider_ref
        operation, act = "drop_change", lambda: provider.drop_change(reference, key=request.key)
    with as_answers():
        after = ask(subscription, operation, act, now=now)
        changed = following.take(subscription_id=subscription.id, facts=after, provider=provider, actor=actor, now=now)
    if after.awaits_payment and (failed := _declined(changed)):
        raise declined.payment_failed(_DECLINED, failed)
    return changed


def _declined(subscription: Subscription) -> Payment | None:
    """What was to pay for the change and did not; what its payer has to confirm, or a bank has still to say, may."""
    bill = queries.latest_invoice(subscription)
    last = bill.payments.order_by("-created_at", "-id").first() if bill and bill.status == Invoice.Status.OPEN else None
    return last if last and last.status == Payment.Status.FAILED else None


def _chosen(subscription_id: UUID, wish: Wish, at: datetime) -> tuple[Subscription, Choice, ChangesSubscriptions]:
    with transaction.atomic():
        subscription = moving.locked(subscription_id)
        changing.check_changeable(subscription)
        choice = quoting.choose(subscription, changing.target_of(subscription, wish, at), when=wish.when, instant=at)
    provider = registry.named(subscription.engine, ChangesSubscriptions)
    if provider is None or subscription.provider_ref is None:
        raise NotSupportedByEngine
    return subscription, choice, provider


def _key(subscription: Subscription, choice: Choice, state: str, at: datetime) -> str:
    """The same click on the same preview is the same request; what leads back to an earlier state is another."""
    facts = (state, choice.target.price.id, choice.target.seats, choice.when, at.isoformat())
    return f"change:{subscription.id}:{hashlib.sha256('|'.join(map(str, facts)).encode()).hexdigest()[:24]}"


def _cost(
    subscription: Subscription, choice: Choice, provider: ChangesSubscriptions, at: datetime, now: datetime
) -> ChangeFacts:
    request = _request(subscription, choice, provider, at)
    with as_answers():
        return ask(subscription, "preview_change", lambda: provider.preview_change(request), now=now)


def _request(
    subscription: Subscription, choice: Choice, provider: ChangesSubscriptions, at: datetime, *, key: str = ""
) -> ChangeRequest:
    assert subscription.provider_ref
    return ChangeRequest(
        provider_ref=subscription.provider_ref,
        price_ref=pricing.price_ref(choice.target.price, provider),
        seats=choice.target.seats,
        at=at,
        when=choice.when,
        changes_cycle=choice.restarts,
        key=key,
    )


def _quote(choice: Choice, facts: ChangeFacts, at: datetime, subscription: Subscription) -> Quote:
    end = subscription.period_end or facts.next_at
    return Quote(
        target=choice.target,
        when=choice.when,
        effective_at=at if choice.when == NOW else end,
        lines=tuple(_line(each) for each in facts.lines),
        taxes=tuple(_taxes(facts.taxes)),
        total_minor=facts.total.minor,
        due_minor=facts.due.minor,
        period=(at, max(end, at + timedelta(seconds=1))),
        restarts=choice.restarts and choice.when == NOW,
        next_minor=facts.next_total.minor,
        next_at=facts.next_at,
    )


def _line(line: BillLine) -> LineDraft:
    return LineDraft(
        title=line.title,
        quantity=Decimal(1),
        unit_amount=Decimal(line.amount.minor),
        amount_minor=line.amount.minor,
        period_start=line.period[0] if line.period else None,
        period_end=line.period[1] if line.period else None,
    )


def _taxes(taxes: Sequence[BillTax]) -> list[tax.Tax]:
    return [tax.Tax(each.name, Decimal(each.rate), each.taxable.minor, each.amount.minor, []) for each in taxes]
