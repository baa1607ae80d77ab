"""The finance desk's money: importing the modules registers their pages."""

from payments.admin import (
    attempts,
    discrepancies,
    disputes,
    events,
    holds,
    invoices,
    ledger,
    methods,
    payments,
    refunds,
)

__all__ = [
    "attempts",
    "discrepancies",
    "disputes",
    "events",
    "holds",
    "invoices",
    "ledger",
    "methods",
    "payments",
    "refunds",
]
