"""Paths of usage, as the guide spells them."""

from django.urls import path

from usage.api.usage import UsageList, UsageSummary

urlpatterns = [
    path("subscription/usage", UsageList.as_view(), name="usage"),
    path("subscription/usage/summary", UsageSummary.as_view(), name="usage-summary"),
]
