"""Who did something: every verb that changes a fact takes an actor, and history keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class ActorKind(StrEnum):
    USER = "user"
    STAFF = "staff"
    API_KEY = "api_key"
    PROVIDER = "provider"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """`id` is the user's or the key's; `label` is what a reader of history sees: an e-mail, a key's prefix, a task's
    name."""

    kind: ActorKind
    id: UUID | None
    label: str

    @classmethod
    def system(cls, label: str) -> Actor:
        """Nobody in person: a task, a command."""
        return cls(ActorKind.SYSTEM, None, label)

    @property
    def user_id(self) -> UUID | None:
        """The person behind it, when there is one."""
        return self.id if self.kind in (ActorKind.USER, ActorKind.STAFF) else None
