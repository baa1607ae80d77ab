"""The overview: what of usage, bills and payments a tenant wants to see first. Reads only; it has no models."""
