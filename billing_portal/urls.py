"""Every path of the portal: health, the API, its description, the admin, and the tenants' pages."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from billing_portal import health
from billing_portal.kit.schema_views import Docs, Schema

handler400 = "billing_portal.kit.problems.handler400"
handler403 = "billing_portal.kit.problems.handler403"
handler404 = "billing_portal.kit.problems.handler404"
handler500 = "billing_portal.kit.problems.handler500"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/schema", Schema.as_view(), name="schema"),
    path("api/docs", Docs.as_view(url_name="schema"), name="docs"),
    path("api/", include("billing_portal.tenants.api.urls")),
    path("api/", include("payments.webhooks.urls")),
    path("api/", include("payments.api.urls")),
    path("api/", include("subscriptions.api.urls")),
    path("api/", include("usage.api.urls")),
    path("", include("billing_portal.tenants.pages.urls")),
    path("", include("payments.pages.urls")),
    path("", include("subscriptions.pages.urls")),
    path("", include("usage.pages.urls")),
    path("", include("billing_portal.dashboard.urls")),
]
