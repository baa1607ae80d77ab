"""Settings of the API: Django REST framework, its throttle, and the description at /api/schema."""

from billing_portal.settings import env

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "billing_portal.tenants.authentication.BearerAuthentication",
        "billing_portal.tenants.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["billing_portal.kit.strict_json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "billing_portal.kit.pagination.PortalPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["billing_portal.kit.throttling.CallerThrottle"],
    # By which address a caller without a key is counted: the connection's own. `X-Forwarded-For` is believed as far as
    # the proxies in front, whose number is set, have written it: the rest of it is whatever the caller sent.
    "NUM_PROXIES": env.integer("TRUSTED_PROXIES", 0),
    "EXCEPTION_HANDLER": "billing_portal.kit.problems.problem_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

# Other origins whose pages may call the API with a bearer token. Never with cookies, and never just any origin: the
# list is the only way in.
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_ALL_ORIGINS = False
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE"]
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-request-id", "x-tenant"]
CORS_EXPOSE_HEADERS = ["Idempotent-Replayed", "Retry-After", "X-Request-Id"]

# How often one caller may ask, by the throttle's scope; "" is no limit.
THROTTLE_RATES = {
    "caller": env.text("THROTTLE_CALLER", "600/min"),
    "message": env.text("THROTTLE_MESSAGE", "120/min"),
    "webhook": env.text("THROTTLE_WEBHOOK", "600/min"),
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Billing portal",
    "DESCRIPTION": "Invoices, payments, subscriptions and usage of a multi-tenant cloud call center.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api",
    "PATH_CONVERTER_OVERRIDES": {
        "id": {"type": "string", "format": "uuid"},
        "method": {"type": "string", "pattern": "^[A-Za-z0-9_]{3,255}$"},
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "payments.webhooks.description.add_webhooks",
        "billing_portal.kit.schema.add_problems",  # last: it describes the errors of every operation
    ],
    # Fields of one name with several sets of words: each set has a name of its own in the description.
    "ENUM_NAME_OVERRIDES": {
        "InvoiceKind": "payments.models.invoice.InvoiceKind",
        "InvoiceStatus": "payments.models.invoice.InvoiceStatus",
        "PaymentStatus": "payments.api.documents.SHOWN_PAYMENT_STATUSES",
        "ManualKind": ["check", "wire", "cash", "other"],
        "MethodType": ["card", "us_bank_account", "paypal", "manual"],
        "RefundStatus": "payments.models.refund.RefundStatus",
        "SavedMethodType": "payments.models.method.SavedMethodType",
        "BillingCycle": ["monthly", "yearly"],
        "SubscriptionStatus": "subscriptions.models.subscription.SubscriptionStatus",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
