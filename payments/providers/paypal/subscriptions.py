"""Subscriptions: begun, agreed to by their payer on PayPal's page, revised, suspended, resumed, cancelled, and read.

https://developer.paypal.com/docs/api/subscriptions/v1/#subscriptions
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from payments.providers.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable, UnderWay, UnknownReference
from payments.providers.paypal.client import PayPalClient, identifier
from payments.providers.paypal.errors import Refused, approval_link, ours, translated
from payments.providers.paypal.listing import events, resources
from payments.providers.paypal.reading import readable
from payments.providers.paypal.subscription_reading import subscription_of
from payments.providers.recurring import RecurringFacts, StartRequest
from payments.providers.revising import CannotRevise, ReviseRequest

URL = "/v1/billing/subscriptions"
ENDED = frozenset({"CANCELLED", "EXPIRED"})
_CREATED = "BILLING.SUBSCRIPTION.CREATED"
_CANT_REVISE = ("PLAN_PRODUCT_NOT_COMPATIBLE", "CURRENCY_MISMATCH", "SUBSCRIPTION_CANNOT_HAVE_QUANTITY")
_WRONG_STATE = ("SUBSCRIPTION_STATUS_INVALID", "SUBSCRIPTION_CANNOT_BE_ACTIVATED")
_LONGEST, _LONGEST_REASON, _LONGEST_NAME = 127, 128, 140


class Subscriptions:
    """What `PayPalProvider` does with subscriptions; see there."""

    def __init__(self, client: PayPalClient, *, brand_name: str) -> None:
        self._client, self._brand_name = client, brand_name

    def start(self, request: StartRequest) -> RecurringFacts:
        """Nothing moves before its payer has agreed, so a lost answer is ProviderUnavailable. Begun before, it is what
        it was then: whoever wants to know what became of it looks it up.

        Source: PayPal Subscriptions v1, POST /v1/billing/subscriptions (remembers a request id for 72 hours; after that
        `find` comes first). It has no coupons, and a trial is a beginning in the future.
        """
        if request.coupon:
            raise ProviderRejected("PayPal's subscriptions take no coupons")
        with translated(moves_money=False):
            answer = self._client.post(URL, self._content(request), request_id=request.key)
        try:
            facts = subscription_of(answer.content)
        except OutcomeUnknown as error:
            raise ProviderUnavailable(str(error), request_id=answer.request_id) from error
        if facts.status == "approval_pending" and not facts.approval_url:
            raise ProviderUnavailable("PayPal named no page for the payer", request_id=answer.request_id)
        return facts

    def look_up(self, provider_ref: str) -> RecurringFacts:
        """Source: PayPal Subscriptions v1, "Show subscription details"."""
        return subscription_of(self.read(provider_ref))

    def read(self, provider_ref: str) -> dict[str, Any]:
        """Whole, with its plan. Raises UnknownReference."""
        path = f"{URL}/{identifier(provider_ref)}"
        with translated(moves_money=False):
            return self._client.get(path, fields="plan,last_failed_payment").content

    def find(self, subscription_id: str, *, since: datetime) -> RecurringFacts | None:
        """PayPal lists no subscriptions: the events that told of new ones, which it keeps for 30 days."""
        with translated(moves_money=False):
            for event in events(self._client, kind=_CREATED, since=since):
                with readable("event"):
                    resource = event["resource"]
                    is_it, reference = resource.get("custom_id") == subscription_id, resource.get("id")
                if is_it:
                    try:
                        return self.look_up(reference)
                    except UnknownReference:  # nobody agreed, and PayPal has forgotten it
                        return None
        return None

    def since(self, since: datetime) -> Iterator[RecurringFacts]:
        """By the same events. One that can't be read is left out."""
        with translated(moves_money=False):
            told = resources(self._client, (_CREATED,), since)
        for reference in told:
            try:
                yield self.look_up(reference)
            except (UnknownReference, OutcomeUnknown):
                continue

    def cancel(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """Source: PayPal Subscriptions v1, POST …/cancel: of one that is active or suspended."""
        return self._told(provider_ref, "cancel", reason, done=ENDED)

    def suspend(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """Source: PayPal Subscriptions v1, POST …/suspend: of one that is active."""
        return self._told(provider_ref, "suspend", reason, done=frozenset({"SUSPENDED"}))

    def activate(self, provider_ref: str, *, reason: str) -> RecurringFacts:
        """Source: PayPal Subscriptions v1, POST …/activate: of one that is suspended."""
        return self._told(provider_ref, "activate", reason, done=frozenset({"ACTIVE"}))

    def revise(self, request: ReviseRequest) -> RecurringFacts:
        """Sent without a request id, of which PayPal's page knows none here: another takes the place of the first.

        Source: PayPal Subscriptions v1, POST …/revise: of one that is active or suspended; the payer agrees at the link
        `approve`, and PayPal bills by it from the next cycle on. Who pays by card without an account is not asked.
        """
        wanted = {"plan_id": identifier(request.price_ref), "quantity": str(request.seats)}
        context = self._context(request.return_url, request.cancel_url, action="CONTINUE")
        body = json.dumps({**wanted, "application_context": context}).encode()
        try:
            with translated(moves_money=False):
                answer = self._client.ask(f"{URL}/{identifier(request.provider_ref)}/revise", body)
        except ProviderRejected as error:
            if error.code not in _CANT_REVISE:
                raise
            raise CannotRevise(str(error), code=error.code, request_id=error.request_id) from error
        facts = self.look_up(request.provider_ref)
        if (facts.price_ref, facts.seats) == (request.price_ref, request.seats):
            return facts
        page = approval_link(answer.content.get("links"))
        if page is None:
            raise ProviderUnavailable("PayPal named no page for the payer", request_id=answer.request_id)
        return replace(facts, approval_url=page)

    def _told(self, provider_ref: str, verb: str, reason: str, *, done: frozenset[str]) -> RecurringFacts:
        """Sent once and without a request id: under one that PayPal knows, a second suspension would be none.

        A refusal for its status is an answer when it is `done` already.
        """
        path = f"{URL}/{identifier(provider_ref)}/{verb}"
        body = json.dumps({"reason": reason[:_LONGEST_REASON] or "Asked for by the portal"}).encode()
        refused: Refused | None = None
        with translated(moves_money=True):
            try:
                self._client.ask(path, body)
            except Refused as error:
                if not error.among(*_WRONG_STATE):
                    raise
                refused = error
        try:
            found = self.read(provider_ref)
        except ProviderUnavailable as error:
            kind = ProviderUnavailable if refused else OutcomeUnknown
            raise kind(str(error), code=error.code, request_id=error.request_id) from error
        if found.get("status") in done:
            return subscription_of(found)
        if refused:
            raise ours(refused, moves_money=True) from refused
        raise UnderWay("PayPal has been told, and it is not to be seen yet")

    def _content(self, request: StartRequest) -> dict[str, Any]:
        """What the payer is asked to agree to."""
        context = self._context(request.return_url, request.cancel_url, action="SUBSCRIBE_NOW")
        content: dict[str, Any] = {
            "plan_id": identifier(request.price_ref),
            "custom_id": request.subscription_id,
            "quantity": str(request.seats),
            "application_context": context,
        }
        if request.trial_end:
            content["start_time"] = request.trial_end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if request.payer:
            told = {"given_name": request.payer.first_name, "surname": request.payer.last_name}
            name = {part: text[:_LONGEST_NAME] for part, text in told.items() if text}
            content["subscriber"] = {
                "email_address": request.payer.email,
                **({"name": name} if name else {}),
            }
        return content

    def _context(self, return_url: str, cancel_url: str, *, action: str) -> dict[str, str]:
        """What PayPal's page says, and where it leads."""
        return {
            **({"brand_name": self._brand_name[:_LONGEST]} if self._brand_name else {}),
            "user_action": action,
            "shipping_preference": "NO_SHIPPING",
            "return_url": return_url,
            "cancel_url": cancel_url,
        }
