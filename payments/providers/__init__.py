"""The outside: adapters that take and return plain dataclasses and know no models."""
