"""A stateful Stripe over HTTP, as of API version 2026-08-26.dahlia, with test money only."""
