"""Who may log in to the demo: members of each tenant, staff of each group, and a key for each tenant's servers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group

from billing_portal.groups import sync_groups
from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.tenants.actions.joining import add_member
from billing_portal.tenants.actions.keys import create_api_key, revoke_api_key
from billing_portal.tenants.models import ApiKey, Role, Scope, Tenant, User

SEED = Actor.system("seed_demo")
KEY_NAME = "Call center platform"
STAFF_DOMAIN = "portal.example"

# Login: name, group. `finance2` is the second person.
STAFF = {
    "clerk": ("Priya Nair", "clerk"),
    "finance": ("Tom Okafor", "finance"),
    "finance2": ("Lucia Brandt", "finance"),
    "auditor": ("Henrik Dahl", "auditor"),
    "support": ("Maya Cole", "support"),
    "superuser": ("Ada Root", None),
}
# Tenant: owner, billing, viewer, agent.
MEMBERS = {
    "acme": ("Dana Whitfield", "Marcus Bell", "Joan Pruitt", "Luis Ortega"),
    "globex": ("Katrin Vogel", "Jonas Weber", "Mira Schulz", "Emre Aydin"),
    "initech": ("Bill Lumley", "Nina Patel", "Peter Gibson", "Milton Ward"),
    "kanto": ("Haruka Sato", "Kenji Mori", "Aoi Tanaka", "Ren Ito"),
    "hooli": ("Gavin Beck", "Jo Anderson", "Denise Park", "Owen Hale"),
    "umbrella": ("Alice Spence", "Ruth Carver", "Leon Kane", "Jill Ames"),
    "wonka": ("Will Bucket", "Grace Salt", "Charles Teavee", "Violet Gloop"),
    "stark": ("Pepper Holt", "Happy Horan", "James Rhodes", "Riri Wells"),
    "cyberdyne": ("Miles Dawson", "Sarah Kyle", "John Reese", "Tara Dyson"),
}


@dataclass(slots=True)
class Accounts:
    """Everybody who was made, by login or role, and the secrets in the shape that scripts read."""

    staff: dict[str, User] = field(default_factory=dict)
    members: dict[str, dict[str, User]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=lambda: {"tenants": {}, "staff": {}})

    def desk(self, login: str) -> Actor:
        """A person of the staff, as an actor."""
        return Actor(ActorKind.STAFF, self.staff[login].id, self.staff[login].email)

    def member(self, slug: str, role: str) -> Actor:
        """A member of a tenant, as an actor."""
        return Actor(ActorKind.USER, self.members[slug][role].id, self.members[slug][role].email)


def make_accounts(tenants: Mapping[str, Tenant], now: datetime) -> Accounts:
    """Make people and keys, or give those that exist new passwords and keys: a secret can't be read back."""
    sync_groups()
    accounts = Accounts()
    for login, (name, group) in STAFF.items():
        user, password = _person(f"{login}@{STAFF_DOMAIN}", name, now, staff=True, superuser=login == "superuser")
        user.groups.set(Group.objects.filter(name=group))
        accounts.staff[login] = user
        accounts.told["staff"][login] = {"email": user.email, "password": password}
    for slug, tenant in tenants.items():
        accounts.members[slug] = {}
        told: dict[str, Any] = {"id": str(tenant.id)}
        accounts.told["tenants"][slug] = told
        for role, name in zip(Role, MEMBERS[slug], strict=True):
            user, password = _person(f"{role.value}@{slug}.example", name, now)
            add_member(tenant=tenant, user=user, role=role, actor=SEED, now=now)
            accounts.members[slug][role.value] = user
            told[role.value] = {"email": user.email, "password": password}
        told["apiKey"] = _key(tenant, accounts.member(slug, "owner"), now)
    return accounts


def _person(email: str, name: str, now: datetime, *, staff: bool = False, superuser: bool = False) -> tuple[User, str]:
    password = secrets.token_urlsafe(12)
    # Stretching makes guessing dear, and 96 random bits need none: at Django's full count, to which the first log-in
    # brings the hash, forty people would take ten seconds.
    hashed = PBKDF2PasswordHasher().encode(password, secrets.token_hex(11), iterations=1)
    facts = {"name": name, "password": hashed, "is_staff": staff, "is_superuser": superuser, "is_active": True}
    user, _ = User.objects.update_or_create(email=email, defaults=facts, create_defaults={**facts, "date_joined": now})
    return user, password


def _key(tenant: Tenant, owner: Actor, now: datetime) -> str:
    for old in ApiKey.objects.filter(tenant=tenant, name=KEY_NAME, revoked_at=None):
        revoke_api_key(key_id=old.id, actor=owner, now=now)
    return create_api_key(tenant=tenant, name=KEY_NAME, scopes=Scope.values, actor=owner, now=now)[1]
