"""What was used, month by month: records, their rollups, and the months that close."""

from usage.models.month import UsageMonth
from usage.models.record import UsageRecord
from usage.models.rollup import UsageRollup

__all__ = ["UsageMonth", "UsageRecord", "UsageRollup"]
