"""The desk: keys are shown once, people keep their passwords to themselves, history names who did it."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing_portal.tenants.models import ApiKey, Membership, Tenant, User
from billing_portal.tenants.tests.people import a_key, a_member, a_staff_member, a_tenant, a_user, bearer

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client) -> Client:
    """The admin as a superuser sees it."""
    client.force_login(a_user("root@portal.example", is_staff=True, is_superuser=True))
    return client


def test_a_key_made_at_the_desk_works_and_its_secret_is_shown_once(desk):
    acme = a_tenant()
    page = desk.post(
        reverse("admin:tenants_apikey_add"),
        {
            "tenant": acme.id,
            "name": "server",
            "scopes": ["usage:write", "billing:read"],
            "expires_at_0": "",
            "expires_at_1": "",
        },
        follow=True,
    )
    (secret,) = set(re.findall(r"cck_[\w-]{20,}", page.content.decode()))
    key = ApiKey.objects.get()
    assert key.scopes == ["billing:read", "usage:write"]
    assert key.created_by.email == "root@portal.example"
    assert bearer(secret).get("/api/auth/me").json()["tenants"][0]["slug"] == "acme"
    for url in (reverse("admin:tenants_apikey_changelist"), reverse("admin:tenants_apikey_change", args=[key.id])):
        shown = desk.get(url).content.decode()
        assert key.prefix in shown
        assert secret not in shown and key.hash not in shown


def test_nothing_about_a_key_changes_but_that_it_is_revoked(desk: Client):
    secret = a_key(a_tenant())
    key = ApiKey.objects.get()
    desk.post(reverse("admin:tenants_apikey_change", args=[key.id]), {"name": "other", "scopes": ["usage:write"]})
    assert desk.post(reverse("admin:tenants_apikey_delete", args=[key.id]), {"post": "yes"}).status_code == 403
    assert ApiKey.objects.get().name == "test"
    desk.post(reverse("admin:tenants_apikey_changelist"), {"action": "revoke", "_selected_action": [key.id]})
    assert ApiKey.objects.get().revoked_at
    assert bearer(secret).get("/api/auth/me").status_code == 401


def test_a_person_is_made_with_a_password_that_nobody_can_read(desk: Client):
    fields = {"email": "Dana@acme.example", "name": "Dana", "usable_password": "true"}
    words = "four words nobody guesses"
    desk.post(reverse("admin:tenants_user_add"), {**fields, "password1": words, "password2": words})
    dana = User.objects.get(email="dana@acme.example")
    assert dana.check_password(words)
    page = desk.get(reverse("admin:tenants_user_change", args=[dana.id])).content.decode()
    assert dana.password not in page
    again = desk.post(
        reverse("admin:tenants_user_add"),
        {**fields, "email": "DANA@acme.example", "password1": words, "password2": words},
    )
    assert "Somebody has this e-mail address already." in again.content.decode()


def test_a_tenant_and_its_members_are_made_at_the_desk_and_history_says_by_whom(desk):
    dana = a_user("dana@acme.example")
    answer = desk.post(
        reverse("admin:tenants_tenant_add"),
        {
            "name": "Acme", "slug": "acme", "billing_email": "billing@acme.example", "time_zone": "America/New_York",
            "payment_terms_days": 30, "memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0,
            "memberships-0-user": str(dana.id), "memberships-0-role": "owner", "closed_at_0": "", "closed_at_1": "",
        },
    )  # fmt: skip
    assert answer.status_code == 302
    acme = Tenant.objects.get()
    assert acme.currency is None
    assert Membership.objects.get().role == "owner"
    assert acme.events.get().pgh_context.metadata["actor"] == "root@portal.example"
    assert Membership.objects.get().events.get().pgh_context.metadata["actor"] == "root@portal.example"
    bad = desk.post(reverse("admin:tenants_tenant_change", args=[acme.id]), {"name": "Acme", "time_zone": "Mars"})
    assert "Mars is not a time zone." in bad.content.decode()


def test_history_names_who_removed_members_from_a_list(desk: Client):
    gone = a_member(a_tenant()).memberships.get()
    chosen = {"action": "delete_selected", "_selected_action": [gone.id], "post": "yes"}
    desk.post(reverse("admin:tenants_membership_changelist"), chosen)
    assert not Membership.objects.exists()
    removal = Membership.pgh_event_models["delete"].objects.get(pgh_label="delete")
    assert removal.pgh_context.metadata["actor"] == "root@portal.example"


def test_who_may_change_people_gives_nobody_more_power_and_gets_into_no_staff_account(client: Client):
    keeper, root = a_user("keeper@portal.example", is_staff=True), a_user("root@portal.example", is_superuser=True)
    dana = a_member(a_tenant())
    keeper.user_permissions.set(
        Permission.objects.filter(content_type__app_label="tenants", codename__in=["view_user", "change_user"])
    )
    client.force_login(keeper)
    powers = {"email": dana.email, "name": "Dana R", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert client.post(reverse("admin:tenants_user_change", args=[dana.id]), powers).status_code == 302
    dana.refresh_from_db()
    assert (dana.name, dana.is_staff, dana.is_superuser) == ("Dana R", False, False)
    for other in (root, keeper):
        assert client.post(reverse("admin:tenants_user_change", args=[other.id]), powers).status_code == 403
        secret = {"usable_password": "true", "password1": "four words nobody", "password2": "four words nobody"}
        assert client.post(reverse("admin:auth_user_password_change", args=[other.id]), secret).status_code == 403


def test_neither_tenants_nor_people_are_deleted(desk: Client):
    dana = a_member(a_tenant())
    assert (
        desk.post(reverse("admin:tenants_tenant_delete", args=[Tenant.objects.get().id]), {"post": "yes"}).status_code
        == 403
    )
    assert desk.post(reverse("admin:tenants_user_delete", args=[dana.id]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("group", ["clerk", "finance", "auditor", "support"])
def test_every_group_looks_and_none_makes_keys_or_people(client: Client, group: str):
    a_key(a_member(a_tenant()).memberships.get().tenant)
    client.force_login(a_staff_member(group))
    for model in ("tenant", "user", "membership", "apikey"):
        assert client.get(reverse(f"admin:tenants_{model}_changelist")).status_code == 200
        assert client.get(reverse(f"admin:tenants_{model}_add")).status_code == 403
    client.post(
        reverse("admin:tenants_apikey_changelist"), {"action": "revoke", "_selected_action": [ApiKey.objects.get().id]}
    )
    assert ApiKey.objects.get().revoked_at is None


def test_a_tenants_member_does_not_get_to_the_desk(client: Client):
    client.force_login(a_member(a_tenant()))
    assert client.get("/admin/").status_code == 302


def test_a_change_at_the_desk_leaves_alone_what_others_changed_meanwhile(desk: Client):
    tenant = Tenant.objects.create(slug="acme", name="Acme", billing_email="a@acme.example")
    url = f"/admin/tenants/tenant/{tenant.id}/change/"
    opened = desk.get(url).context["adminform"].form.initial
    form = {name: "" if value is None else value for name, value in opened.items()}
    form |= {f"memberships-{each}": 0 for each in ("TOTAL_FORMS", "INITIAL_FORMS")} | {"name": "Acme Support"}
    real = Tenant.save

    def somebody_is_faster(self, *args, **kwargs):
        Tenant.objects.filter(id=self.id).update(currency="usd")
        real(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tenant, "save", somebody_is_faster)
        answer = desk.post(url, form)
    assert answer.status_code == 302, answer.context["errors"]
    tenant.refresh_from_db()
    assert (tenant.name, tenant.currency) == ("Acme Support", "usd")
