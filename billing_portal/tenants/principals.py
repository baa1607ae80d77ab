"""An API key in the place of a user, for DRF's `request.user`."""

from dataclasses import dataclass
from uuid import UUID

from billing_portal.tenants.models import ApiKey


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Somebody is there, but it is no person: no staff, no permission of Django's."""

    key: ApiKey

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    @property
    def pk(self) -> UUID:
        return self.key.id

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return False

    def __str__(self) -> str:
        return self.key.prefix
