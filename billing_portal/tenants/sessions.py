"""Django's sessions in the database, where a cookie that can't be a session's key is not looked up."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """Anybody can send any cookie: one with a NUL in it is an error to PostgreSQL, before any view could answer it."""

    def _validate_session_key(self, key: str | None) -> bool:
        """Letters and digits, as Django makes them. Any other cookie is of nobody, and gets a new key."""
        return bool(super()._validate_session_key(key)) and str(key).isascii() and str(key).isalnum()  # type: ignore[misc]
