"""The finance desk's money: importing the modules registers their pages."""

from payments.admin import invoices, ledger, payments

__all__ = ["invoices", "ledger", "payments"]
