"""The demo's accounts, for one button each below the log-in form. There are none outside of the demo."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """`label` is what it is among its group: "Owner"; `name` says it in full, to who can't see the group."""

    label: str
    name: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class DemoGroup:
    """The people of one tenant, or of the staff."""

    title: str
    accounts: list[DemoAccount]


def demo_accounts() -> list[DemoGroup]:
    """What the seed wrote to DATA_DIR/accounts.json; nothing when there is no such file, or another.

    `{"tenants": {slug: {role: {"email", "password"}, …}}, "staff": {group: {"email", "password"}}}`
    """
    if not settings.DEMO:
        return []
    try:
        told = json.loads((settings.DATA_DIR / "accounts.json").read_text())
        groups = [_group(slug.title(), people) for slug, people in told["tenants"].items()]
        # The desk right after the first tenant: these two are what the tour begins with.
        return [*groups[:1], _group("Staff", told["staff"]), *groups[1:]]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _group(title: str, people: dict[str, Any]) -> DemoGroup:
    accounts = [
        DemoAccount(who.capitalize(), f"{title}: {who}", facts["email"], facts["password"])
        for who, facts in people.items()
        if isinstance(facts, dict)  # beside people stand the tenant's id and its key
    ]
    return DemoGroup(title, accounts)
