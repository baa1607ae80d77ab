"""The texts of a plan are changed by JSON Patch, all or none."""

import pytest

from billing_portal.sandbox.tests.paypal_fixtures import EXAMPLE_PLAN

PLAN = f"/v1/billing/plans/{EXAMPLE_PLAN}"


def test_a_description_is_replaced(api):
    operation = {"op": "replace", "path": "/description", "value": "For teams"}
    assert api.ask("PATCH", PLAN, [operation]).status_code == 204
    assert api.ok("GET", PLAN)["description"] == "For teams"
    assert api.ask("POST", f"{PLAN}/deactivate").status_code == 204
    assert api.refused("PATCH", PLAN, [operation]) == (422, "PLAN_STATUS_INACTIVE")


@pytest.mark.parametrize(
    ("operations", "issue"),
    [
        ({"op": "replace"}, "INVALID_PARAMETER_SYNTAX"),
        ([{"op": "remove", "path": "/description"}], "UNSUPPORTED_PATCH_OPERATION"),
        ([{"op": "replace", "path": "/product_id", "value": "x"}], "INVALID_PATCH_PATH"),
        ([{"op": "replace", "path": "/name", "value": "x" * 128}], "INVALID_PARAMETER_VALUE"),
    ],
)
def test_what_can_not_be_changed_is_refused_whole(api, operations, issue):
    first = {"op": "replace", "path": "/description", "value": "For teams"}
    asked = [first, *operations] if isinstance(operations, list) else operations
    assert api.refused("PATCH", PLAN, asked) == (400, issue)
    assert "description" not in api.ok("GET", PLAN)
