"""What a provider is that changes a subscription only once its payer has agreed on the provider's page, and for the
next period."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from payments.providers.errors import ProviderRejected
from payments.providers.recurring import RecurringFacts, RunsSubscriptions


@dataclass(frozen=True, slots=True)
class ReviseRequest:
    """Another price or number of seats, from the next period on. The payer is led back to one of the two addresses."""

    provider_ref: str
    price_ref: str
    seats: int
    return_url: str
    cancel_url: str


class CannotRevise(ProviderRejected):
    """This subscription can't be moved to that price: it is of another product, or in another currency."""


class RevisesSubscriptions(RunsSubscriptions):
    """Changes a subscription for its next period: nothing is charged for the change, or prorated.

    Once the payer has agreed, `RecurringFacts.price_ref` and `seats` are those agreed to, also while the period that
    runs was charged by others; `RecurringFacts.paid` tells which.
    """

    @abstractmethod
    def revise_subscription(self, request: ReviseRequest) -> RecurringFacts:
        """Ask for it, in place of what was asked for before. Where the payer has still to agree, `approval_url` is
        where, and nothing has changed: left alone, it never does. What was agreed to is taken back by another.

        Asked twice it is one change, so that whoever lost the answer asks again. Raises ProviderUnavailable also for a
        lost answer (nothing can move by it), UnknownReference (subscription or price), NotInThatState (it has ended, or
        nobody has agreed to it yet), CannotRevise, UnfitMethod (its payer's account is closed) and the others.
        """
