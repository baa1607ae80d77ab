"""The paths of the pages round the bills: log in and out, choose a tenant, appearance."""

from django.urls import path

from billing_portal.tenants.pages import choosing, logging_in

urlpatterns = [
    path("login", logging_in.log_in, name="login"),
    path("logout", logging_in.log_out, name="logout"),
    path("tenant", choosing.choose_tenant, name="choose-tenant"),
    path("appearance", choosing.appearance, name="appearance"),
]
