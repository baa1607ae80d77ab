"""Run the invariants of the books, which are written as SQL in one file beside this one."""

from __future__ import annotations

import re
from pathlib import Path

from django.db import connection, transaction

from payments.models.dispute import DISPUTE_MOVES
from payments.models.invoice import INVOICE_MOVES
from payments.models.payment import PAYMENT_MOVES
from payments.models.refund import REFUND_MOVES
from subscriptions.models.subscription import SUBSCRIPTION_MOVES

SQL = Path(__file__).with_name("invariants.sql")
_HEAD = re.compile(r"^-- (I\d+) (.+)$", re.MULTILINE)

FIRST_STATES = {
    "payment": ("created", "awaiting_review"),
    "invoice": ("draft", "open"),
    "refund": ("awaiting_approval", "pending"),
    "dispute": ("inquiry", "open"),
    "subscription": ("incomplete", "approval_pending", "trialing", "active"),
}


def invariants() -> list[tuple[str, str, str]]:
    """(code, what holds, query); a query gives a row for each breach, whose first column says what is wrong."""
    text = SQL.read_text()
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [
        (head.group(1), head.group(2), text[head.end() : end].strip().rstrip(";"))
        for head, end in zip(heads, ends, strict=True)
    ]


def check_books() -> tuple[list[str], list[tuple[str, str]]]:
    """The invariants checked, and their breaches as (code and title, what is wrong). One snapshot for all of them."""
    checked, breaches = [], []
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.in_atomic_block or len(connection.savepoint_ids) == 0:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("CREATE TEMPORARY TABLE legal_move (subject text, old text, new text) ON COMMIT DROP")
        cursor.executemany("INSERT INTO legal_move VALUES (%s, %s, %s)", _legal_moves())
        for code, title, query in invariants():
            cursor.execute(query)
            checked.append(code)
            breaches += [(f"{code} {title}", str(row[0])) for row in cursor.fetchall()]
        cursor.execute("DROP TABLE legal_move")
    return checked, breaches


def _legal_moves() -> list[tuple[str, str | None, str]]:
    tables = (PAYMENT_MOVES, INVOICE_MOVES, REFUND_MOVES, DISPUTE_MOVES, SUBSCRIPTION_MOVES)
    first: list[tuple[str, str | None, str]] = [
        (subject, None, state) for subject, states in FIRST_STATES.items() for state in states
    ]
    return first + [(moves.subject, old, new) for moves in tables for old, new in moves.pairs()]
