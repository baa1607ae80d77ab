"""Give out and take back the bearer tokens of people."""

from datetime import datetime, timedelta

from billing_portal.tenants.credentials import ACCESS_TOKEN, digest, new_secret
from billing_portal.tenants.models import AccessToken, User

# Long enough for a working day; a front end asks for the password again the next.
LIFETIME = timedelta(hours=12)


def issue_token(*, user: User, now: datetime) -> tuple[AccessToken, str]:
    """A token and its secret. Takes the chance to forget the tokens of this user that ended by themselves."""
    secret = new_secret(ACCESS_TOKEN)
    AccessToken.objects.filter(user=user, expires_at__lt=now).delete()
    token = AccessToken.objects.create(user=user, hash=digest(secret), created_at=now, expires_at=now + LIFETIME)
    return token, secret


def revoke_token(*, token: AccessToken, now: datetime) -> None:
    """From now on the token opens nothing; doing it twice changes nothing."""
    AccessToken.objects.filter(id=token.id, revoked_at__isnull=True).update(revoked_at=now)
