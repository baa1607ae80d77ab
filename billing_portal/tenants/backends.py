"""How Django checks a password (the admin's log-in form does it this way): with the same limit as everywhere."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest
from django.utils import timezone

from billing_portal.tenants.actions.logging_in import TooManyFailures, WrongCredentials, check_password
from billing_portal.tenants.models import User


class LimitedPasswordBackend(ModelBackend):
    """Permissions are Django's own; only the comparison goes through our verb."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        email = username if username is not None else kwargs.get(User.USERNAME_FIELD)
        if email is None or password is None:
            return None
        try:
            return check_password(email=email, password=password, now=timezone.now())
        except (WrongCredentials, TooManyFailures):
            return None  # the form has one sentence for both
