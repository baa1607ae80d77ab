"""Payments: invoices, payments, the ledger, and the providers that move money."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
    verbose_name = "Money"
