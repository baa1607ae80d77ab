"""Secrets that let somebody in: how they are made, and the only form in which they are stored."""

import hashlib
import hmac
import secrets

API_KEY = "cck_"
ACCESS_TOKEN = "cct_"  # noqa: S105 (a prefix, not a secret)
SHOWN = 12  # the prefix and 8 characters: enough to tell keys apart, 192 secret bits are left


def new_secret(prefix: str) -> str:
    """A secret of 256 random bits behind a prefix that says what it opens."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """The SHA-256 in hex under which a secret is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(stored: str, computed: str) -> bool:
    """Compares two digests in a time that does not depend on where they differ."""
    return hmac.compare_digest(stored, computed)
