"""The view for a provider's second channel: messages that are not signed, whose sender is asked about each.

A message is stored as an event like a webhook's, and from there on is one: a hint to read the object again.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from billing_portal.kit.errors import BadInput, NotFound, TooLarge, Unavailable, UnsupportedMediaType
from payments.inbox import store
from payments.providers import registry
from payments.providers.base import ReceivesMessages
from payments.providers.errors import BadSignature, ProviderError
from payments.webhooks.views import ProviderWebhook, SenderThrottle

log = logging.getLogger(__name__)


class NoMessage(BadInput):
    code = "no_message"
    title = "This can't be a message of the provider's"
    detail = "It is not what the provider sends to this installation. Nobody was asked about it; nothing was stored."


class MessageThrottle(SenderThrottle):
    """Fewer than of webhooks: whoever knows our account's name can write a message that is worth a question, and the
    provider's webhooks tell the same besides."""

    scope = "message"
    rate = "120/min"


class ProviderMessage(ProviderWebhook):
    """As a webhook answers. One that the provider did not send is answered 200 too; a line in the log is all that is
    left of it, since anybody can send any number of them."""

    throttle = MessageThrottle

    def _store(self, request: HttpRequest) -> bool:
        """Whether a worker has something to do.

        1. Ask the provider, with no transaction open, whether it sent these bytes; not too often for one address.
        2. In one transaction: keep the message, and store the event that it stands for, once. Of one that it did not
           send nothing is stored.
        """
        provider, now = registry.named(self.provider, ReceivesMessages), timezone.now()
        if provider is None:
            raise NotFound
        body = _body(request, provider)
        self._count(request)
        try:
            message = provider.ask_about(body, now)
        except BadSignature as error:
            log.warning("message refused: %s", error, extra={"provider": self.provider})
            raise NoMessage from error
        except ProviderError as error:
            log.warning("message can't be verified now: %s", error, extra={"provider": self.provider})
            raise Unavailable from error
        if not message.is_genuine:
            log.warning("the provider did not send a message", extra={"provider": self.provider})
            return False
        with transaction.atomic():
            event = provider.keep(message, address=request.META.get("REMOTE_ADDR", ""))
            return store.receive(event, provider=provider.name, livemode=provider.livemode, now=now)


def _body(request: HttpRequest, provider: ReceivesMessages) -> bytes:
    """Raises UnsupportedMediaType, TooLarge."""
    if request.content_type != provider.message_type:
        raise UnsupportedMediaType(f"Messages come as {provider.message_type}.")
    if len(request.body) > provider.largest_message:
        raise TooLarge
    return request.body
