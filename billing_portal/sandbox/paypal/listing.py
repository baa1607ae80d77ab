"""Lists by page, as the older APIs have them: `page` from 1, `page_size`, and totals when asked for."""

from typing import Any

from billing_portal.sandbox.books import Json
from billing_portal.sandbox.paypal.acts import Act

MOST = 20


def number(act: Act, name: str, usual: int, most: int) -> int:
    """A whole number of the query, from 1. Raises Problem (400)."""
    text = act.query.get(name, str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise act.refuse(400, "INVALID_PARAMETER_VALUE", value=text)
    return int(text)


def paged(act: Act, name: str, things: list[Json], path: str) -> Json:
    """One page of `things` under `name`."""
    page, size = number(act, "page", 1, 100_000), number(act, "page_size", 10, MOST)
    answer: dict[str, Any] = {name: things[(page - 1) * size : page * size]}
    if act.query.get("total_required") == "true":
        answer |= {"total_items": len(things), "total_pages": -(-len(things) // size)}
    links = [act.link("self", f"{path}?page_size={size}&page={page}")]
    if page * size < len(things):
        links.append(act.link("next", f"{path}?page_size={size}&page={page + 1}"))
    return {**answer, "links": links}
