"""SQL for migrations: rows that may only be added, and foreign keys that carry the tenant."""

from __future__ import annotations

from django.db.migrations import RunSQL

_REFUSE = """
CREATE OR REPLACE FUNCTION billing_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
"""


def append_only(*tables: str) -> RunSQL:
    """Refuse UPDATE, DELETE and TRUNCATE, by statement: one that matches no row is refused too. Raises
    IntegrityError."""
    return RunSQL(
        _REFUSE
        + "".join(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION billing_append_only();\n"
            for table in tables
        ),
        "".join(f"DROP TRIGGER {table}_append_only ON {table};\n" for table in tables),
    )


_REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION billing_only_these_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - TG_ARGV = to_jsonb(OLD) - TG_ARGV THEN RETURN NEW; END IF;
  RAISE EXCEPTION '% keeps its terms: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_keeps_terms';
END $$;
"""


def keeps_terms(table: str, *columns: str) -> RunSQL:
    """Refuse DELETE, and every UPDATE of a row that changes more than these columns. Raises IntegrityError."""
    may_change = ", ".join(f"'{column}'" for column in columns)
    return RunSQL(
        _REFUSE_CHANGE + f"CREATE TRIGGER {table}_keeps_terms BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION billing_only_these_change({may_change});",
        f"DROP TRIGGER {table}_keeps_terms ON {table};",
    )


def same_tenant(child: str, column: str, parent: str) -> RunSQL:
    """(tenant_id, column) of `child` must be (tenant_id, id) of `parent`: no row points into another tenant.

    Deferred to the commit like Django's own; the parent has a unique constraint on (tenant_id, id).
    """
    name = f"{child}_{column}_same_tenant"
    return RunSQL(
        f"ALTER TABLE {child} ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, {column}) "
        f"REFERENCES {parent} (tenant_id, id) DEFERRABLE INITIALLY DEFERRED;",
        f"ALTER TABLE {child} DROP CONSTRAINT {name};",
    )
