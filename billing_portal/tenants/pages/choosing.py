"""Choose the tenant whose bills to look at, and how the pages look."""

from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from billing_portal.kit.templatetags.billing import APPEARANCE_COOKIE, APPEARANCES
from billing_portal.tenants.middleware import CHOSEN
from billing_portal.tenants.pages.access import go_to
from billing_portal.tenants.pages.redirecting import safe_next

A_YEAR = 365 * 24 * 60 * 60


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(private=True, no_store=True)
def choose_tenant(request: Any) -> HttpResponse:
    """GET lists the tenants one belongs to, POST `slug` takes one for this session. Another's is 404, like no one's."""
    if not request.user.is_authenticated:
        return go_to(request, "login")
    if request.method != "POST":
        return render(request, "tenants/choose.html", {"next": safe_next(request, "")})
    slug = request.POST.get("slug", "")
    if slug not in {membership.tenant.slug for membership in request.memberships}:
        raise Http404
    request.session[CHOSEN] = slug
    return HttpResponseRedirect(safe_next(request, "/"))


@require_POST
def appearance(request: Any) -> HttpResponse:
    """Remember light or dark in a cookie that the server reads; anything else means: as the system."""
    response = HttpResponseRedirect(safe_next(request, "/"))
    chosen = request.POST.get("appearance", "")
    if chosen in APPEARANCES:
        response.set_cookie(
            APPEARANCE_COOKIE, chosen, max_age=A_YEAR, samesite="Lax", secure=request.is_secure(), httponly=True
        )
    else:
        response.delete_cookie(APPEARANCE_COOKIE, samesite="Lax")
    return response
