"""The one view for all providers' webhooks: verify, store once, commit, answer; a worker does the rest.

Plain Django: no session, no throttle (providers send in bursts), and the body as it came, which the signature is over.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from billing_portal.kit.errors import BadInput, BillingError, MethodNotAllowed, NotFound, Unavailable
from billing_portal.kit.problems import billing_error, problem_response
from billing_portal.notices.waking import wake
from payments.inbox import handling, store
from payments.providers import registry
from payments.providers.base import BadSignature, ProviderError, SendsEvents

log = logging.getLogger(__name__)


class NotSigned(BadInput):
    code = "bad_signature"
    title = "This was not signed by the provider"
    detail = "The signature does not fit these bytes, or is not of now. Nothing was stored."


@method_decorator(csrf_exempt, name="dispatch")
class ProviderWebhook(View):
    """`provider` is its name in the registry. While it is off there is nothing at this address."""

    provider: ClassVar[str] = ""
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
            event = provider.verify(request.body, request.headers, now)
        except BadSignature as error:
            log.warning("webhook refused: %s", error, extra={"provider": self.provider})
            raise NotSigned from error
        except ProviderError as error:
            log.warning("webhook can't be verified now: %s", error, extra={"provider": self.provider})
            raise Unavailable from error
        return store.receive(event, provider=provider.name, livemode=provider.livemode, now=now)

    def http_method_not_allowed(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        response = problem_response(MethodNotAllowed())
        response["Allow"] = ", ".join(name.upper() for name in self.http_method_names)
        return response
