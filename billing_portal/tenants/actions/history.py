"""Who stands behind a change, for the history that the database's triggers write."""

from contextlib import AbstractContextManager

import pghistory

from billing_portal.kit.actors import Actor


def caused_by(actor: Actor, what: str) -> AbstractContextManager[object]:
    """While it lasts, each row of history names this actor and what was done."""
    return pghistory.context(actor_kind=str(actor.kind), actor_id=str(actor.id or ""), actor=actor.label, did=what)
