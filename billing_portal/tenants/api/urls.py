"""The paths under /api/auth/."""

from django.urls import path

from billing_portal.tenants.api import auth

urlpatterns = [
    path("auth/token", auth.Token.as_view(), name="api-auth-token"),
    path("auth/logout", auth.Logout.as_view(), name="api-auth-logout"),
    path("auth/me", auth.Me.as_view(), name="api-auth-me"),
]
