"""Dates of the desk: 'Nov 15, 2026, 14:05', as on the portal's pages."""

DATE_FORMAT = "M j, Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "M j, Y, H:i"
