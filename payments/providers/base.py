"""What a provider is: frozen dataclasses in and out, and one abstract class per capability."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from billing_portal.kit.money import Money


class Outcome(StrEnum):
    """What a provider says became of a payment, in the portal's own words for payment states."""

    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AWAITING_REVIEW = "awaiting_review"
    CLEARING = "clearing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """A provider's answer about one payment. An adapter reports it; only `actions/settling.py` books it."""

    outcome: Outcome
    provider_ref: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    decline_code: str | None = None


@dataclass(frozen=True, slots=True)
class OfflineReceipt:
    """Money that came outside of any network: `kind` is check, wire, cash or other; `reference` what stands on it."""

    amount: Money
    kind: str
    reference: str | None
    received_on: date | None


class Provider(ABC):
    """`methods` are the payment method types that go through it."""

    name: ClassVar[str]
    methods: ClassVar[frozenset[str]]


class ReceivesOffline(Provider):
    """Takes money that people hand over and people check."""

    @abstractmethod
    def received(self, receipt: OfflineReceipt) -> PaymentResult:
        """What a receipt is worth before somebody has checked it."""

    @abstractmethod
    def verified(self, receipt: OfflineReceipt) -> PaymentResult:
        """What it is worth once somebody has."""

    @abstractmethod
    def rejected(self, receipt: OfflineReceipt, reason: str) -> PaymentResult:
        """Somebody looked and did not find the money."""
