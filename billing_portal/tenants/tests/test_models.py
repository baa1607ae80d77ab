"""What the database itself holds to about people, tenants and keys."""

import pghistory.models
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing_portal.kit.actors import Actor
from billing_portal.kit.errors import BadInput
from billing_portal.tenants.actions.creating import SlugTaken, create_tenant
from billing_portal.tenants.actions.joining import add_member
from billing_portal.tenants.actions.keys import create_api_key, revoke_api_key
from billing_portal.tenants.models import ApiKey, Membership, Tenant, User
from billing_portal.tenants.tests.people import BY_TEST, LONG_AGO, a_member, a_tenant, a_user

pytestmark = pytest.mark.django_db


def refused_by_the_database(change):
    with pytest.raises(IntegrityError), transaction.atomic():
        change()


def test_two_people_cannot_share_an_address_in_whatever_case():
    assert a_user("Dana@Acme.example").email == "dana@acme.example"
    refused_by_the_database(lambda: a_user("DANA@ACME.EXAMPLE"))
    refused_by_the_database(lambda: User.objects.bulk_create([User(email="Dana@acme.example")]))


def test_an_address_is_found_in_whatever_case():
    dana = a_user("dana@acme.example")
    assert User.objects.get_by_natural_key(" DANA@acme.example") == dana


@pytest.mark.parametrize("slug", ["Acme", "acme_1", "-acme", "acme--two", "", "acme/..", "acmé"])
def test_a_slug_is_plain(slug: str):
    with pytest.raises(ValidationError) as refused:
        a_tenant(slug)
    assert set(refused.value.message_dict) >= {"slug"}
    refused_by_the_database(lambda: Tenant.objects.create(slug=slug, name="x", billing_email="x@example.com"))


def test_a_slug_belongs_to_one_tenant():
    a_tenant("acme")
    with pytest.raises(SlugTaken) as refused:
        create_tenant(slug="acme", name="Other", billing_email="x@example.com", actor=BY_TEST, now=LONG_AGO)
    assert refused.value.errors[0].field == "slug"


@pytest.mark.parametrize(
    "facts", [{"time_zone": "Mars/Olympus"}, {"currency": "USD"}, {"currency": "zzz"}, {"tax_percent": -1}]
)
def test_a_tenant_with_a_fact_that_cannot_be_is_refused(facts: dict):
    with pytest.raises(ValidationError) as refused:
        a_tenant("acme", **facts)
    assert set(refused.value.message_dict) == set(facts)


def test_a_membership_is_one_and_has_a_known_role():
    acme = a_tenant()
    dana = a_member(acme, "viewer")
    refused_by_the_database(lambda: Membership.objects.create(tenant=acme, user=dana, role="owner"))
    refused_by_the_database(lambda: Membership.objects.update(role="emperor"))


def test_joining_twice_changes_the_role_and_both_stay_in_history():
    acme = a_tenant()
    dana = a_member(acme, "viewer")
    boss = Actor.system("boss")
    add_member(tenant=acme, user=dana, role="billing", actor=boss, now=LONG_AGO)
    add_member(tenant=acme, user=dana, role="billing", actor=boss, now=LONG_AGO)
    events = Membership.objects.get().events.order_by("pgh_id")
    assert [(event.pgh_label, event.role) for event in events] == [("insert", "viewer"), ("update", "billing")]
    assert [event.pgh_context.metadata["actor"] for event in events] == ["test", "boss"]


def test_leaving_stays_in_history():
    a_member(a_tenant())
    Membership.objects.all().delete()
    leaving = pghistory.models.Events.objects.filter(pgh_model="tenants.MembershipEvent", pgh_label="delete")
    assert leaving.count() == 1


def test_history_knows_neither_passwords_nor_hashes_and_no_log_in_writes_any():
    dana = a_user("dana@acme.example")
    create_api_key(tenant=a_tenant(), name="n", scopes=["usage:write"], actor=BY_TEST, now=LONG_AGO)
    dana.last_login = timezone.now()
    dana.set_password("another one altogether")
    dana.save()
    ApiKey.objects.update(last_used_at=timezone.now())
    assert [event.pgh_label for event in dana.events.all()] == ["insert"]
    assert [event.pgh_label for event in ApiKey.objects.get().events.all()] == ["insert"]
    fields = {field.name for model in (User, ApiKey) for field in model.pgh_event_models["insert"]._meta.get_fields()}
    assert not fields & {"password", "hash"}


def test_a_key_shows_its_prefix_and_stores_only_a_hash():
    key, secret = create_api_key(tenant=a_tenant(), name="server", scopes=["usage:write"], actor=BY_TEST, now=LONG_AGO)
    assert secret.startswith("cck_") and len(secret) > 40
    assert key.prefix == secret[:12]
    stored = " ".join(str(value) for value in ApiKey.objects.values().get().values())
    assert secret not in stored and secret[12:] not in stored


@pytest.mark.parametrize("scopes", [[], ["billing:everything"], ["usage:write", "x"]])
def test_a_key_has_known_scopes(scopes: list[str]):
    with pytest.raises(BadInput) as refused:
        create_api_key(tenant=a_tenant(), name="n", scopes=scopes, actor=BY_TEST, now=LONG_AGO)
    assert [error.field for error in refused.value.errors] == ["scopes"]
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_once():
    key, _ = create_api_key(tenant=a_tenant(), name="n", scopes=["usage:write"], actor=BY_TEST, now=LONG_AGO)
    assert revoke_api_key(key_id=key.id, actor=BY_TEST, now=LONG_AGO)
    assert not revoke_api_key(key_id=key.id, actor=BY_TEST, now=timezone.now())
    key.refresh_from_db()
    assert key.revoked_at == LONG_AGO
