"""Who acts at the finance desk."""

from __future__ import annotations

from django.http import HttpRequest

from billing_portal.kit.actors import Actor
from billing_portal.tenants.models import User
from billing_portal.tenants.resolution import actor_of_staff


def staff_user(request: HttpRequest) -> User:
    """The person behind a request that the admin has let in."""
    assert isinstance(request.user, User)
    return request.user


def staff_actor(request: HttpRequest) -> Actor:
    """The same person, as verbs take it."""
    return actor_of_staff(staff_user(request))
