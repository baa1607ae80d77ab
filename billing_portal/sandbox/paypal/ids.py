"""Ids in PayPal's alphabets."""

import secrets
import string
import uuid

_LETTERS = string.digits + string.ascii_uppercase
# Payer and merchant ids leave out what is read wrongly: 0, 1, I, O.
_ACCOUNT = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def _some(length: int, letters: str = _LETTERS) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def transaction() -> str:
    """An order, capture, refund or sale: `5O190127TN364715T`. One letter at least, so that it is no number."""
    return f"{_some(16)}{secrets.choice(string.ascii_uppercase)}"


def account() -> str:
    """A merchant or a payer: `QYR5Z8XDVJNXQ`."""
    return _some(13, _ACCOUNT)


def subscription() -> str:
    """`I-BW452GLLEP1G`."""
    return f"I-{_some(12)}"


def agreement() -> str:
    """What the approval page of a subscription is called by: `BA-2M539689T3856352J`."""
    return f"BA-{transaction()}"


def plan() -> str:
    """`P-5ML4271244454362WXNWU5NQ`."""
    return f"P-{_some(24)}"


def product() -> str:
    """`PROD-XXCD1234QWER65782`."""
    return f"PROD-{transaction()}"


def payment() -> str:
    """The v1 payment that a sale belongs to: `PAYID-…`."""
    return f"PAYID-{_some(24)}"


def event() -> str:
    """`WH-2WR32451HC0233532-67976317FL4543714`."""
    return f"WH-{transaction()}-{transaction()}"


def dispute() -> str:
    """`PP-D-27803`."""
    return f"PP-D-{_some(8, string.digits)}"


def certificate() -> str:
    """`CERT-360caa42-fca2a594-7a8abba8`."""
    return "CERT-" + "-".join(secrets.token_hex(4) for _ in range(3))


def debug() -> str:
    """What support asks for: `90957fca61718`."""
    return f"f{secrets.token_hex(6)}"


def delivery(event_id: str, number: int) -> str:
    """The transmission of one delivery, the same at each of its tries."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{event_id}/{number}"))
