"""Verbs on tenants, members and their keys."""
