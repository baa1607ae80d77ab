"""Stripe: cards with 3-D Secure, US bank accounts, saved methods, refunds, webhooks."""
