"""All comparisons, in the order in which they are measured and shown."""

from collections.abc import Mapping

from billing_portal.bench import entitlements, idempotency, webhooks
from billing_portal.bench.measuring import Comparison, registered

__all__ = ["ALL", "entitlements", "idempotency", "webhooks"]

ALL: Mapping[str, Comparison] = registered
