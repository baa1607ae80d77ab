"""The facts of money, a file each."""

from payments.models.allocation import Allocation
from payments.models.attempt import Attempt
from payments.models.credit import CreditBalance, CreditNote
from payments.models.discrepancy import Discrepancy
from payments.models.dispute import Dispute
from payments.models.event import ObjectLease, ProviderEvent
from payments.models.hold import CollectionHold
from payments.models.invoice import Invoice, InvoiceLine, TaxLine
from payments.models.ledger import Account, LedgerLeg
from payments.models.method import PaymentMethod, ProviderCustomer
from payments.models.number import NumberSeries
from payments.models.payment import Payment, PaymentShare
from payments.models.refund import Refund, RefundPart
from payments.models.status import StatusChange

__all__ = [
    "Account",
    "Allocation",
    "Attempt",
    "CollectionHold",
    "CreditBalance",
    "CreditNote",
    "Discrepancy",
    "Dispute",
    "Invoice",
    "InvoiceLine",
    "LedgerLeg",
    "NumberSeries",
    "ObjectLease",
    "Payment",
    "PaymentMethod",
    "PaymentShare",
    "ProviderCustomer",
    "ProviderEvent",
    "Refund",
    "RefundPart",
    "StatusChange",
    "TaxLine",
]
