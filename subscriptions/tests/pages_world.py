"""Who looks at the subscription's pages: a member of a tenant, logged in, and the forms that they send."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from billing_portal.tests.reading import hidden

CHANGE = "/subscription/change"


def browser(of: Tenant, role: str = "owner") -> Client:
    client = Client()
    client.force_login(world.member(of, role))
    return client


def sent(answer: HttpResponse, *, without: str = "csrfmiddlewaretoken", **fields: Any) -> dict[str, Any]:
    """The hidden fields of a page's form as it would be sent, with what was typed."""
    return {name: values[0] for name, values in hidden(answer).items() if name != without} | fields


def changes(client: Client, query: str, **fields: Any) -> HttpResponse:
    """Look, then confirm."""
    return client.post(CHANGE, sent(client.get(f"{CHANGE}?{query}"), **fields))
