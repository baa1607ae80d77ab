"""How our two ways of showing who one is are described in the API's schema."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class BearerScheme(OpenApiAuthenticationExtension):
    """`bearer`: an API key or an access token."""

    target_class = "billing_portal.tenants.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (`cck_…`) of a tenant's server, or a token from `POST /api/auth/token`.",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    """`session`: a browser on the portal's own origin."""

    target_class = "billing_portal.tenants.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The session of the portal's pages; what writes sends `X-CSRFToken` besides.",
        }
