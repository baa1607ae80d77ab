"""What can be counted. A meter is added here, and priced in a plan version."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

MILLISECONDS = Decimal(60_000)


@dataclass(frozen=True, slots=True)
class Meter:
    """`unit` is what people see, `base_per_unit` how many base units one holds; base quantities have `base_places`."""

    name: str
    unit: str
    base_per_unit: Decimal
    base_places: int
    title: str

    def to_base(self, quantity: Decimal) -> Decimal:
        """Shown unit to base unit, half-up: 120 minutes are 7,200,000 ms."""
        return (quantity * self.base_per_unit).quantize(Decimal(1).scaleb(-self.base_places), ROUND_HALF_UP)

    def seconds_to_base(self, seconds: Decimal) -> Decimal:
        """For calls: seconds to milliseconds, half-up, without a detour over minutes that would round twice."""
        return (seconds * 1000).quantize(Decimal(1), ROUND_HALF_UP)

    def to_unit(self, base: Decimal) -> Decimal:
        """Base unit to shown unit, six places, half-up."""
        return (base / self.base_per_unit).quantize(Decimal("0.000001"), ROUND_HALF_UP)


CALL_MINUTES = Meter("call_minutes", unit="minute", base_per_unit=MILLISECONDS, base_places=0, title="Call minutes")

METERS: dict[str, Meter] = {meter.name: meter for meter in (CALL_MINUTES,)}

# Computed at month end from the plan's limits, never recorded from outside.
COMPUTED = frozenset({"overage_charges"})

RATE_CLASS_TITLES = {"outbound": "Outbound", "inbound": "Inbound", "toll_free": "Toll-free"}


def rate_class(*, direction: str, toll_free: bool) -> str:
    """What prices a call: toll-free calls have a price of their own, whatever their direction."""
    return "toll_free" if toll_free else direction
