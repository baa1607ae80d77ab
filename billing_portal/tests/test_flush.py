"""The tests' flush gets past the guards of what is append-only, and leaves each guard where it was."""

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction


def refused(table):
    """Whether TRUNCATE is refused by the table's own trigger."""
    with pytest.raises(DatabaseError) as problem, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else Django's deferred keys refuse it first
        cursor.execute(f'TRUNCATE "{table}" CASCADE')
    return "pending trigger events" not in str(problem.value)


def switched_off():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D'")
        return cursor.fetchall()


@pytest.mark.django_db(transaction=True)
def test_every_append_only_table_refuses_truncate_before_and_after_a_flush():
    assert all(refused(table) for table in settings.APPEND_ONLY_TABLES)
    call_command("flush", interactive=False, verbosity=0)
    assert switched_off() == []
    assert all(refused(table) for table in settings.APPEND_ONLY_TABLES)
