"""The paths of the usage pages."""

from django.urls import path

from usage.pages.lines import usage_line, usage_line_csv
from usage.pages.month import usage_page

urlpatterns = [
    path("usage", usage_page, name="usage-page"),
    path("usage/lines/<uuid:line_id>", usage_line, name="usage-line"),
    path("usage/lines/<uuid:line_id>.csv", usage_line_csv, name="usage-line-csv"),
]
