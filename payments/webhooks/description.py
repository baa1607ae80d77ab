"""The webhooks' part of /api/schema: drf-spectacular sees views of Django REST framework alone."""

from __future__ import annotations

from typing import Any

from payments.naming import provider_name
from payments.webhooks.urls import urlpatterns

_HEADERS = {"stripe": "Stripe-Signature", "paypal": "PAYPAL-TRANSMISSION-SIG"}
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
# What is looked at before PayPal is asked, and what is read again. There are a hundred fields more.
_MESSAGE = {
    "type": "object",
    "properties": {
        "test_ipn": {"type": "string", "enum": ["0", "1"], "description": "1 from PayPal's sandbox."},
        "charset": {"type": "string", "description": "How the fields are written; windows-1252 without it."},
        "receiver_id": {"type": "string", "description": "Who was paid."},
        "txn_id": {"type": "string", "description": "The payment, or what went back of one."},
        "parent_txn_id": {"type": "string", "description": "The payment that something went back of."},
        "recurring_payment_id": {"type": "string", "description": "The subscription."},
    },
    "additionalProperties": {"type": "string"},
}


def add_webhooks(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:  # noqa: ARG001, FBT001
    """Postprocessing hook: an operation for each address. `kit.schema.add_problems`, which is later, adds errors."""
    for entry in urlpatterns:
        provider, _, channel = str(entry.name).partition("-")
        operation = _webhook(provider) if channel == "webhook" else _message(provider)
        result.setdefault("paths", {})[f"/api/{entry.pattern}"] = {"post": operation}
    return result


def _webhook(provider: str) -> dict[str, Any]:
    return {
        "operationId": f"{provider}_webhook_create",
        "description": (
            f"For {provider_name(provider)} alone, whose signature is over the body's very bytes. Each event is stored "
            "once and answered when it is; what follows from it happens later."
        ),
        "parameters": [
            {
                "name": _HEADERS[provider],
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
            }
        ],
        "requestBody": _body(_JSON, {"type": "object"}),
        **_in_common("Stored, now or before."),
    }


def _message(provider: str) -> dict[str, Any]:
    return {
        "operationId": f"{provider}_ipn_create",
        "description": (
            "For PayPal's Instant Payment Notification alone, a second channel beside its webhooks. PayPal is asked "
            "whether it sent the message; then the payment that it names is read again, and nothing that the message "
            "says is booked. Of one address only so many are asked about in a minute."
        ),
        "requestBody": _body(_FORM, _MESSAGE),
        **_in_common("Taken, now or before. Nothing follows from one that PayPal did not send."),
    }


def _body(content_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {content_type: {"schema": schema}}}


def _in_common(taken: str) -> dict[str, Any]:
    return {
        "tags": ["payments"],
        "security": [{}],
        "responses": {
            "200": {
                "description": taken,
                "content": {
                    _JSON: {
                        "schema": {
                            "type": "object",
                            "properties": {"received": {"type": "boolean", "const": True}},
                            "required": ["received"],
                        }
                    }
                },
            },
            "404": {"description": "This provider is off here."},
            "415": {"description": "The body is of another type."},
            "503": {"description": "It can't be verified or stored now: send it again."},
        },
    }
