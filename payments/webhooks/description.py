"""The webhooks' part of /api/schema: drf-spectacular sees views of Django REST framework alone."""

from __future__ import annotations

from typing import Any

from payments.webhooks.urls import urlpatterns

_HEADERS = {"stripe": "Stripe-Signature", "paypal": "PAYPAL-TRANSMISSION-SIG"}


def add_webhooks(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:  # noqa: ARG001, FBT001
    """Postprocessing hook: an operation for each provider. `kit.schema.add_problems`, which is later, adds errors."""
    for entry in urlpatterns:
        result.setdefault("paths", {})[f"/api/{entry.pattern}"] = {"post": _operation(str(entry.name))}
    return result


def _operation(name: str) -> dict[str, Any]:
    provider = name.removesuffix("-webhook")
    return {
        "operationId": f"{provider}_webhook_create",
        "description": (
            f"For {provider.capitalize()} alone, whose signature is over the body's very bytes. Each event is stored "
            "once and answered when it is; what follows from it happens later."
        ),
        "tags": ["payments"],
        "security": [{}],
        "parameters": [
            {
                "name": _HEADERS[provider],
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": {
                "description": "Stored, now or before.",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {"received": {"type": "boolean", "const": True}},
                            "required": ["received"],
                        }
                    }
                },
            },
            "404": {"description": "This provider is off here."},
            "503": {"description": "It can't be verified or stored now: send it again."},
        },
    }
