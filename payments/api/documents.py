"""How money is shown over HTTP: payments and invoices as the contract has them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing_portal.kit import fields
from billing_portal.kit.actors import ActorKind
from payments import queries
from payments.declines import failure_words
from payments.models import CreditNote, Invoice, InvoiceLine, Payment, Refund, StatusChange
from payments.models.hold import HoldKind
from payments.models.invoice import InvoiceKind, InvoiceStatus
from payments.models.payment import PaymentStatus
from payments.models.refund import RefundStatus

SHOWN_PAYMENT_STATUSES = [*PaymentStatus.values, "partially_refunded", "refunded", "disputed"]


@extend_schema_field({"type": "null"})
class NotOffered(serializers.Field):
    """A member of the contract that nothing fills yet."""

    def __init__(self) -> None:
        super().__init__(read_only=True, source="*")

    def to_representation(self, value: Any) -> None:
        return None


class FailureOut(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField(allow_null=True)
    declineCode = serializers.CharField(allow_null=True)


class MethodOut(serializers.Serializer):
    """`kind` for manual ones (check, wire, cash, other); `brand` and `last4` where the provider tells."""

    type = serializers.ChoiceField(choices=["card", "us_bank_account", "paypal", "manual"])
    kind = serializers.ChoiceField(choices=["check", "wire", "cash", "other"], allow_null=True)
    brand = serializers.CharField(allow_null=True)
    last4 = serializers.CharField(allow_null=True)


class NextActionOut(serializers.Serializer):
    """`use_stripe_sdk`: hand `clientSecret` to Stripe.js' handleNextAction, then ask for a refresh. `redirect`: send
    the payer to `url`, then capture."""

    type = serializers.ChoiceField(choices=["use_stripe_sdk", "redirect"])
    url = serializers.CharField(allow_null=True)


class PaymentOut(serializers.Serializer):
    """A payment; amounts in the currency's smallest unit."""

    id = fields.Identifier()
    status = serializers.SerializerMethodField()
    amount = fields.MinorAmount(source="amount_minor")
    amountRefunded = fields.MinorAmount(source="refunded_minor", minimum=0)
    currency = fields.Currency()
    description = serializers.CharField(allow_blank=True)
    invoiceId = serializers.UUIDField(source="invoice_id", allow_null=True)
    provider = serializers.CharField()
    paymentMethod = serializers.SerializerMethodField()
    clientSecret = serializers.SerializerMethodField()
    approvalUrl = serializers.SerializerMethodField()
    nextAction = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    reference = serializers.CharField(allow_null=True)
    receivedOn = serializers.DateField(source="received_on", allow_null=True)
    createdAt = fields.Instant(source="created_at")
    updatedAt = fields.Instant(source="updated_at")

    @extend_schema_field(serializers.ChoiceField(choices=SHOWN_PAYMENT_STATUSES))
    def get_status(self, payment: Payment) -> str:
        return queries.shown_status(payment, payment.refunded_minor)  # type: ignore[attr-defined]

    @extend_schema_field(MethodOut)
    def get_paymentMethod(self, payment: Payment) -> dict[str, Any]:
        manual = payment.provider == "manual"
        return {
            "type": "manual" if manual else payment.method,
            "kind": payment.method if manual else None,
            "brand": payment.method_brand,
            "last4": payment.method_last4,
        }

    @extend_schema_field({"type": ["string", "null"]})
    def get_clientSecret(self, payment: Payment) -> str | None:
        """Only in the answers of those who may pay, while a step is left: creation and `refresh`. It is not stored."""
        return payment.client_secret

    @extend_schema_field(NextActionOut(allow_null=True))
    def get_nextAction(self, payment: Payment) -> dict[str, Any] | None:
        if payment.status != PaymentStatus.REQUIRES_ACTION:
            return None
        if payment.approval_url:
            return {"type": "redirect", "url": payment.approval_url}
        return {"type": "use_stripe_sdk", "url": None}

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_approvalUrl(self, payment: Payment) -> str | None:
        """Where the payer agrees, while they have not."""
        return payment.approval_url if payment.status == PaymentStatus.REQUIRES_ACTION else None

    @extend_schema_field(FailureOut(allow_null=True))
    def get_failure(self, payment: Payment) -> dict[str, Any] | None:
        if payment.failure_code is None:
            return None
        return {
            "code": payment.failure_code,
            "message": failure_words(payment),
            "declineCode": payment.decline_code,
        }


class RefundOut(serializers.Serializer):
    id = fields.Identifier()
    paymentId = serializers.UUIDField(source="payment_id")
    amount = fields.MinorAmount(source="amount_minor")
    currency = fields.Currency()
    status = serializers.ChoiceField(choices=RefundStatus.choices)
    destination = serializers.ChoiceField(choices=["source", "credit"])
    reason = serializers.CharField(allow_blank=True)
    createdAt = fields.Instant(source="created_at")


class HistoryOut(serializers.Serializer):
    """One status change. `from` is null for the first; `actor` names no person of ours: those are "staff"."""

    to = serializers.CharField(source="new")
    at = fields.Instant()
    actor = serializers.SerializerMethodField()
    reason = serializers.CharField(allow_blank=True)

    def get_actor(self, change: StatusChange) -> str:
        return "staff" if change.actor_kind == ActorKind.STAFF else change.actor_label

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` is a word of Python's, so it can't be written as the others are."""
        return {"from": serializers.CharField(source="old", allow_null=True), **super().get_fields()}


class PaymentDetailOut(PaymentOut):
    refunds = serializers.SerializerMethodField()
    history = serializers.SerializerMethodField()

    @extend_schema_field(RefundOut(many=True))
    def get_refunds(self, payment: Payment) -> Any:
        refunds: list[Refund] = list(payment.refunds.order_by("-created_at"))
        return RefundOut(refunds, many=True).data

    @extend_schema_field(HistoryOut(many=True))
    def get_history(self, payment: Payment) -> Any:
        changes: list[StatusChange] = list(queries.history("payment", payment.id))
        return HistoryOut(changes, many=True).data


class LineOut(serializers.Serializer):
    """`unitAmount` is whole minor units or null, `unitAmountDecimal` minor units with decimals ("1.2" is 1.2 cents)."""

    id = fields.Identifier()
    title = serializers.CharField()
    meter = serializers.CharField(allow_null=True)
    quantity = fields.Quantity()
    unit = serializers.CharField(allow_null=True)
    unitAmount = serializers.SerializerMethodField()
    unitAmountDecimal = serializers.SerializerMethodField()
    amount = fields.MinorAmount(source="amount_minor", minimum=0)
    periodStart = fields.Instant(source="period_start", allow_null=True)
    periodEnd = fields.Instant(source="period_end", allow_null=True)
    derivation = serializers.JSONField()

    def get_unitAmount(self, line: InvoiceLine) -> int | None:
        whole = line.unit_amount == line.unit_amount.to_integral_value()
        return int(line.unit_amount) if whole else None

    def get_unitAmountDecimal(self, line: InvoiceLine) -> str:
        return fields.quantity_text(line.unit_amount)


class CreditNoteOut(serializers.Serializer):
    id = fields.Identifier()
    number = serializers.CharField()
    effect = serializers.ChoiceField(choices=CreditNote.Effect.choices)
    amount = fields.MinorAmount(source="amount_minor")
    taxAmount = fields.MinorAmount(source="tax_minor", minimum=0)
    currency = fields.Currency()
    reason = serializers.CharField()
    issuedAt = fields.Instant(source="issued_at")


class HoldOut(serializers.Serializer):
    """What holds collecting back now: its payer has promised to pay it, or the tenant is left alone. At `until` it is
    over by itself."""

    kind = serializers.ChoiceField(choices=HoldKind.values)
    until = fields.Instant()


class InvoiceOut(serializers.Serializer):
    """An invoice as a list shows it. `amounts` and `holds` (by invoice id) and `now` come in the context."""

    id = fields.Identifier()
    number = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(choices=InvoiceKind.choices)
    status = serializers.ChoiceField(choices=InvoiceStatus.choices)
    overdue = serializers.SerializerMethodField()
    currency = fields.Currency()
    subtotal = fields.MinorAmount(source="subtotal_minor", minimum=0)
    taxTotal = fields.MinorAmount(source="tax_minor", minimum=0)
    total = fields.MinorAmount(source="total_minor", minimum=0)
    amountPaid = serializers.SerializerMethodField()
    amountDue = serializers.SerializerMethodField()
    periodStart = fields.Instant(source="period_start", allow_null=True)
    periodEnd = fields.Instant(source="period_end", allow_null=True)
    createdAt = fields.Instant(source="created_at")
    issuedAt = fields.Instant(source="issued_at", allow_null=True)
    dueAt = fields.Instant(source="due_at", allow_null=True)
    paidAt = fields.Instant(source="paid_at", allow_null=True)
    remittanceCode = serializers.CharField(source="remittance_code")
    collectionHold = serializers.SerializerMethodField()

    @extend_schema_field(HoldOut(allow_null=True))
    def get_collectionHold(self, invoice: Invoice) -> Any:
        hold = self.context["holds"].get(invoice.id)
        return HoldOut(hold).data if hold else None

    def get_overdue(self, invoice: Invoice) -> bool:
        return invoice.is_overdue(self.context["now"])

    def get_amountPaid(self, invoice: Invoice) -> int:
        return self.context["amounts"][invoice.id].allocated

    def get_amountDue(self, invoice: Invoice) -> int:
        if invoice.status in (InvoiceStatus.VOID, InvoiceStatus.DRAFT):
            return 0
        return self.context["amounts"][invoice.id].open


class InvoiceDetailOut(InvoiceOut):
    lines = serializers.SerializerMethodField()
    payments = serializers.SerializerMethodField()
    creditNotes = serializers.SerializerMethodField()

    @extend_schema_field(LineOut(many=True))
    def get_lines(self, invoice: Invoice) -> Any:
        return LineOut(invoice.lines.all(), many=True).data

    @extend_schema_field(PaymentOut(many=True))
    def get_payments(self, invoice: Invoice) -> Any:
        return PaymentOut(queries.payments_of(invoice), many=True).data

    @extend_schema_field(CreditNoteOut(many=True))
    def get_creditNotes(self, invoice: Invoice) -> Any:
        return CreditNoteOut(invoice.credit_notes.all(), many=True).data
