"""Usage at the desk: importing the modules registers their pages.

Single records have a key of two columns, which the admin can't show: a month's page sums them up instead.
"""

from usage.admin import months, rollups

__all__ = ["months", "rollups"]
