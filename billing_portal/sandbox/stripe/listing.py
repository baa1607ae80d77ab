"""Lists by cursor, newest first, and search. https://docs.stripe.com/api/pagination, https://docs.stripe.com/search"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from billing_portal.sandbox.stripe.acts import Act
from billing_portal.sandbox.stripe.books import Json, shown
from billing_portal.sandbox.stripe.params import integer, required, text
from billing_portal.sandbox.stripe.problems import Invalid, Problem

PAGING = "limit starting_after ending_before created"
MOST = 100
_BOUNDS = {"gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b}
_CLAUSE = re.compile(r"""\s*(-?)(\w+)(?:\[["'](.+?)["']\])?\s*(:|>=|<=|>|<)\s*(?:"([^"]*)"|'([^']*)'|(\w+))\s*""")


def listed(
    act: Act, kind: str, url: str, filters: Iterable[str] = (), only: Collection[str] | None = None, **fixed: Any
) -> Json:
    """A page of objects. `filters`: parameters that must equal the field of their name; `fixed`: the same, given;
    `only`: the ids that may be shown."""
    equal = {name: act.params[name] for name in filters if text(act.params, name)} | fixed
    things = [shown(thing) for thing in reversed(act.books.find(kind, **equal)) if _created_fits(act, thing)]
    if only is not None:
        things = [thing for thing in things if thing["id"] in only]
    limit = _limit(act)
    ids = [thing["id"] for thing in things]
    if before := text(act.params, "ending_before"):
        things = things[: _place(ids, before, "ending_before")]
        page, more = things[-limit:], len(things) > limit
    else:
        after = text(act.params, "starting_after")
        things = things[_place(ids, after, "starting_after") + 1 if after else 0 :]
        page, more = things[:limit], len(things) > limit
    return {"object": "list", "data": page, "has_more": more, "url": url}


def searched(act: Act, kind: str, url: str) -> Json:
    """Objects that meet all clauses of `query`. (Stripe's own search lags behind by up to a minute; this does not.)"""
    clauses = _clauses(str(required(act.params, "query")))
    things = [shown(t) for t in reversed(act.books.find(kind)) if all(_meets(t, *clause) for clause in clauses)]
    start = int(text(act.params, "page") or 0)
    limit = _limit(act)
    following = str(start + limit) if len(things) > start + limit else None
    return {
        "object": "search_result",
        "data": things[start : start + limit],
        "has_more": following is not None,
        "next_page": following,
        "url": url,
    }


def _limit(act: Act) -> int:
    limit = integer(act.params, "limit") if "limit" in act.params else 10
    if limit is None or not 1 <= limit <= MOST:
        raise Invalid(f"This value must be between 1 and {MOST}.", code="parameter_invalid_integer", param="limit")
    return limit


def _place(ids: list[str], wanted: str, param: str) -> int:
    if wanted not in ids:
        raise Problem(f"No such object: '{wanted}'", code="resource_missing", param=param)
    return ids.index(wanted)


def _created_fits(act: Act, thing: Json) -> bool:
    created = act.params.get("created")
    if not created:
        return True
    if isinstance(created, str):
        return bool(thing["created"] == integer(act.params, "created"))
    unknown = set(created) - set(_BOUNDS)
    if unknown:
        raise Invalid(
            f"Received unknown parameter: created[{unknown.pop()}]", code="parameter_unknown", param="created"
        )
    return all(_BOUNDS[bound](thing["created"], integer(created, bound)) for bound in created)


def _clauses(query: str) -> list[tuple[bool, str, str | None, str, str]]:
    found = []
    for part in re.split(r"\s+AND\s+", query):
        match = _CLAUSE.fullmatch(part)
        if not match:
            raise Invalid(f"We were unable to parse your search query: {part}", param="query")
        negated, name, key, operator, double, single, bare = match.groups()
        value = next(v for v in (double, single, bare) if v is not None)
        found.append((bool(negated), name, key, operator, value))
    return found


def _meets(thing: Json, negated: bool, name: str, key: str | None, operator: str, value: str) -> bool:  # noqa: FBT001
    actual = thing.get(name)
    if key is not None:
        actual = (actual or {}).get(key)
    if operator == ":":
        met = actual is not None and str(actual).lower() == value.lower()
    else:
        bound = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}[operator]
        met = isinstance(actual, int) and _BOUNDS[bound](actual, int(value))
    return met != negated
