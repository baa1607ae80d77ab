"""A table of legal moves between states, and the error for a move that isn't in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from billing_portal.kit.errors import Conflict


class IllegalMove(Conflict):
    code = "illegal_move"

    def __init__(self, subject: str, old: str, new: str) -> None:
        super().__init__(f"A {subject} that is {old.replace('_', ' ')} can't become {new.replace('_', ' ')}.")
        self.old, self.new = old, new


class Moves:
    """`Moves("payment", {"created": {"succeeded", "failed"}})`; a state without a row is final."""

    def __init__(self, subject: str, table: Mapping[str, Iterable[str]]) -> None:
        self.subject = subject
        self.table: dict[str, frozenset[str]] = {str(old): frozenset(map(str, new)) for old, new in table.items()}

    def allows(self, old: str, new: str) -> bool:
        return str(new) in self.table.get(str(old), frozenset())

    def check(self, old: str, new: str) -> None:
        """Raises IllegalMove."""
        if not self.allows(old, new):
            raise IllegalMove(self.subject, str(old), str(new))

    def pairs(self) -> list[tuple[str, str]]:
        """Every legal (from, to), for the audit that compares history with this table."""
        return sorted((old, new) for old, news in self.table.items() for new in news)
