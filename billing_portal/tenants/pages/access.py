"""Who may see a page: log in first, then choose a tenant, then have the role."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from billing_portal.kit.errors import Forbidden
from billing_portal.tenants.policies import check, known
from billing_portal.tenants.resolution import as_member

View = Callable[..., HttpResponseBase]


def tenant_page(capability: str, **by_method: str) -> Callable[[View], View]:
    """A page: `@tenant_page("billing.read")`, or by method `@tenant_page("billing.read", POST="payments.pay")`.

    The view can rely on `request.tenant`, `request.actor` and `request.role`, and works in the tenant's time zone.
    Who isn't logged in is sent to log in and comes back; with several tenants and none chosen, to choose one; without
    the role they get the 403 page.
    """
    known(capability, *by_method.values())

    def decorate(view: View) -> View:
        @wraps(view)
        def page(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return go_to(request, "login")
            if request.tenant is None:
                return _without_tenant(request)
            membership = next(one for one in request.memberships if one.tenant_id == request.tenant.id)
            try:
                check(by_method.get(request.method, capability), as_member(request.user, membership))
            except Forbidden as error:
                raise PermissionDenied(error.detail) from error
            # Sentences that views write have dates in them; the template's frame sets the same zone for what it shows.
            with timezone.override(request.tenant.zone):
                response = view(request, *args, **kwargs)
            # Bills are nobody else's: no proxy keeps them, and the back button after logging out shows none.
            response.setdefault("Cache-Control", "private, no-store")
            return response

        return page

    return decorate


def _without_tenant(request: Any) -> HttpResponse:
    if request.memberships:
        return go_to(request, "choose-tenant")
    if request.user.is_staff and request.path_info == "/":
        return HttpResponseRedirect(reverse("admin:index"))  # staff work at the desk
    raise PermissionDenied("This login belongs to no account.")


def go_to(request: HttpRequest, name: str) -> HttpResponse:
    """To a page that comes back here; after a POST it comes back to the front, since what was sent is gone."""
    back = request.get_full_path() if request.method == "GET" else "/"
    target = f"{reverse(name)}?{urlencode({'next': back})}" if back != "/" else reverse(name)
    if getattr(request, "htmx", False):
        # htmx would put the log-in page into a corner of this one.
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)
