"""Change a plan's texts by JSON Patch. https://developer.paypal.com/docs/api/subscriptions/v1/#plans_patch"""

from billing_portal.sandbox.paypal import plans
from billing_portal.sandbox.paypal.acts import Act
from billing_portal.sandbox.paypal.routing import route

_FIELDS = ("/name", "/description")
_LONGEST = 127


@route("PATCH", plans.URL + "/{id}")
def patch(act: Act, identifier: str) -> tuple[None, int]:
    """Replace its name or its description; PayPal takes more, which the stand-in has no use for."""
    plan = act.fetch("plans", identifier)
    if plan["status"] == "INACTIVE":
        raise act.refuse(422, "PLAN_STATUS_INACTIVE")
    if not isinstance(act.body, list) or not all(isinstance(each, dict) for each in act.body):
        raise act.refuse(400, "INVALID_PARAMETER_SYNTAX", field="/")
    for number, operation in enumerate(act.body):
        path, value = operation.get("path"), operation.get("value")
        if operation.get("op") != "replace":
            raise act.refuse(400, "UNSUPPORTED_PATCH_OPERATION", field=f"/{number}/op")
        if path not in _FIELDS:
            raise act.refuse(400, "INVALID_PATCH_PATH", field=f"/{number}/path", value=path)
        if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST:
            raise act.refuse(400, "INVALID_PARAMETER_VALUE", field=f"/{number}/value", value=value)
        plan[path[1:]] = value
    act.save("plans", {**plan, "update_time": act.time})
    return None, 204
