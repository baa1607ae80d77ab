"""Change an order that is not captured yet, by JSON Patch.

https://developer.paypal.com/docs/api/orders/v2/#orders_patch: paths name a unit by its reference id.
"""

import re
from typing import Any

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.paypal import captures, money
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.order_shapes import AMOUNT, UNIT_TEXTS, check_unit
from billing_portal.sandbox.paypal.orders import URL
from billing_portal.sandbox.paypal.routing import route

_PATH = re.compile(r"/purchase_units/@reference_id=='([^']*)'/(\w+)")
_FIELDS: dict[str, Any] = {
    **{name: UNIT_TEXTS[name] for name in UNIT_TEXTS if name != "reference_id"},
    "amount": AMOUNT,
}
_OPERATIONS = ("add", "replace", "remove")


@route("PATCH", URL + "/{id}")
def patch(act: Act, identifier: str) -> tuple[None, int]:
    """Apply the operations in order, all or none."""
    order = act.fetch("orders", identifier)
    if order["status"] in ("COMPLETED", "VOIDED"):
        raise act.refuse(422, "ORDER_ALREADY_COMPLETED")
    if not isinstance(act.body, list) or not all(isinstance(each, dict) for each in act.body):
        raise act.refuse(400, "INVALID_PARAMETER_SYNTAX", field="/")
    for number, operation in enumerate(act.body):
        _apply(act, order, operation, f"/{number}")
    order["update_time"] = act.time
    act.save("orders", order)
    return None, 204


def _apply(act: Act, order: Json, operation: Json, where: str) -> None:
    name = operation.get("op")
    if name is None:
        raise act.refuse(400, "MISSING_REQUIRED_PARAMETER", field=f"{where}/op")
    if name not in _OPERATIONS:
        raise act.refuse(400, "INVALID_PARAMETER_VALUE", field=f"{where}/op", value=name)
    unit, field = _target(act, order, operation, where)
    present = field in unit
    if (name == "add") == present or (name == "remove" and field == "amount"):
        raise act.refuse(400, "INVALID_PATCH_OPERATION", field=f"{where}/op", value=name)
    if name == "remove":
        del unit[field]
        return
    if operation.get("value") is None:
        raise act.refuse(422, "PATCH_VALUE_REQUIRED", field=f"{where}/value")
    _FIELDS[field].check(act, operation["value"], f"{where}/value")
    _set(act, unit, field, operation["value"], where)


def _target(act: Act, order: Json, operation: Json, where: str) -> tuple[Json, str]:
    path = operation.get("path")
    if not path:
        raise act.refuse(422, "PATCH_PATH_REQUIRED", field=f"{where}/path")
    match = _PATH.fullmatch(str(path))
    if not match:
        issue = "INVALID_JSON_POINTER_FORMAT" if not str(path).startswith("/") else "NOT_PATCHABLE"
        raise act.refuse(422, issue, field=f"{where}/path", value=path)
    unit = next((unit for unit in order["purchase_units"] if unit["reference_id"] == match[1]), None)
    if unit is None:
        raise act.refuse(422, "REFERENCE_ID_NOT_FOUND", field=f"{where}/path", value=path)
    if match[2] not in _FIELDS:
        raise act.refuse(422, "NOT_PATCHABLE", field=f"{where}/path", value=path)
    return unit, match[2]


def _set(act: Act, unit: Json, field: str, value: Any, where: str) -> None:
    currency = unit["amount"]["currency_code"]
    unit[field] = value
    if field == "amount":
        check_unit(act, unit, where)
        if value["currency_code"] != currency:
            issue = "MULTI_CURRENCY_ORDER"
            raise act.refuse(422, issue, field=f"{where}/value/currency_code", value=value["currency_code"])
        unit["amount"] = {**value, **money.of(money.units(value["value"], currency), currency)}
    if field == "invoice_id":
        captures.refuse_duplicate(act, value, f"{where}/value")
