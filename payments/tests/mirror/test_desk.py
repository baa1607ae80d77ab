"""The mirror at the desk: one place, read by everybody of the staff and changed by nobody, with amounts as they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from djstripe import models

from billing_portal.kit.desk import BooksAdmin
from billing_portal.tests import world
from payments.providers.stripe.mirror_admin import SHOWN
from payments.tests.mirror.rows import one_of_each

pytestmark = pytest.mark.django_db


@pytest.fixture
def mirrored() -> dict[str, Any]:
    return one_of_each(world.tenant("acme"))


def page_of(client: Client, row: Any) -> str:
    opts = row._meta
    return client.get(reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])).content.decode()


def test_only_what_is_shown_has_pages_and_all_of_it_is_read_only() -> None:
    pages = {model: page for model, page in admin.site._registry.items() if model._meta.app_label == "djstripe"}
    assert set(pages) == set(SHOWN)
    assert all(isinstance(page, BooksAdmin) for page in pages.values())
    assert not any(page.get_action_choices(None, []) for page in pages.values() if page.actions)
    assert len(list(apps.get_app_config("djstripe").get_models())) > 50, "the rest has none"


@pytest.mark.parametrize("group", ["clerk", "finance", "auditor", "support"])
def test_everybody_of_the_staff_finds_it_at_one_place(client: Client, mirrored: dict[str, Any], group: str) -> None:
    client.force_login(world.user(staff=True, groups=(group,)))
    listed = client.get("/admin/djstripe/")
    places = [item for part in listed.context["sidebar_navigation"] for item in part["items"]]
    here = [item for item in places if item["active"]]
    assert [(item["title"], item["link"]) for item in here] == [("Stripe mirror", "/admin/djstripe/")]
    assert [item["title"] for item in places if "djstripe" in item["link"]] == ["Stripe mirror"]
    body = listed.content.decode()
    assert "Stripe mirror" in body and "/admin/djstripe/charge/" in body
    assert "/admin/djstripe/charge/add/" not in body
    for row in mirrored.values():
        assert row.id in page_of(client, row)


def test_who_may_not_look_finds_nothing(client: Client, mirrored: dict[str, Any]) -> None:
    client.force_login(world.user(staff=True))
    assert client.get("/admin/djstripe/charge/").status_code == 403
    assert "djstripe" not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("name", ["ch_1", "pi_1", "du_1", "txn_1"])
def test_an_amount_is_what_stripe_said(client: Client, mirrored: dict[str, Any], name: str) -> None:
    client.force_login(world.user(staff=True, is_superuser=True))
    row = mirrored[name]
    assert "¥5,000" in page_of(client, row)
    listed = client.get(reverse(f"admin:djstripe_{row._meta.model_name}_changelist")).content.decode()
    assert "¥5,000" in listed and "¥50" not in listed.replace("¥5,000", "")


def test_no_page_shows_a_client_secret(client: Client, mirrored: dict[str, Any]) -> None:
    client.force_login(world.user(staff=True, is_superuser=True))
    for row in mirrored.values():
        assert "_secret_" not in page_of(client, row)


def test_a_customer_leads_to_its_tenant_and_is_found_by_it(client: Client, mirrored: dict[str, Any]) -> None:
    client.force_login(world.user(staff=True, groups=("support",)))
    assert f"/admin/tenants/tenant/{mirrored['cus_1'].subscriber_id}/change/" in page_of(client, mirrored["cus_1"])
    found = client.get("/admin/djstripe/customer/", {"q": "acme"}).context["cl"].result_list
    assert [each.id for each in found] == ["cus_1"]


@pytest.mark.parametrize("name", ["APIKey", "WebhookEndpoint", "IdempotencyKey", "Account"])
def test_pages_of_dj_stripe_itself_are_gone(client: Client, name: str) -> None:
    client.force_login(world.user(staff=True, is_superuser=True))
    assert client.get(f"/admin/djstripe/{name.lower()}/").status_code == 404
    assert client.get("/admin/djstripe/customer/add/").status_code == 403
    assert models.Customer.objects.count() == 0


def test_a_list_reads_its_rows_at_once(
    client: Client, mirrored: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    client.force_login(world.user(staff=True, is_superuser=True))
    for number in range(20):
        models.Charge.objects.create(
            id=f"ch_more_{number}", amount="1.00", currency="usd", status="succeeded", customer=mirrored["cus_1"]
        )
    with django_assert_max_num_queries(12):
        assert client.get("/admin/djstripe/charge/").status_code == 200
