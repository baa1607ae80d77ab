"""Rules about money that are no role's: the second person, the last day money can have arrived."""

from datetime import UTC, date, datetime

from django.conf import settings

from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant


def needs_second_person(amount: Money) -> bool:
    """Above the currency's threshold somebody else must verify. A currency without one always needs a second person."""
    return amount.minor > settings.SECOND_PERSON_ABOVE.get(amount.currency, 0)


def latest_day(tenant: Tenant, now: datetime) -> date:
    """Today, in UTC or in the tenant's zone: whichever began first."""
    return max(now.astimezone(UTC).date(), now.astimezone(tenant.zone).date())
