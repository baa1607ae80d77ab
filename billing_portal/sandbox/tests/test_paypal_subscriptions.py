"""Plans, subscriptions and their sales: agreed to, billed, suspended, revised, cancelled."""

import pytest

from billing_portal.sandbox.paypal.billing import later
from billing_portal.sandbox.tests.paypal_fixtures import CANCEL, CONTEXT, EXAMPLE_PLAN, RETURN, link

SUBSCRIPTIONS, PLANS, PRODUCTS = "/v1/billing/subscriptions", "/v1/billing/plans", "/v1/catalogs/products"


def cycle(value="9.00", currency="EUR", unit="MONTH", **more):
    price = {"fixed_price": {"currency_code": currency, "value": value}}
    return {
        "frequency": {"interval_unit": unit, "interval_count": 1},
        "tenure_type": "REGULAR",
        "sequence": 1,
        "total_cycles": 0,
        "pricing_scheme": price,
        **more,
    }


@pytest.fixture
def plan(api):
    """Make a plan of 9 euros a month."""

    def plan(product=None, **more):
        product = product or api.ok("POST", PRODUCTS, {"name": "Calls", "type": "SERVICE"})["id"]
        asked = {
            "product_id": product,
            "name": "Starter",
            "billing_cycles": [cycle()],
            "payment_preferences": {"payment_failure_threshold": 2},
            **more,
        }
        return api.ok("POST", PLANS, asked)

    return plan


def bill(api, subscription, outcome="paid"):
    return api.panel("POST", "bill", {"subscriptionId": subscription["id"], "outcome": outcome})


def test_products_and_plans(api, plan):
    assert api.refused("POST", PRODUCTS, {"name": "Calls"}) == (400, "MISSING_REQUIRED_PARAMETER")
    own = api.ok("POST", PRODUCTS, {"id": "CALLS-1", "name": "Calls", "type": "SERVICE"})
    assert api.refused("POST", PRODUCTS, {"id": "CALLS-1", "name": "Calls", "type": "SERVICE"}) == (
        422,
        "DUPLICATE_RESOURCE_IDENTIFIER",
    )
    made = plan(own["id"])
    assert (made["status"], made["id"][:2], len(made["id"])) == ("ACTIVE", "P-", 26)
    listed = api.ok("GET", f"{PLANS}?product_id=CALLS-1&total_required=true")
    assert ([each["id"] for each in listed["plans"]], listed["total_items"]) == ([made["id"]], 1)
    assert [each["id"] for each in api.ok("GET", PRODUCTS)["products"]][1:] == ["CALLS-1"]
    assert api.ok("GET", f"{PRODUCTS}/CALLS-1")["name"] == "Calls"
    page = api.ok("GET", f"{PLANS}?page_size=1&page=2")
    assert [each["id"] for each in page["plans"]] == [made["id"]]
    assert api.ask("POST", f"{PLANS}/{made['id']}/deactivate").status_code == 204
    assert api.refused("POST", f"{PLANS}/{made['id']}/deactivate") == (422, "PLAN_STATUS_INVALID")
    assert api.refused("POST", SUBSCRIPTIONS, {"plan_id": made["id"]}) == (422, "PLAN_STATUS_INVALID")
    assert api.ask("POST", f"{PLANS}/{made['id']}/activate").status_code == 204
    assert api.refused("GET", f"{PLANS}/P-NONE") == (404, "INVALID_RESOURCE_ID")


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"billing_cycles": [cycle(sequence=2)]}, (422, "INVALID_BILLING_CYCLE_SEQUENCE")),
        ({"billing_cycles": [cycle(tenure_type="TRIAL")]}, (422, "MISSING_REGULAR_BILLING_CYCLE")),
        ({"billing_cycles": [cycle("9.00", "KWD")]}, (422, "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER")),
        ({"name": "x" * 128}, (400, "INVALID_STRING_MAX_LENGTH")),
        ({"product_id": "PROD-NONE"}, (404, "INVALID_RESOURCE_ID")),
    ],
)
def test_plans_that_make_no_sense(api, more, refusal):
    asked = {
        "product_id": "PROD-XXCD1234QWER65782",
        "name": "x",
        "billing_cycles": [cycle()],
        "payment_preferences": {},
    }
    assert api.refused("POST", PLANS, {**asked, **more}) == refusal


def test_the_payer_agrees_and_the_first_period_is_paid(api, paypal, hook):
    api.panel("POST", "clock", {"now": "2026-10-31T10:00:00Z"})
    asked = {"plan_id": EXAMPLE_PLAN, "quantity": "3", "custom_id": "sub-1", "application_context": CONTEXT}
    subscriber = {"name": {"given_name": "Ada", "surname": "Jones"}, "email_address": "owner@acme.example"}
    made = api.ok("POST", SUBSCRIPTIONS, {**asked, "subscriber": subscriber}, "sub:1")
    assert made["status"] == "APPROVAL_PENDING" and api.objects("sales") == []
    address = link(made, "approve")
    token = address.partition("ba_token=")[2]
    assert token.startswith("BA-") and "87.00 USD" in api.http.get(address).text
    gone = api.http.post(address, data={"decision": "cancel"})
    assert gone.headers["Location"].startswith(f"{CANCEL}?subscription_id={made['id']}")
    back = api.http.post(address, data={"decision": "pay"})
    assert back.status_code == 302
    assert back.headers["Location"] == f"{RETURN}?subscription_id={made['id']}&ba_token={token}&token={token[3:]}"
    active = api.ok("GET", f"{SUBSCRIPTIONS}/{made['id']}?fields=plan")
    assert (active["status"], active["custom_id"], active["plan"]["id"]) == ("ACTIVE", "sub-1", EXAMPLE_PLAN)
    assert active["subscriber"]["email_address"] == "owner@acme.example"
    assert active["billing_info"]["next_billing_time"] == "2026-11-30T10:00:00Z"
    paypal.deliver()
    assert hook.kinds == [
        "BILLING.SUBSCRIPTION.CREATED",
        "BILLING.SUBSCRIPTION.ACTIVATED",
        "PAYMENT.SALE.COMPLETED",
    ]
    # The event was written before the first period was paid: what it says of the next one is old.
    assert hook.events[1]["resource"]["billing_info"]["next_billing_time"] == "2026-10-31T10:00:00Z"
    sale = hook.events[2]["resource"]
    assert (sale["billing_agreement_id"], sale["amount"]["total"], sale["amount"]["currency"]) == (
        made["id"],
        "87.00",
        "USD",
    )
    assert (sale["state"], sale["custom"]) == ("completed", "sub-1")
    assert [(effect["kind"], effect["amount"], effect["metadata"]["custom_id"]) for effect in api.effects()] == [
        ("subscription", 8700, "sub-1"),
        ("sale", 8700, "sub-1"),
    ]


def test_it_is_billed_by_the_panel_and_by_the_clock(api):
    api.panel("POST", "clock", {"now": "2026-01-31T10:00:00Z"})
    subscription = api.subscribed()
    assert bill(api, subscription)["billing_info"]["next_billing_time"] == "2026-03-31T10:00:00Z"
    api.panel("POST", "clock", {"now": "2026-03-31T09:59:59Z"})
    assert len(api.objects("sales")) == 2
    assert api.panel("POST", "clock", {"now": "2026-04-30T10:00:00Z"})["settled"] == 2
    api.sign_in()
    path = f"{SUBSCRIPTIONS}/{subscription['id']}/transactions"
    span = "start_time=2026-01-01T00:00:00Z&end_time=2026-04-01T00:00:00Z"
    listed = api.ok("GET", f"{path}?{span}")["transactions"]
    assert [(each["status"], each["time"]) for each in listed] == [
        ("COMPLETED", "2026-01-31T10:00:00Z"),
        ("COMPLETED", "2026-01-31T10:00:00Z"),
    ]
    assert len(api.ok("GET", f"{path}?{span.replace('04-01', '05-01')}")["transactions"]) == 4
    assert api.refused("GET", path) == (400, "MISSING_REQUIRED_PARAMETER")
    assert api.refused("GET", f"{path}?start_time=x&end_time=y") == (400, "INVALID_PARAMETER_SYNTAX")


@pytest.mark.parametrize(
    ("unit", "count", "expected"),
    [("DAY", 10, 864_000), ("WEEK", 1, 604_800), ("MONTH", 1, 2_419_200), ("YEAR", 1, 31_536_000)],
)
def test_periods(unit, count, expected):
    start = 1_769_853_600  # 2026-01-31T10:00:00Z: a month later is 28 February
    assert later(start, {"interval_unit": unit, "interval_count": count}) - start == expected


def test_payments_that_fail_suspend_it_at_the_plans_threshold(api, plan, paypal, hook):
    made = plan()
    subscription = api.subscribed(plan_id=made["id"])
    first = bill(api, subscription, "failed")
    assert (first["status"], first["billing_info"]["failed_payments_count"]) == ("ACTIVE", 1)
    assert first["billing_info"]["outstanding_balance"]["value"] == "9.00"
    assert bill(api, subscription, "failed")["status"] == "SUSPENDED"
    again = {"subscriptionId": subscription["id"], "outcome": "paid"}
    assert api.http.post("/__sandbox/bill", json=again).status_code == 400
    paypal.deliver()
    failed = "BILLING.SUBSCRIPTION.PAYMENT.FAILED"
    assert hook.kinds[-3:] == [failed, failed, "BILLING.SUBSCRIPTION.SUSPENDED"]
    assert api.ask("POST", f"{SUBSCRIPTIONS}/{subscription['id']}/activate", {"reason": "Paid"}).status_code == 204
    paid = bill(api, subscription)["billing_info"]
    assert (paid["failed_payments_count"], paid["outstanding_balance"]["value"]) == (0, "0.00")


def test_whether_a_suspended_one_names_its_next_billing_is_a_setting(api):
    subscription = api.subscribed()
    path = f"{SUBSCRIPTIONS}/{subscription['id']}"
    due = api.ok("GET", path)["billing_info"]["next_billing_time"]
    wanted = {"nextBillingOfSuspended": "hidden"}
    assert api.http.post("/__sandbox/settings", json=wanted).json() == wanted
    assert api.http.post("/__sandbox/settings", json={"nextBillingOfSuspended": "maybe"}).status_code == 400
    assert api.ok("GET", path)["billing_info"]["next_billing_time"] == due, "it is active"
    assert api.ask("POST", f"{path}/suspend", {"reason": "x"}).status_code == 204
    assert "next_billing_time" not in api.ok("GET", path)["billing_info"]
    assert api.http.post("/__sandbox/settings", json={"nextBillingOfSuspended": "shown"}).status_code == 200
    assert api.ok("GET", path)["billing_info"]["next_billing_time"] == due
    api.http.post("/__sandbox/settings", json=wanted)
    assert api.ask("POST", f"{path}/activate", {"reason": "x"}).status_code == 204
    assert api.ok("GET", path)["billing_info"]["next_billing_time"] == due


def test_suspended_activated_cancelled_and_then_no_more(api, paypal, hook):
    subscription = api.subscribed()
    path = f"{SUBSCRIPTIONS}/{subscription['id']}"
    assert api.refused("POST", f"{path}/activate", {"reason": "x"}) == (422, "SUBSCRIPTION_STATUS_INVALID")
    for verb in ("suspend", "activate", "cancel"):
        assert api.ask("POST", f"{path}/{verb}", {"reason": f"to {verb}"}).status_code == 204
    ended = api.ok("GET", path)
    assert (ended["status"], ended["status_change_note"]) == ("CANCELLED", "to cancel")
    assert "next_billing_time" not in ended["billing_info"]
    assert api.refused("POST", f"{path}/cancel", {"reason": "again"}) == (422, "SUBSCRIPTION_STATUS_INVALID")
    assert api.refused("POST", f"{path}/cancel", {}) == (400, "INVALID_REQUEST")
    assert api.refused("POST", f"{path}/cancel", {"reason": "x" * 129}) == (400, "INVALID_STRING_MAX_LENGTH")
    paypal.deliver()
    assert [kind.removeprefix("BILLING.SUBSCRIPTION.") for kind in hook.kinds[-3:]] == [
        "SUSPENDED",
        "RE-ACTIVATED",
        "CANCELLED",
    ]
    waiting = api.ok("POST", SUBSCRIPTIONS, {"plan_id": EXAMPLE_PLAN, "application_context": CONTEXT})
    pending = f"{SUBSCRIPTIONS}/{waiting['id']}/cancel"
    assert api.refused("POST", pending, {"reason": "x"}) == (422, "SUBSCRIPTION_STATUS_INVALID")


def test_a_revision_counts_once_the_payer_agrees(api, plan):
    dear = plan("PROD-XXCD1234QWER65782", name="Dear", billing_cycles=[cycle("39.00", "USD")], quantity_supported=True)
    subscription = api.subscribed()
    path = f"{SUBSCRIPTIONS}/{subscription['id']}/revise"
    revised = api.ok("POST", path, {"plan_id": dear["id"], "quantity": "2", "application_context": CONTEXT})
    assert api.ok("GET", f"{SUBSCRIPTIONS}/{subscription['id']}")["plan_id"] == EXAMPLE_PLAN
    page = api.http.get(link(revised, "approve")).text
    assert "Change to Dear" in page and "78.00 USD" in page and "Nothing is charged now." in page
    assert api.http.post(link(revised, "approve"), data={"decision": "pay"}).status_code == 302
    bill(api, subscription)
    assert [sale["amount"]["total"] for sale in api.objects("sales")] == ["29.00", "78.00"]
    other = plan()
    assert api.refused("POST", path, {"plan_id": other["id"]}) == (422, "PLAN_PRODUCT_NOT_COMPATIBLE")
    euros = plan("PROD-XXCD1234QWER65782")
    assert api.refused("POST", path, {"plan_id": euros["id"]}) == (422, "CURRENCY_MISMATCH")


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"plan_id": "P-NONE"}, (404, "INVALID_RESOURCE_ID")),
        ({"start_time": "2020-01-01T00:00:00Z"}, (400, "INVALID_PARAMETER_VALUE")),
        ({"application_context": {"return_url": RETURN}}, (400, "MISSING_REQUIRED_PARAMETER")),
        ({"custom_id": "é"}, (400, "INVALID_PARAMETER_SYNTAX")),
        ({"colour": "red"}, (400, "INVALID_PARAMETER_SYNTAX")),
    ],
)
def test_subscriptions_that_make_no_sense(api, more, refusal):
    assert api.refused("POST", SUBSCRIPTIONS, {"plan_id": EXAMPLE_PLAN, **more}) == refusal


def test_a_subscription_may_start_later(api):
    api.panel("POST", "clock", {"now": "2026-11-01T00:00:00Z"})
    subscription = api.subscribed(start_time="2026-12-01T00:00:00Z")
    assert subscription["status"] == "ACTIVE" and api.objects("sales") == []
    api.panel("POST", "clock", {"now": "2026-12-01T00:00:00Z"})
    assert len(api.objects("sales")) == 1
