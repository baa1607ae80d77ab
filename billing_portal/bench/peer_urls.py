"""dj-stripe's own paths, under the prefix that its documentation uses."""

from django.urls import include, path

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
