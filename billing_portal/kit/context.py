"""What a log line says about where it comes from: the request, the tenant and who acts; carried over to tasks."""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Self
from uuid import uuid4

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
tenant_id: ContextVar[str | None] = ContextVar("tenant_id", default=None)
actor_label: ContextVar[str | None] = ContextVar("actor_label", default=None)

_VARIABLES: dict[str, ContextVar[str | None]] = {
    "request_id": request_id,
    "tenant_id": tenant_id,
    "actor_label": actor_label,
}


class Bound:
    """What `bind` returns: as a context manager it puts back what was there before; else what was bound stays."""

    def __init__(self, tokens: list[tuple[ContextVar[str | None], Token[str | None]]]) -> None:
        self._tokens = tokens

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()

    def undo(self) -> None:
        """Put back what was there before; doing it twice does nothing."""
        while self._tokens:
            variable, token = self._tokens.pop()
            variable.reset(token)


def bind(**values: object) -> Bound:
    """Set any of request_id, tenant_id and actor_label from now on; None clears one, one that isn't named stays.

    `with bind(tenant_id=tenant.id): ...` undoes it at the end. Raises KeyError for another name.
    """
    return Bound(
        [
            (_VARIABLES[name], _VARIABLES[name].set(None if value is None else str(value)))
            for name, value in values.items()
        ]
    )


def current() -> dict[str, str]:
    """What is bound now, without what is not: fit for a log record, and for the headers of a task."""
    return {name: value for name, variable in _VARIABLES.items() if (value := variable.get()) is not None}


def ensure_request_id() -> str:
    """The request's id; one is made and bound when nobody did, so that an answer can always name one."""
    known = request_id.get()
    if known is None:
        known = uuid4().hex
        request_id.set(known)
    return known
