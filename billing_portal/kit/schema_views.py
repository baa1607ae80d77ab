"""GET /api/schema and /api/docs: the description, and a page to read it with."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class _OnlyRead(APIView):
    """GET and HEAD; what else is asked gets a problem document.

    The views' own renderers write YAML and a page: DRF would put an error into these too, or break at it.
    """

    http_method_names = ["get", "head"]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        if response.exception:
            renderer = JSONRenderer()
            request.accepted_renderer, request.accepted_media_type = renderer, renderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


class Schema(_OnlyRead, SpectacularAPIView):
    """The OpenAPI document, as YAML or JSON."""


class Docs(_OnlyRead, SpectacularSwaggerSplitView):
    """Swagger UI. Its script comes from an address of its own, so that the policy needs no inline scripts."""
