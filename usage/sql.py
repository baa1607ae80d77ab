"""Storing usage in one statement: the record, and its rollup only when the record is new.

Written by hand because the two must happen together and once: the rollup is raised by exactly the rows that the insert
returned, so a repeated event, however many send it at once, counts once. Shape: no rows back; True when it was new.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

_STORE = """
WITH new AS (
    INSERT INTO usage_usagerecord (event_key, tenant_id, event_id, meter, rate_class, quantity, billable_quantity,
                                   description, occurred_at, recorded_at, dimensions, usage_month, billed_in,
                                   segment_start)
    VALUES (%(event_key)s, %(tenant_id)s, %(event_id)s, %(meter)s, %(rate_class)s, %(quantity)s, %(billable_quantity)s,
            %(description)s, %(occurred_at)s, %(recorded_at)s, %(dimensions)s::jsonb, %(usage_month)s, %(billed_in)s,
            %(segment_start)s)
    ON CONFLICT DO NOTHING
    RETURNING *
)
INSERT INTO usage_usagerollup AS r (id, tenant_id, meter, rate_class, usage_month, segment_start, billed_in,
                                    quantity, billable_quantity, records)
SELECT gen_random_uuid(), tenant_id, meter, rate_class, usage_month, segment_start, billed_in,
       quantity, billable_quantity, 1
FROM new
ON CONFLICT (tenant_id, meter, rate_class, usage_month, segment_start, billed_in) DO UPDATE
SET quantity = r.quantity + excluded.quantity,
    billable_quantity = r.billable_quantity + excluded.billable_quantity,
    records = r.records + excluded.records
"""


def store_record(row: dict[str, Any]) -> bool:
    """`row` has the columns of usage_usagerecord, `dimensions` as JSON text. False: that key is stored already."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, row)
        return cursor.rowcount == 1


def new_key() -> Any:
    """A key for an event that came without one: time-ordered, so that the unique index stays flat."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuidv7()")
        return cursor.fetchone()[0]
