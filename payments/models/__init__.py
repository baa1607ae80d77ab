"""The facts of money, a file each."""

from payments.models.allocation import Allocation
from payments.models.credit import CreditBalance, CreditNote
from payments.models.invoice import Invoice, InvoiceLine, TaxLine
from payments.models.ledger import Account, LedgerLeg
from payments.models.number import NumberSeries
from payments.models.payment import Payment
from payments.models.refund import Refund
from payments.models.status import StatusChange

__all__ = [
    "Account",
    "Allocation",
    "CreditBalance",
    "CreditNote",
    "Invoice",
    "InvoiceLine",
    "LedgerLeg",
    "NumberSeries",
    "Payment",
    "Refund",
    "StatusChange",
    "TaxLine",
]
