"""Check a password, and stop whoever guesses: after ten wrong ones for an account in five minutes none is looked at.

The count is in the database, so it holds while Redis is down and across processes. Addresses that nobody has are
counted and take as long as others, so that neither the answer nor its time tells whether an account exists.
"""

import math
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from billing_portal.kit.errors import NotAuthenticated, TooManyRequests
from billing_portal.tenants.credentials import digest
from billing_portal.tenants.models import LoginFailure, User

WINDOW = timedelta(minutes=5)
MAX_FAILURES = 10
FORGOTTEN_AT_ONCE = 100


class WrongCredentials(NotAuthenticated):
    """Never says which of the two was wrong."""

    code = "wrong_credentials"
    title = "Email and password do not match"
    detail = "This email and password do not belong together. Check both and try again."


class TooManyFailures(TooManyRequests):
    code = "too_many_failures"
    title = "Too many wrong passwords"
    detail = "There were too many wrong passwords for this account. Wait a few minutes and try again."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


def check_password(*, email: str, password: str, now: datetime) -> User:
    """The active user with this password.

    1. Refuse at once when the account has had its failures, without looking at the password.
    2. Compare, with no lock held: it takes a tenth of a second by design.
    3. Decide under the account's lock, counting again: of guesses side by side no more than ten learn anything.
    Raises WrongCredentials, TooManyFailures.
    """
    account = digest(email.strip().lower())
    _refuse_when_guessed(account, now)
    user = _matching(email, password)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"login:{account}"])
        _refuse_when_guessed(account, now)
        if user is not None:
            LoginFailure.objects.filter(account=account).delete()
            return user
        LoginFailure.objects.create(account=account, at=now)
        _forget_old(now)
    raise WrongCredentials


def _matching(email: str, password: str) -> User | None:
    user = User.objects.filter(email=email.strip().lower()).first() if "\0" not in email else None
    if user is None:
        make_password(password)  # as long as a comparison takes
        return None
    return user if user.check_password(password) and user.is_active else None


def _refuse_when_guessed(account: str, now: datetime) -> None:
    recent = LoginFailure.objects.filter(account=account, at__gt=now - WINDOW).order_by("-at")
    times = list(recent.values_list("at", flat=True)[:MAX_FAILURES])
    if len(times) == MAX_FAILURES:
        raise TooManyFailures(max(1, math.ceil((times[-1] + WINDOW - now).total_seconds())))


def _forget_old(now: datetime) -> None:
    """Drop some of what counts no more, whoever's it is, so that the table stays as small as the trouble is."""
    old = LoginFailure.objects.filter(at__lte=now - WINDOW).select_for_update(skip_locked=True)
    LoginFailure.objects.filter(id__in=[failure.id for failure in old[:FORGOTTEN_AT_ONCE]]).delete()
