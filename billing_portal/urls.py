"""Every path of the portal: health, the API, its description, the admin, and the tenants' pages."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from billing_portal import health

handler400 = "billing_portal.kit.problems.handler400"
handler403 = "billing_portal.kit.problems.handler403"
handler404 = "billing_portal.kit.problems.handler404"
handler500 = "billing_portal.kit.problems.handler500"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]

for _module in ("billing_portal.tenants", "payments", "subscriptions", "usage"):
    if find_spec(f"{_module}.api") and find_spec(f"{_module}.api.urls"):
        urlpatterns.append(path("api/", include(f"{_module}.api.urls")))
    if find_spec(f"{_module}.pages") and find_spec(f"{_module}.pages.urls"):
        urlpatterns.append(path("", include(f"{_module}.pages.urls")))

urlpatterns.append(path("", include("billing_portal.dashboard.urls")))
