"""Who may do what over HTTP: the permission table, asked of every path. A path without a row fails a test."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from billing_portal.tenants.models import Tenant
from billing_portal.tenants.tests.people import a_key, a_member, a_staff_member, a_tenant, a_user, bearer, client_of
from billing_portal.tests.houses import House, address, house, values_of
from billing_portal.tests.paypal_world import PayPalWorld
from billing_portal.tests.routes import routes
from billing_portal.tests.stripe_world import StripeWorld
from payments.models import Payment, PaymentMethod

ROLES = {"owner", "billing", "viewer", "agent"}
KEYS = {"key usage:write", "key billing:read", "key billing:write"}
STAFF = {"staff", "clerk", "finance", "auditor", "support", "superuser"}
EVERYBODY = ROLES | KEYS | STAFF

READ = {"owner", "billing", "viewer", "key billing:read", "clerk", "finance", "auditor", "support", "superuser"}
PAY = {"owner", "billing", "key billing:write", "finance", "support", "superuser"}
MANAGE = {"owner", "billing", "key billing:write", "finance", "superuser"}
REFUND = {"finance", "superuser"}
RECORD_USAGE = {"key usage:write", "finance", "superuser"}


@dataclass(frozen=True)
class Row:
    """Who is in `may` gets an answer (or `meets` the code of a refusal, once past the door); the tenant's and the
    staff's others are 403, a stranger 404, nobody 401."""

    method: str
    route: str
    may: set[str]
    body: dict[str, Any] | None = None
    meets: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


CARD = {"paymentMethod": {"type": "card", "stripePaymentMethodId": "pm_card_visa"}}

TABLE = [
    Row("GET", "payments", READ),
    Row(
        "POST",
        "payments",
        PAY,
        {"amount": 100, "currency": "usd", "paymentMethod": {"type": "manual", "kind": "check"}},
    ),
    Row("GET", "payment", READ),
    Row("POST", "payment-refresh", PAY),
    Row("POST", "payment-cancel", PAY, meets="payment_not_open"),
    Row("POST", "paypal-capture", PAY),
    Row("POST", "setup-intent", PAY),
    Row("GET", "methods", READ),
    Row("POST", "method-default", PAY),
    Row("DELETE", "method", PAY),
    Row("POST", "payment-refund", REFUND, {"amount": 100}, meets="payment_not_refundable"),
    Row("GET", "invoices", READ),
    Row("GET", "invoice", READ),
    Row("POST", "invoice-pay", PAY, CARD),
    Row("GET", "subscription", READ),
    Row("POST", "subscription", MANAGE, {"planType": "none", "billingCycle": "monthly"}, meets="unknown_plan"),
    Row("PATCH", "subscription", MANAGE, {"seats": 2}),
    Row("POST", "subscription-preview", MANAGE, {"seats": 2}),
    Row("POST", "subscription-cancel", MANAGE),
    Row("POST", "subscription-pause", MANAGE),
    Row("POST", "subscription-resume", MANAGE),
    Row("GET", "subscription-history", READ),
    Row(
        "POST", "paypal-subscription", MANAGE, {"planId": "P-1", "payerInfo": {"email": "a@b.example"}}, "unknown_plan"
    ),
    Row("POST", "paypal-subscription-cancel", MANAGE),
    Row("GET", "subscription-entitlements", READ | {"agent"}),
    Row("GET", "usage", READ),
    Row("POST", "usage", RECORD_USAGE, {"recordType": "call_minutes", "quantity": 3}),
    Row("GET", "usage-summary", READ),
]
# These act for no tenant: everybody who is somebody may; a key does not log out.
FOR_NO_TENANT = [
    Row("GET", "api-auth-me", EVERYBODY),
    Row("POST", "api-auth-logout", EVERYBODY - KEYS),
]
# Providers show who they are by what they sign.
SIGNED = {("POST", "stripe-webhook"), ("POST", "paypal-webhook"), ("POST", "paypal-ipn")}
PUBLIC = {("POST", "api-auth-token"), ("GET", "schema"), ("GET", "docs"), ("GET", "subscription-plans")} | SIGNED

BY_NAME = {route.name: route for route in routes()}


@pytest.fixture
def acme(stripe: StripeWorld, paypal: PayPalWorld) -> House:
    """A tenant with one of everything; all that can be on is on."""
    return house("acme", stripe)


def path_of(row: Row, of: House) -> str:
    """The path with ids of the house's own objects."""
    route = BY_NAME[row.route]
    return route.url(**values_of(route, of))


def somebody(who: str, tenant: Tenant) -> APIClient:
    if who in ROLES:
        return client_of(a_member(tenant, who))
    if who in KEYS:
        return bearer(a_key(tenant, who.removeprefix("key ")))
    if who == "superuser":
        return client_of(a_user("root@portal.example", is_staff=True, is_superuser=True), tenant=tenant.slug)
    return client_of(a_staff_member(None if who == "staff" else who), tenant=tenant.slug)


def ask(client: APIClient, row: Row, url: str) -> tuple[int, str | None]:
    """Status and the problem's code."""
    answer = (
        client.generic(row.method, url)
        if row.body is None
        else client.generic(row.method, url, client._encode_data(row.body, "json")[0], content_type="application/json")
    )
    problem = answer.status_code >= 400
    return answer.status_code, answer.json()["code"] if problem else None


@pytest.mark.django_db
@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("row", TABLE + FOR_NO_TENANT, ids=str)
def test_the_permission_table(row: Row, who: str, acme: House) -> None:
    got = ask(somebody(who, acme.tenant), row, path_of(row, acme))
    if who in row.may:
        assert got[0] < 400 or got in ((400, row.meets), (409, row.meets)), f"{who} may {row}, and got {got}"
    else:
        assert got == (403, "forbidden")


@pytest.mark.django_db
@pytest.mark.parametrize("row", TABLE + FOR_NO_TENANT, ids=str)
def test_nobody_at_all_is_401(row: Row, acme: House) -> None:
    assert ask(APIClient(), row, path_of(row, acme)) == (401, "not_authenticated")


@pytest.mark.django_db
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_a_member_of_another_tenant_finds_nothing(row: Row, acme: House) -> None:
    stranger = a_member(a_tenant("globex"))
    assert ask(client_of(stranger, tenant="acme"), row, path_of(row, acme)) == (404, "not_found")


def test_every_path_of_the_api_is_in_the_table() -> None:
    served = {(method, route.name) for route in routes() if route.is_api for method in route.methods}
    covered = {(row.method, row.route) for row in TABLE + FOR_NO_TENANT} | PUBLIC
    assert served - covered == set(), "add a row to TABLE for these"
    assert covered - served == set(), "these rows are of no path"


# Pages that are not about a tenant's bills. All others are for who may read these.
OTHER_PAGES = {"healthz", "readyz", "login", "logout", "choose-tenant", "appearance"}
# Of the others, those that are there to pay: a viewer hears that this takes another role.
PAYERS_PAGES = {
    "invoice-pay-page",
    "invoice-declare-page",
    "paypal-return-page",
    "paypal-cancel-page",
    "payment-confirm-page",
    "payment-refresh-page",
    "payment-give-up-page",
    "add-card-page",
    "add-account-page",
    "method-saved-page",
    "method-default-page",
    "method-remove-page",
    "subscription-start-page",
    "subscription-change-page",
    "subscription-cancel-page",
    "subscription-keep-page",
    "subscription-pause-page",
    "subscription-resume-page",
    "subscription-change-return-page",
    "subscription-change-cancel-page",
    "subscription-paypal-return-page",
    "subscription-paypal-cancel-page",
    "subscription-confirm-page",
    "subscription-secret-page",
    "subscription-confirmed-page",
    "subscription-give-up-page",
}
BILL_PAGES = [route for route in routes() if not route.is_api and route.name not in OTHER_PAGES]


@pytest.mark.django_db
def test_pages_are_for_those_who_may_read_bills(acme: House) -> None:
    for route in BILL_PAGES:
        answer = Client().get(address(route, acme))
        if answer.status_code != 405:  # a page that only takes what is sent
            assert answer.headers.get("Location", "").startswith("/login"), route
    for who in ROLES:
        browser = Client()
        browser.force_login(a_member(acme.tenant, who))
        for route in BILL_PAGES:
            status = browser.get(address(route, acme)).status_code
            refused = who == "agent" or (who == "viewer" and route.name in PAYERS_PAGES)
            # 302: a payment that waits for nobody has nothing to confirm.
            assert status in ((403, 405) if refused else (200, 302, 405)), f"{who}: {route}"


@pytest.mark.django_db
def test_who_only_reads_sends_nothing_by_a_page(acme: House) -> None:
    before = Payment.objects.count(), PaymentMethod.objects.filter(removed_at=None, is_default=True).count()
    for who in ("viewer", "agent"):
        browser = Client()
        browser.force_login(a_member(acme.tenant, who))
        for route in BILL_PAGES:
            if route.name in PAYERS_PAGES:
                status = browser.post(address(route, acme)).status_code
                assert status in (403, 405), f"{who}: {route}"
    assert before == (
        Payment.objects.count(),
        PaymentMethod.objects.filter(removed_at=None, is_default=True).count(),
    )
