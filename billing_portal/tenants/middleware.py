"""For pages: whose bills the person in this session looks at. The API has its own way (`policies.May`)."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from billing_portal.kit import context
from billing_portal.tenants.models import Membership
from billing_portal.tenants.policies import take_on
from billing_portal.tenants.resolution import actor_of_user, as_member

# The chosen tenant's slug, in the session.
CHOSEN = "tenant"
_NOT_PAGES = ("/api/", "/static/", "/healthz", "/readyz")


class TenantMiddleware:
    """Sets `request.tenant`, `actor`, `role` and `memberships`; None and empty while nobody is logged in.

    The tenant is the one chosen in this session, else the only one. What was chosen counts only as long as the person
    belongs to it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        request.tenant = request.actor = request.role = None
        request.memberships = []
        if not request.path_info.startswith(_NOT_PAGES) and request.user.is_authenticated:
            _find_tenant(request)
        return self.get_response(request)


def _find_tenant(request: Any) -> None:
    user = request.user
    request.actor = actor_of_user(user)
    context.bind(actor_label=request.actor.label)
    if request.path_info.startswith("/admin/"):
        return  # staff act there as themselves, on every tenant
    request.memberships = list(
        Membership.objects.filter(user=user).select_related("tenant").order_by("tenant__name", "tenant_id")
    )
    chosen = request.session.get(CHOSEN)
    by_slug = {membership.tenant.slug: membership for membership in request.memberships}
    only = request.memberships[0] if len(request.memberships) == 1 else None
    if membership := by_slug.get(chosen, only):
        take_on(request, as_member(user, membership))
