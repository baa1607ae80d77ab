"""Tenants: who uses the portal, on whose behalf, and what they may do."""
