"""Checks, wires and cash: a provider whose network is the mail room and whose answer is a person's."""

from typing import ClassVar

from payments.providers.base import ReceivesOffline
from payments.providers.facts import OfflineReceipt, Outcome, PaymentResult


class ManualProvider(ReceivesOffline):
    name: ClassVar[str] = "manual"
    methods: ClassVar[frozenset[str]] = frozenset({"check", "wire", "cash", "other"})

    def received(self, receipt: OfflineReceipt) -> PaymentResult:
        return PaymentResult(Outcome.AWAITING_REVIEW)

    def verified(self, receipt: OfflineReceipt, *, clears_later: bool = False) -> PaymentResult:
        return PaymentResult(Outcome.CLEARING if clears_later else Outcome.SUCCEEDED)

    def rejected(self, receipt: OfflineReceipt, reason: str) -> PaymentResult:
        return PaymentResult(Outcome.REJECTED, failure_code="rejected_by_staff", failure_message=reason)
