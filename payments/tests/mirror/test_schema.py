"""Our one-step migration of dj-stripe's tables makes what its own make, and what its models ask for."""

from __future__ import annotations

import os
from importlib.metadata import version
from io import StringIO
from pkgutil import iter_modules
from typing import Any

import djstripe.migrations
import pytest
from django.core.management import call_command
from django.db import connection

from payments.providers.stripe import mirror_migrations

pytestmark = pytest.mark.django_db
SLOW = "MIRROR_SCHEMA"
# Of every table of dj-stripe: each column, index and constraint, as PostgreSQL describes it.
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
           pg_get_expr(d.adbin, d.adrelid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relname LIKE 'djstripe\\_%' AND c.relkind = 'r'"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'djstripe\\_%'"
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid::regclass::text LIKE 'djstripe\\_%'"""


def rows(query: str) -> set[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return set(cursor.fetchall())


def schema() -> dict[str, set[tuple[Any, ...]]]:
    return {"columns": rows(COLUMNS), "indexes": rows(INDEXES), "constraints": rows(CONSTRAINTS)}


def test_the_models_of_the_installed_version_ask_for_nothing_more() -> None:
    call_command("makemigrations", "djstripe", check=True, dry_run=True, stdout=StringIO())


def test_it_stands_for_every_migration_of_the_installed_version() -> None:
    """Their names are upstream's, so that a database may go over to upstream's own, and back."""
    ours = {each.name for each in iter_modules(mirror_migrations.__path__) if not each.name.startswith("_")}
    assert ours == {each.name for each in iter_modules(djstripe.migrations.__path__)}
    assert version("dj-stripe") == "2.11.0"


@pytest.mark.skipif(not os.environ.get(SLOW), reason=f"takes a minute: make mirror, which sets {SLOW}=1")
def test_both_make_the_same_schema(settings: Any) -> None:
    """Upstream's 500 steps, in place of ours, in a transaction that is rolled back at the end."""
    ours = schema()
    assert len(ours["columns"]) > 600 and len(ours["constraints"]) > 200
    with connection.cursor() as cursor:
        for table in {row[0] for row in ours["columns"]}:
            cursor.execute(f'DROP TABLE "{table}" CASCADE')
        cursor.execute("DELETE FROM django_migrations WHERE app = 'djstripe'")
    settings.MIGRATION_MODULES = {}
    call_command("migrate", "djstripe", stdout=StringIO())
    theirs = schema()
    for kind, found in ours.items():
        assert found - theirs[kind] == set(), kind
        assert theirs[kind] - found == set(), kind
