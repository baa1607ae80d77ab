"""The one view for all providers' webhooks: verify, store once, commit, answer; a worker does the rest.

Plain Django: no session, and the body as it came, which the signature is over. Providers send in bursts: what is
verified without asking anybody is not throttled.
"""

from __future__ import annotations

import logging
import math
from typing import Any, ClassVar

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from billing_portal.kit.errors import BadInput, BillingError, MethodNotAllowed, NotFound, TooManyRequests, Unavailable
from billing_portal.kit.problems import billing_error, problem_response
from billing_portal.kit.throttling import CallerThrottle
from billing_portal.notices.waking import wake
from payments.inbox import handling, store
from payments.providers import registry
from payments.providers.base import SendsEvents
from payments.providers.errors import BadSignature, ProviderError

log = logging.getLogger(__name__)


class NotSigned(BadInput):
    code = "bad_signature"
    title = "This was not signed by the provider"
    detail = "The signature does not fit these bytes, or is not of now. Nothing was stored."


class SenderThrottle(CallerThrottle):
    """How often one address may make us ask the provider whether it has sent something: anybody can write what is worth
    a question. The provider itself sends again what it was refused, and its events of a minute fit below this."""

    scope = "webhook"
    rate = "600/min"

    def caller(self, request: Any, view: Any) -> str:
        return f"address:{self.get_ident(request)}"


@method_decorator(csrf_exempt, name="dispatch")
class ProviderWebhook(View):
    """`provider` is its name in the registry. While it is off there is nothing at this address."""

    provider: ClassVar[str] = ""
    throttle: ClassVar[type[SenderThrottle]] = SenderThrottle
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """200 once the event is committed, also for a copy of one that was stored before; all else is sent again."""
        try:
            if self._store(request):
                wake(handling.TASK)
        except BillingError as error:
            return problem_response(error)
        except (DatabaseError, InterfaceError, UnreadablePostError) as error:
            log.warning("an event was not stored, and will be sent again", exc_info=error)
            return problem_response(billing_error(error))
        return JsonResponse({"received": True})

    def _store(self, request: HttpRequest) -> bool:
        """Whether a worker has something to do. Nothing is asked of the database before the signature is known to be
        good."""
        provider, now = registry.named(self.provider, SendsEvents), timezone.now()
        if provider is None:
            raise NotFound
        try:
            event = provider.verify(request.body, request.headers, now, before_asking=lambda: self._count(request))
        except BadSignature as error:
            log.warning("webhook refused: %s", error, extra={"provider": self.provider})
            raise NotSigned from error
        except ProviderError as error:
            log.warning("webhook can't be verified now: %s", error, extra={"provider": self.provider})
            raise Unavailable from error
        return store.receive(event, provider=provider.name, livemode=provider.livemode, now=now)

    def _count(self, request: HttpRequest) -> None:
        """Raises TooManyRequests, before anybody is asked."""
        throttle = self.throttle()
        if not throttle.allow_request(request, self):  # type: ignore[arg-type]
            error = TooManyRequests()
            error.retry_after = math.ceil(throttle.wait() or error.retry_after)
            raise error

    def http_method_not_allowed(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        response = problem_response(MethodNotAllowed())
        response["Allow"] = ", ".join(name.upper() for name in self.http_method_names)
        return response
