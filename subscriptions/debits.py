"""Reads of bank debits that are to pay for a subscription: they take days, and nobody can call them back."""

from __future__ import annotations

from payments.models import Payment
from subscriptions.models import Subscription


def under_way(subscription: Subscription) -> Payment | None:
    """Of its own invoices, one that its bank is collecting, or of which nobody has heard the answer: until then nobody
    knows."""
    paying = Payment.objects.filter(invoice__subscription_ref=subscription.id, status=Payment.Status.PROCESSING)
    return paying.order_by("-created_at", "-id").first()
