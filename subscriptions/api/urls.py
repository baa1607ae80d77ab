"""Paths of the subscription, as the guide spells them."""

from django.urls import path

from subscriptions.api.subscription import SubscriptionDetail

urlpatterns = [path("subscription", SubscriptionDetail.as_view(), name="subscription")]
