"""What the close_month command says to whoever runs it by hand."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing_portal.management.commands import close_month
from billing_portal.tests import world

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("close_month", "2026-09", *arguments, stdout=out)
    return out.getvalue()


def test_one_tenant_is_no_several() -> None:
    world.subscribed()
    assert said("--dry-run").startswith("2026-09: 1 tenant, nothing was written\n")
    world.subscribed()
    assert said("--dry-run").startswith("2026-09: 2 tenants, nothing was written\n")


def test_nor_when_it_fails(monkeypatch) -> None:
    def broken(**facts: object) -> None:
        raise RuntimeError("its terms are broken")

    monkeypatch.setattr(close_month, "close_month", broken)
    world.subscribed()
    with pytest.raises(CommandError, match="1 of 1 tenant could not be closed"):
        said()
