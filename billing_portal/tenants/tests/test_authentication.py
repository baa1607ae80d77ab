"""Who gets in over the API, and for which tenant."""

from datetime import timedelta

import pytest
from django.urls import path
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from billing_portal.kit import context
from billing_portal.tenants.actions.keys import create_api_key
from billing_portal.tenants.models import ApiKey, Tenant
from billing_portal.tenants.policies import May
from billing_portal.tenants.tests.people import (
    BY_TEST,
    LONG_AGO,
    PASSWORD,
    a_key,
    a_member,
    a_staff_member,
    a_tenant,
    a_user,
    bearer,
    client_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Standpoint(APIView):
    """Says for whom it was asked."""

    permission_classes = [May("billing.read", POST="payments.pay", PUT="usage.record")]

    def get(self, request):
        http = request._request
        return Response(
            {
                "tenant": http.tenant.slug,
                "actor": f"{http.actor.kind}:{http.actor.label}",
                "role": http.role,
                "logged": context.current().get("tenant_id") == str(http.tenant.id),
            }
        )

    post = get


urlpatterns = [path("api/standpoint", Standpoint.as_view())]
handler404 = "billing_portal.kit.problems.handler404"


def ask(client: APIClient, method: str = "get") -> tuple[int, str]:
    """Status and code, or the tenant's slug."""
    answer = getattr(client, method)("/api/standpoint")
    body = answer.json()
    return answer.status_code, body.get("code") or body["tenant"]


def test_a_key_acts_for_its_own_tenant_and_no_other():
    acme = a_tenant("acme")
    a_tenant("globex")
    secret = a_key(acme)
    answer = bearer(secret).get("/api/standpoint").json()
    assert answer == {"tenant": "acme", "actor": f"api_key:{secret[:12]}", "role": None, "logged": True}
    assert ask(bearer(secret, tenant="acme")) == (200, "acme")
    assert ask(bearer(secret, tenant="globex")) == (404, "not_found")
    assert ask(bearer(secret, tenant="nowhere")) == (404, "not_found")


def test_a_key_that_is_revoked_expired_or_altered_opens_nothing():
    acme = a_tenant()
    key, secret = create_api_key(tenant=acme, name="n", scopes=["billing:read"], actor=BY_TEST, now=LONG_AGO)
    assert ask(bearer(secret)) == (200, "acme")
    for wrong in (secret[:-1], secret + "x", secret.upper(), "cck_", "cck_ä", secret.replace("cck_", "")):
        answer = bearer(wrong).get("/api/standpoint")
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), wrong
        assert answer["WWW-Authenticate"].startswith("Bearer")
    ApiKey.objects.update(expires_at=timezone.now())
    assert ask(bearer(secret)) == (401, "not_authenticated")
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(days=1), revoked_at=timezone.now())
    assert ask(bearer(secret)) == (401, "not_authenticated")
    assert ask(bearer(key.hash)) == (401, "not_authenticated")  # what the database holds is no key


def test_the_last_use_of_a_key_is_written_once_a_minute(django_assert_num_queries):
    secret = a_key(a_tenant())
    ask(bearer(secret))
    first = ApiKey.objects.get().last_used_at
    with django_assert_num_queries(1):
        ask(bearer(secret))
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    ask(bearer(secret))
    assert ApiKey.objects.get().last_used_at > first


def test_nobody_at_all_is_401_with_a_challenge_whatever_is_sent():
    for header in ({}, {"HTTP_AUTHORIZATION": "Basic eDp5"}, {"HTTP_AUTHORIZATION": "Bearer"}):
        answer = APIClient().get("/api/standpoint", **header)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"


def test_a_wrong_token_is_refused_even_beside_a_session():
    dana = a_member(a_tenant())
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(dana)
    assert ask(client) == (200, "acme")
    client.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert ask(client) == (401, "not_authenticated")


def test_a_session_writes_with_a_csrf_token_only():
    dana = a_member(a_tenant())
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(dana)
    answer = client.post("/api/standpoint")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    token = "a" * 32
    client.cookies["csrftoken"] = token
    assert client.post("/api/standpoint", HTTP_X_CSRFTOKEN=token).status_code == 200


def test_one_membership_needs_no_name_and_several_do():
    acme, globex = a_tenant("acme"), a_tenant("globex")
    dana = a_member(acme)
    client = client_of(dana)
    assert ask(client) == (200, "acme")
    assert ask(client_of(dana, tenant="")) == (200, "acme"), "an empty header names nobody"
    a_member(globex, "viewer", dana)
    assert ask(client) == (400, "tenant_required")
    assert ask(client_of(dana, tenant="")) == (400, "tenant_required")
    answer = client_of(dana, tenant="globex").get("/api/standpoint").json()
    assert answer == {"tenant": "globex", "actor": f"user:{dana.email}", "role": "viewer", "logged": True}
    assert ask(client_of(dana, tenant="globex"), "post") == (403, "forbidden")
    assert ask(client_of(dana, tenant="acme"), "post") == (200, "acme")
    assert ask(client_of(a_user("lonely@example.com"))) == (400, "tenant_required")


def test_a_tenant_one_does_not_belong_to_answers_like_one_that_does_not_exist():
    dana = a_member(a_tenant("acme"))
    a_tenant("globex")
    bodies = [
        {**client_of(dana, tenant=slug).get("/api/standpoint").json(), "requestId": ""}
        for slug in ("globex", "nowhere", "GLOBEX", "../globex", "glo\tbex")
    ]
    assert {body["status"] for body in bodies} == {404}
    assert all(body == bodies[0] for body in bodies)


def test_staff_act_for_the_tenant_they_name_as_far_as_their_permissions_go():
    a_tenant("acme")
    finance, auditor, nobody = a_staff_member("finance"), a_staff_member("auditor"), a_staff_member()
    answer = client_of(finance, tenant="acme").get("/api/standpoint").json()
    assert answer == {"tenant": "acme", "actor": "staff:finance@portal.example", "role": None, "logged": True}
    assert ask(client_of(finance, tenant="acme"), "post") == (200, "acme")
    assert ask(client_of(finance, tenant="nowhere")) == (404, "not_found")
    assert ask(client_of(finance)) == (400, "tenant_required")
    assert ask(client_of(auditor, tenant="acme")) == (200, "acme")
    assert ask(client_of(auditor, tenant="acme"), "post") == (403, "forbidden")
    assert ask(client_of(nobody, tenant="acme")) == (403, "forbidden")


def test_a_refusal_says_what_is_missing():
    acme = a_tenant("acme")

    def told(client: APIClient, method: str = "post") -> str:
        return getattr(client, method)("/api/standpoint").json()["detail"]

    assert told(bearer(a_key(acme, "usage:write"))) == (
        "This API key lacks the scope billing:write (pay and change the subscription). Use a key that has it."
    )
    assert told(client_of(a_staff_member("auditor"), tenant="acme")) == (
        "Your staff account lacks the permission “Can pay on behalf of a tenant” (payments.pay_for_tenant). "
        "Ask whoever manages staff accounts for a group that has it: finance, support."
    )
    assert "“Can view payment”" in told(client_of(a_staff_member(), tenant="acme"), "get")
    assert "Ask an owner" in told(client_of(a_member(acme, "viewer")))
    assert told(client_of(a_member(acme)), "put") == (
        "No role may do this; it takes an API key with the scope usage:write."
    )


def test_a_closed_tenant_can_be_read_and_takes_nothing_new():
    acme = a_tenant()
    dana, key = a_member(acme), a_key(acme)
    Tenant.objects.update(closed_at=timezone.now())
    for client in (client_of(dana), bearer(key), client_of(a_staff_member("finance"), tenant="acme")):
        assert ask(client) == (200, "acme")
        assert ask(client, "post") == (403, "tenant_closed")


def test_an_unknown_capability_is_noticed_when_the_module_is_loaded():
    with pytest.raises(LookupError, match="add it to the table"):
        May("billing.raed")
    with pytest.raises(LookupError, match="add it to the table"):
        May("billing.read", POST="payments.pya")


@pytest.mark.urls("billing_portal.urls")
def test_the_session_ends_by_the_api_and_a_key_does_not_log_out():
    acme = a_tenant()
    client = APIClient()
    assert client.login(email=a_member(acme).email, password=PASSWORD)
    assert client.post("/api/auth/logout").status_code == 204
    assert client.get("/api/auth/me").status_code == 401
    key = bearer(a_key(acme))
    assert key.post("/api/auth/logout").json()["code"] == "forbidden"
    assert key.get("/api/auth/me").json() == {
        "user": None,
        "tenants": [{"id": str(acme.id), "slug": "acme", "name": "Acme", "role": None}],
    }
