"""The path of the overview."""

from django.urls import path

from billing_portal.dashboard.overview import overview

urlpatterns = [path("", overview, name="overview")]
