"""Paths of the subscription, as the guide spells them."""

from django.urls import path

from subscriptions.api.lifecycle import (
    SubscriptionCancel,
    SubscriptionHistory,
    SubscriptionPause,
    SubscriptionResume,
)
from subscriptions.api.plans import Entitlements, PlanList
from subscriptions.api.subscription import SubscriptionDetail, SubscriptionPreview

urlpatterns = [
    path("subscription", SubscriptionDetail.as_view(), name="subscription"),
    path("subscription/plans", PlanList.as_view(), name="subscription-plans"),
    path("subscription/preview", SubscriptionPreview.as_view(), name="subscription-preview"),
    path("subscription/cancel", SubscriptionCancel.as_view(), name="subscription-cancel"),
    path("subscription/pause", SubscriptionPause.as_view(), name="subscription-pause"),
    path("subscription/resume", SubscriptionResume.as_view(), name="subscription-resume"),
    path("subscription/history", SubscriptionHistory.as_view(), name="subscription-history"),
    path("subscription/entitlements", Entitlements.as_view(), name="subscription-entitlements"),
]
