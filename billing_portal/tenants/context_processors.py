"""What the frame of every page shows: whose bills these are, and who looks at them."""

from typing import Any

from django.http import HttpRequest


def portal(request: HttpRequest) -> dict[str, Any]:
    """`tenant`, `memberships`, `role` and `who`; empty where the middleware did not come by."""
    actor = getattr(request, "actor", None)
    return {
        "tenant": getattr(request, "tenant", None),
        "memberships": getattr(request, "memberships", []),
        "role": getattr(request, "role", None),
        "who": actor.label if actor else "",
    }
