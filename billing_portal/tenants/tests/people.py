"""Tenants, people and keys for tests of any app, made through the verbs that make them in earnest."""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone
from rest_framework.test import APIClient

from billing_portal.kit.actors import Actor
from billing_portal.tenants.actions.creating import create_tenant
from billing_portal.tenants.actions.joining import add_member
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.actions.tokens import issue_token
from billing_portal.tenants.models import Role, Scope, Tenant, User

PASSWORD = "correct horse battery"
LONG_AGO = datetime(2026, 1, 5, 9, tzinfo=UTC)
BY_TEST = Actor.system("test")


def a_tenant(slug: str = "acme", **facts: Any) -> Tenant:
    facts = {"name": slug.title(), "billing_email": f"billing@{slug}.example", **facts}
    return create_tenant(slug=slug, actor=BY_TEST, now=LONG_AGO, **facts)


def a_user(email: str, **facts: Any) -> User:
    return User.objects.create_user(email, PASSWORD, **facts)


def a_member(tenant: Tenant, role: Role | str = Role.OWNER, user: User | None = None) -> User:
    """A person with this role in the tenant, called `<role>@<slug>.example` unless given."""
    user = user or a_user(f"{role}@{tenant.slug}.example")
    add_member(tenant=tenant, user=user, role=role, actor=BY_TEST, now=LONG_AGO)
    return user


def a_staff_member(group: str | None = None, email: str | None = None) -> User:
    """Somebody of the platform's staff, in the group when one is named."""
    user = a_user(email or f"{group or 'staff'}@portal.example", is_staff=True)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def a_key(tenant: Tenant, *scopes: str) -> str:
    """The secret of a new API key, with every scope unless some are named."""
    return create_api_key(tenant=tenant, name="test", scopes=scopes or Scope.values, actor=BY_TEST, now=LONG_AGO)[1]


def bearer(secret: str, **headers: str) -> APIClient:
    """An API client that shows this secret; `tenant="acme"` names a tenant."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}", **_tenant_header(headers))
    return client


def client_of(user: User, **headers: str) -> APIClient:
    """An API client with a token of this user; `tenant="acme"` names a tenant."""
    return bearer(issue_token(user=user, now=timezone.now())[1], **headers)


def _tenant_header(headers: dict[str, str]) -> dict[str, str]:
    return {"HTTP_X_TENANT": headers["tenant"]} if "tenant" in headers else {}
