"""The look of the finance desk (django-unfold): our accent and warm greys, our font, our sidebar."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

# From light to dark; 600 is the accent on light ground, 500 what unfold uses on dark ground.
_ACCENT = {
    "50": "#f2f6fc",
    "100": "#e9f0fb",
    "200": "#cfdff6",
    "300": "#abc8ff",
    "400": "#8fb6ff",
    "500": "#8fb6ff",
    "600": "#1c4fa0",
    "700": "#163f81",
    "800": "#15345f",
    "900": "#1d2a41",
    "950": "#0d1a30",
}
_GREYS = {
    "50": "#f6f6f3",
    "100": "#eeeeea",
    "200": "#e4e4de",
    "300": "#cfd0c9",
    "400": "#969b90",
    "500": "#6a6d65",
    "600": "#565951",
    "700": "#3b3e38",
    "800": "#30332e",
    "900": "#1b1c1a",
    "950": "#131412",
}


def unfold(issuer: str) -> dict[str, Any]:
    """django-unfold's settings; `issuer` stands below the title."""
    return {
        "SITE_TITLE": "Finance desk",
        "SITE_HEADER": "Finance desk",
        "SITE_SUBHEADER": issuer,
        "SITE_SYMBOL": "headset_mic",
        "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/img/favicon.svg"}],
        "SITE_URL": reverse_lazy("admin:index"),
        "SHOW_HISTORY": True,
        "SHOW_VIEW_ON_SITE": False,
        "BORDER_RADIUS": "7px",
        "COLORS": {"primary": _ACCENT, "base": _GREYS},
        "STYLES": [lambda _request: static("css/admin.css")],
        "SCRIPTS": [lambda _request: static("js/forms.js"), lambda _request: static("js/copy.js")],
        "DASHBOARD_CALLBACK": "billing_portal.desk.dashboard",
        "SIDEBAR": {"navigation": "billing_portal.desk.navigation"},
    }
