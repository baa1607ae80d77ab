"""The pages round the bills: log in and out, choose a tenant, appearance, and who may see a page."""

import json

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from billing_portal.tenants.pages.access import tenant_page
from billing_portal.tenants.tests.people import PASSWORD, a_member, a_staff_member, a_tenant, a_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@tenant_page("billing.read", POST="payments.pay")
def bills(request):
    """Says whose bills these are."""
    return HttpResponse(f"{request.tenant.slug} {request.actor.label} {request.role}")


urlpatterns = [path("bills", bills), path("", bills), path("", include("billing_portal.urls"))]
handler403 = "billing_portal.kit.problems.handler403"
handler404 = "billing_portal.kit.problems.handler404"


def log_in(client: Client, email: str, password: str = PASSWORD, **more: str):
    return client.post("/login", {"email": email, "password": password, **more})


def test_who_is_not_logged_in_logs_in_and_comes_back(client: Client):
    dana = a_member(a_tenant())
    answer = client.get("/bills?month=2026-10")
    assert answer.headers["Location"] == "/login?next=%2Fbills%3Fmonth%3D2026-10"
    form = client.get(answer.headers["Location"])
    assert 'value="/bills?month=2026-10"' in form.content.decode()
    answer = log_in(client, dana.email.upper(), next="/bills?month=2026-10")
    assert answer.headers["Location"] == "/bills?month=2026-10"
    page = client.get("/bills")
    assert page.content.decode() == f"acme {dana.email} owner"
    assert page["Cache-Control"] == "private, no-store"
    assert client.get("/login").headers["Location"] == "/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "http:evil", "/\\evil.example"]
)
def test_after_logging_in_nobody_lands_on_another_site(client: Client, target: str):
    dana = a_member(a_tenant())
    assert "evil" not in client.get("/login", {"next": target}).content.decode()
    assert log_in(client, dana.email, next=target).headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_address_look_the_same(client: Client):
    a_user("dana@acme.example")
    pages = [log_in(client, "dana@acme.example", "wrong"), log_in(client, "nobody@acme.example", "wrong")]
    assert [page.status_code for page in pages] == [401, 401]
    first, second = (page.content.decode() for page in pages)
    assert "This email and password do not belong together." in first
    assert 'value="dana@acme.example"' in first  # what was typed stays
    assert "wrong" not in first.replace("dana", "nobody")
    assert first.count("nobody") == 0 and second.count("dana@") == 0


def test_too_many_wrong_passwords_are_429_on_the_page_too(client: Client):
    dana = a_user("dana@acme.example")
    for _ in range(10):
        log_in(client, dana.email, "wrong")
    page = log_in(client, dana.email)
    assert page.status_code == 429
    assert 0 < int(page["Retry-After"]) <= 300
    assert "too many wrong passwords" in page.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_session_ends_with_the_browser_unless_it_is_to_be_kept(client: Client):
    dana = a_user("dana@acme.example")
    log_in(client, dana.email)
    assert client.session.get_expire_at_browser_close()
    client.post("/logout")
    log_in(client, dana.email, keep="on")
    assert client.session.get_expiry_age() == 14 * 24 * 60 * 60


def test_log_in_and_out_ask_for_a_csrf_token():
    dana = a_user("dana@acme.example")
    client = Client(enforce_csrf_checks=True)
    assert log_in(client, dana.email).status_code == 403
    client.force_login(dana)
    assert client.post("/logout").status_code == 403
    assert client.get("/logout").status_code == 405
    assert "_auth_user_id" in client.session


def test_logging_out_ends_the_session(client: Client):
    client.force_login(a_member(a_tenant()))
    assert client.post("/logout").headers["Location"] == "/login"
    assert client.get("/bills").status_code == 302


def test_staff_without_a_tenant_go_to_the_desk(client: Client):
    finance = a_staff_member("finance")
    assert log_in(client, finance.email).headers["Location"] == "/admin/"
    assert client.get("/").headers["Location"] == "/admin/"
    assert client.get("/bills").status_code == 403


def test_an_agent_sees_no_bills_and_a_viewer_pays_none(client: Client):
    acme = a_tenant()
    client.force_login(a_member(acme, "agent"))
    assert client.get("/bills").status_code == 403
    client.force_login(a_member(acme, "viewer"))
    assert client.get("/bills").status_code == 200
    assert client.post("/bills").status_code == 403


def test_who_belongs_to_several_tenants_chooses_one_and_only_of_theirs(client: Client):
    acme, globex = a_tenant("acme"), a_tenant("globex")
    a_tenant("initech")
    dana = a_member(acme)
    a_member(globex, "viewer", dana)
    client.force_login(dana)
    assert client.get("/bills").headers["Location"] == "/tenant?next=%2Fbills"
    page = client.get("/tenant?next=/bills").content.decode()
    assert "Acme" in page and "Globex" in page and "Initech" not in page
    assert client.post("/tenant", {"slug": "initech"}).status_code == 404
    assert client.post("/tenant", {"slug": "nowhere"}).status_code == 404
    assert client.post("/tenant", {"slug": "globex", "next": "/bills"}).headers["Location"] == "/bills"
    assert client.get("/bills").content.decode() == f"globex {dana.email} viewer"
    client.post("/tenant", {"slug": "acme"})
    assert client.get("/bills").content.decode() == f"acme {dana.email} owner"


def test_who_has_left_a_tenant_sees_it_no_more_though_it_was_chosen(client: Client):
    acme, globex = a_tenant("acme"), a_tenant("globex")
    dana = a_member(acme)
    a_member(globex, "viewer", dana)
    client.force_login(dana)
    a_member(globex, "owner")
    client.post("/tenant", {"slug": "globex"})
    dana.memberships.filter(tenant=globex).delete()
    assert client.get("/bills").content.decode() == f"acme {dana.email} owner"


def test_htmx_is_told_to_load_the_log_in_page_as_a_whole(client: Client):
    answer = client.get("/bills", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/login?next=%2Fbills")


def test_the_appearance_is_a_cookie_that_the_page_is_drawn_by(client: Client):
    answer = client.post("/appearance", {"appearance": "dark", "next": "/login"})
    assert answer.headers["Location"] == "/login"
    assert 'data-theme="dark"' in client.get("/login").content.decode()
    client.post("/appearance", {"appearance": '"><script>'})
    assert "data-theme" not in client.get("/login").content.decode()


def test_the_demos_accounts_have_a_button_each_and_only_in_the_demo(client: Client, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    dana = a_member(a_tenant())
    known = {"email": dana.email, "password": PASSWORD}
    told = {"tenants": {"acme": {"id": "1", "owner": known, "apiKey": "cck_x"}}, "staff": {"clerk": known}}
    (tmp_path / "accounts.json").write_text(json.dumps(told))
    assert "Acme: owner" not in client.get("/login").content.decode()
    assert client.post("/login", {"demo": dana.email}).status_code == 400
    settings.DEMO = True
    page = client.get("/login?next=/bills").content.decode()
    assert "Acme: owner" in page and "Staff: clerk" in page and "cck_x" not in page and PASSWORD not in page
    assert client.post("/login", {"demo": "nobody@acme.example"}).status_code == 400
    assert client.post("/login", {"demo": dana.email, "next": "/bills"}).headers["Location"] == "/bills"
    client.post("/logout")
    (tmp_path / "accounts.json").write_text("[1]")
    assert client.get("/login").status_code == 200
