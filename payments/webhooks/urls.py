"""The addresses that are given to providers."""

from django.urls import path

from payments.webhooks.messages import ProviderMessage
from payments.webhooks.views import ProviderWebhook

urlpatterns = [
    path("payments/stripe/webhook", ProviderWebhook.as_view(provider="stripe"), name="stripe-webhook"),
    path("payments/paypal/webhook", ProviderWebhook.as_view(provider="paypal"), name="paypal-webhook"),
    path("payments/paypal/ipn", ProviderMessage.as_view(provider="paypal"), name="paypal-ipn"),
]
