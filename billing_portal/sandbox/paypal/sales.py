"""Sales of v1: the payments of subscriptions, in the older shape. https://developer.paypal.com/docs/api/payments/v1/#sale"""

from billing_portal.sandbox.books import Json, shown
from billing_portal.sandbox.paypal import ids, ipn, money
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.problems import v1_problem
from billing_portal.sandbox.paypal.routing import DAYS_45, route
from billing_portal.sandbox.paypal.shapes import Group, Text, body

URL = "/v1/payments/sale"
_REFUND = Group(
    {
        "amount": Group({"total": Text(32), "currency": Text(3, 3)}, ("total", "currency")),
        "description": Text(255),
        "reason": Text(30),
        "invoice_number": Text(127),
    }
)
_AS_TRANSACTION = {
    "completed": "COMPLETED",
    "partially_refunded": "PARTIALLY_REFUNDED",
    "refunded": "REFUNDED",
    "denied": "DECLINED",
}


@route("GET", URL + "/{sale_id}")
def retrieve(act: Act, identifier: str) -> tuple[Json, int]:
    """One."""
    return view(act, _fetch(act, identifier)), 200


@route("GET", "/v1/payments/refund/{refund_id}")
def retrieve_refund(act: Act, identifier: str) -> tuple[Json, int]:
    """The refund of a sale."""
    refund = act.books.get("sale_refunds", identifier)
    if refund is None:
        raise v1_problem(404, "INVALID_RESOURCE_ID", "The requested resource ID was not found")
    whole = view_refund(act, refund)
    return {name: value for name, value in whole.items() if name not in ("custom", "total_refunded_amount")}, 200


@route("POST", URL + "/{sale_id}/refund", remembers=DAYS_45)
def refund(act: Act, identifier: str) -> tuple[Json, int]:
    """Give it back; without an amount all that is left."""
    asked = body(act, _REFUND)
    sale = _fetch(act, identifier)
    left = sale["_amount"] - sale["_refunded"]
    if sale["state"] == "refunded":
        message = "The request was refused. This transaction has already been fully refunded"
        raise v1_problem(400, "TRANSACTION_ALREADY_REFUNDED", message)
    amount = _amount(sale, asked["amount"]) if "amount" in asked else left
    if amount > left:
        raise v1_problem(400, "REFUND_EXCEEDED_TRANSACTION_AMOUNT", "The refund amount exceeds the transaction amount")
    texts = {name: asked[name] for name in ("description", "reason", "invoice_number") if name in asked}
    return view_refund(act, give_back(act, sale, amount, **texts)), 201


def make(act: Act, subscription: Json, amount: int, currency: str) -> Json:
    """A period is paid."""
    fee = {"value": money.written(money.fee(amount, currency), currency), "currency": currency}
    sale: Json = {
        "id": ids.transaction(),
        "amount": {**money.v1(amount, currency), "details": {"subtotal": money.written(amount, currency)}},
        "payment_mode": "INSTANT_TRANSFER",
        "state": "completed",
        "protection_eligibility": "ELIGIBLE",
        "transaction_fee": fee,
        "parent_payment": ids.payment(),
        "billing_agreement_id": subscription["id"],
        **({"custom": subscription["custom_id"]} if "custom_id" in subscription else {}),
        "create_time": act.time,
        "update_time": act.time,
        "_subscription": subscription["id"],
        "_amount": amount,
        "_currency": currency,
        "_refunded": 0,
    }
    act.save("sales", sale)
    _tell(act, "COMPLETED", view(act, sale, told=True), f"Payment completed for {_said(sale)}")
    act.effect("sale", sale, amount, currency, "completed")
    return sale


def give_back(act: Act, sale: Json, amount: int, *, reversal: bool = False, **texts: str) -> Json:
    """Refund so much of a sale, or have it reversed."""
    sale["_refunded"] += amount
    sale |= {
        "state": "refunded" if sale["_refunded"] == sale["_amount"] else "partially_refunded",
        "update_time": act.time,
        **({"reason_code": "CHARGEBACK"} if reversal else {}),
    }
    act.save("sales", sale)
    currency = sale["_currency"]
    total = {"value": money.written(sale["_refunded"], currency), "currency": currency}
    refund: Json = {
        "id": ids.transaction(),
        "amount": money.v1(amount, currency),
        "state": "completed",
        "sale_id": sale["id"],
        "parent_payment": sale["parent_payment"],
        **({"custom": sale["custom"]} if "custom" in sale else {}),
        "total_refunded_amount": total,
        "create_time": act.time,
        "update_time": act.time,
        **texts,
        "_of": sale["id"],
        "_amount": amount,
        "_reversal": reversal,
    }
    act.save("sale_refunds", refund)
    kind = "REVERSED" if reversal else "REFUNDED"
    _tell(act, kind, view_refund(act, refund), f"A {_said(sale)} sale payment was {kind.lower()}")
    act.effect("reversal" if reversal else "refund", refund, amount, currency, "completed")
    _tell_ipn(act, sale, refund)
    return refund


def view(act: Act, sale: Json, *, told: bool = False) -> Json:
    """The sale as PayPal shows it. `told`: in an event, which has the subscription's custom id too."""
    path = f"{URL}/{sale['id']}"
    whole = {name: value for name, value in shown(sale).items() if told or name != "custom"}
    return {**whole, "links": [act.link("self", path), act.link("refund", f"{path}/refund", "POST")]}


def view_refund(act: Act, refund: Json) -> Json:
    """The refund of a sale as PayPal shows it."""
    links = [
        act.link("self", f"/v1/payments/refund/{refund['id']}"),
        act.link("sale", f"{URL}/{refund['_of']}"),
        act.link("parent_payment", f"/v1/payments/payment/{refund['parent_payment']}"),
    ]
    return {**shown(refund), "links": links}


def as_transaction(act: Act, sale: Json) -> Json:
    """The sale in the list of its subscription's transactions."""
    amount, currency = sale["_amount"], sale["_currency"]
    fee = money.fee(amount, currency)
    return {
        "status": _AS_TRANSACTION[sale["state"]],
        "id": sale["id"],
        "amount_with_breakdown": {
            "gross_amount": money.of(amount, currency),
            "fee_amount": money.of(fee, currency),
            "net_amount": money.of(amount - fee, currency),
        },
        "payer_name": dict(act.account.payer["name"]),
        "payer_email": act.account.payer["email_address"],
        "time": sale["create_time"],
    }


def _fetch(act: Act, identifier: str) -> Json:
    sale = act.books.get("sales", identifier)
    if sale is None:
        raise v1_problem(404, "INVALID_RESOURCE_ID", "The requested resource ID was not found")
    return sale


def _amount(sale: Json, asked: Json) -> int:
    currency, total = asked["currency"], asked["total"]
    if currency != sale["_currency"]:
        raise v1_problem(400, "CURRENCY_MISMATCH", "Currency of refund must be the same as that of the transaction")
    if not money.is_number(total) or not money.has_decimals_that_fit(total, currency):
        raise v1_problem(400, "VALIDATION_ERROR", "Invalid request - see details: amount.total")
    amount = money.units(total, currency)
    if amount < 1:
        raise v1_problem(400, "VALIDATION_ERROR", "Invalid request - see details: amount.total")
    return amount


def _said(sale: Json) -> str:
    return f"$ {sale['amount']['total']} {sale['_currency']}"


def _tell(act: Act, kind: str, resource: Json, summary: str) -> None:
    act.emit(f"PAYMENT.SALE.{kind}", "sale" if kind == "COMPLETED" else "refund", resource, summary, version=None)


def _tell_ipn(act: Act, sale: Json, refund: Json) -> None:
    told = {
        "id": refund["id"],
        "_amount": refund["_amount"],
        "_currency": sale["_currency"],
    }
    ipn.given_back(act, sale, told, reversed_=refund["_reversal"])
