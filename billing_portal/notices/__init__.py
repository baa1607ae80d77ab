"""Notices: the outbox of what must follow a change, and the mails among it."""
