"""Which of the SDK's parameter types belongs to which call. A star stands for an id."""

BY_PATH: dict[str, str] = {
    "POST /v1/customers": "CustomerCreateParams",
    "GET /v1/customers": "CustomerListParams",
    "GET /v1/customers/search": "CustomerSearchParams",
    "GET /v1/customers/*": "CustomerRetrieveParams",
    "POST /v1/customers/*": "CustomerUpdateParams",
    "DELETE /v1/customers/*": "CustomerDeleteParams",
    "GET /v1/customers/*/payment_methods": "CustomerPaymentMethodListParams",
    "GET /v1/customers/*/payment_methods/*": "CustomerPaymentMethodRetrieveParams",
    "POST /v1/payment_methods": "PaymentMethodCreateParams",
    "GET /v1/payment_methods": "PaymentMethodListParams",
    "GET /v1/payment_methods/*": "PaymentMethodRetrieveParams",
    "POST /v1/payment_methods/*": "PaymentMethodUpdateParams",
    "POST /v1/payment_methods/*/attach": "PaymentMethodAttachParams",
    "POST /v1/payment_methods/*/detach": "PaymentMethodDetachParams",
    "POST /v1/setup_intents": "SetupIntentCreateParams",
    "GET /v1/setup_intents": "SetupIntentListParams",
    "GET /v1/setup_intents/*": "SetupIntentRetrieveParams",
    "POST /v1/setup_intents/*": "SetupIntentUpdateParams",
    "POST /v1/setup_intents/*/confirm": "SetupIntentConfirmParams",
    "POST /v1/setup_intents/*/cancel": "SetupIntentCancelParams",
    "POST /v1/payment_intents": "PaymentIntentCreateParams",
    "GET /v1/payment_intents": "PaymentIntentListParams",
    "GET /v1/payment_intents/search": "PaymentIntentSearchParams",
    "GET /v1/payment_intents/*": "PaymentIntentRetrieveParams",
    "POST /v1/payment_intents/*": "PaymentIntentUpdateParams",
    "POST /v1/payment_intents/*/confirm": "PaymentIntentConfirmParams",
    "POST /v1/payment_intents/*/cancel": "PaymentIntentCancelParams",
    "GET /v1/charges": "ChargeListParams",
    "GET /v1/charges/search": "ChargeSearchParams",
    "GET /v1/charges/*": "ChargeRetrieveParams",
    "POST /v1/charges/*": "ChargeUpdateParams",
    "GET /v1/charges/*/refunds": "ChargeListRefundsParams",
    "POST /v1/refunds": "RefundCreateParams",
    "GET /v1/refunds": "RefundListParams",
    "GET /v1/refunds/*": "RefundRetrieveParams",
    "POST /v1/refunds/*": "RefundUpdateParams",
    "GET /v1/disputes": "DisputeListParams",
    "GET /v1/disputes/*": "DisputeRetrieveParams",
    "POST /v1/disputes/*/close": "DisputeCloseParams",
    "GET /v1/events": "EventListParams",
    "GET /v1/events/*": "EventRetrieveParams",
    "GET /v1/balance_transactions": "BalanceTransactionListParams",
    "GET /v1/balance_transactions/*": "BalanceTransactionRetrieveParams",
    "GET /v1/mandates/*": "MandateRetrieveParams",
}
_NAMES = frozenset({"payment_methods", "search", "attach", "detach", "confirm", "cancel", "refunds", "close"})


def params_type(method: str, path: str) -> str | None:
    """The name of the type in `stripe.params`, or None when the call is none of these."""
    steps = path.strip("/").split("/")
    pattern = "/".join(step if number < 2 or step in _NAMES else "*" for number, step in enumerate(steps))
    return BY_PATH.get(f"{method.upper()} /{pattern}")
