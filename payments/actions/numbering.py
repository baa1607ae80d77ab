"""Gapless document numbers, given inside the transaction that issues the document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from payments.models import NumberSeries

ISSUER = "platform"


@dataclass(frozen=True, slots=True)
class Number:
    """`text` is INV-2026-000143; `issued_at` never lies before the number ahead of it."""

    text: str
    year: int
    sequence: int
    issued_at: datetime


def take_number(document: str, now: datetime) -> Number:
    """The next number of the year `now` lies in, in the issuer's zone. Must run in the issuing transaction.

    The series' row stays locked until that transaction ends, so take the number last: a rolled-back issue gives its
    number back, and numbers and dates rise together even when a clock was set back.
    """
    year = now.astimezone(ZoneInfo(settings.ISSUER_TIME_ZONE)).year
    NumberSeries.objects.bulk_create([NumberSeries(issuer=ISSUER, document=document, year=year)], ignore_conflicts=True)
    series = NumberSeries.objects.select_for_update().get(issuer=ISSUER, document=document, year=year)
    series.last += 1
    series.last_at = max(now, series.last_at or now)
    series.save(update_fields=["last", "last_at"])
    return Number(f"{document}-{year}-{series.last:06d}", year, series.last, series.last_at)
