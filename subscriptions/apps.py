"""Subscriptions: plans, their versions and prices, and what each tenant is on."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = "Plans and subscriptions"
