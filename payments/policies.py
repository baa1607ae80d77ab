"""Who may do what with money, beyond roles: the second person."""

from django.conf import settings

from billing_portal.kit.money import Money


def needs_second_person(amount: Money) -> bool:
    """Above the currency's threshold somebody else must verify. A currency without one always needs a second person."""
    return amount.minor > settings.SECOND_PERSON_ABOVE.get(amount.currency, 0)
