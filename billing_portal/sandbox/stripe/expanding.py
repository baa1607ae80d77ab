"""`expand[]`: put the object where its id stands. https://docs.stripe.com/api/expanding_objects"""

from typing import Any

from billing_portal.sandbox.stripe import coupons, including
from billing_portal.sandbox.stripe.acts import KIND_OF_FIELD, Act, kind_of
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.problems import Invalid

DEEPEST = 4
# Lists of a customer that nothing here fills.
_NONE_YET = ("sources", "tax_ids")


def expand(act: Act, answer: Json) -> Json:
    """The answer with everything that `expand[]` names opened. Raises Invalid for what cannot be."""
    wanted = act.params.get("expand") or []
    for path in wanted if isinstance(wanted, list) else [wanted]:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise Invalid(f"You cannot expand more than {DEEPEST} levels of a property", param="expand")
        _open(act, answer, steps, path)
    return answer


def _open(act: Act, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _open(act, item, steps, path)
        return
    if not isinstance(node, dict) or not steps:
        return
    name, *rest = steps
    if name == "refunds" and node.get("object") == "charge":
        refunds = [shown(refund) for refund in reversed(act.books.find("refunds", charge=node["id"]))]
        url = f"/v1/charges/{node['id']}/refunds"
        node["refunds"] = {"object": "list", "data": refunds, "has_more": False, "url": url}
    elif name in _NONE_YET and node.get("object") == "customer":
        url = f"/v1/customers/{node['id']}/{name}"
        node[name] = {"object": "list", "data": [], "has_more": False, "url": url}
    elif show := including.SHOWN.get((str(node.get("object")), name)):
        node[name] = show(act, node)
    elif name not in node:
        raise Invalid(f"This property cannot be expanded ({path}).", param="expand")
    elif isinstance(node[name], list):
        node[name] = [_found(act, name, each, path) if isinstance(each, str) else each for each in node[name]]
    elif isinstance(node[name], str):
        node[name] = _found(act, name, node[name], path)
    _open(act, node[name], rest, path)


def _found(act: Act, name: str, identifier: str, path: str) -> Json:
    kind = KIND_OF_FIELD.get(name) or kind_of(identifier)
    if kind == "coupons":
        return shown(coupons.kept(act, identifier))
    found = act.books.get(kind, identifier) if kind else None
    if found is None:
        raise Invalid(f"This property cannot be expanded ({path}).", param="expand")
    return shown(found)
