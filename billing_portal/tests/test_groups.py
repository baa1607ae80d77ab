"""The staff groups hold what the table says, and a flush does not lose them."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from billing_portal.groups import PERMISSIONS, SEEN_BY_ALL, sync_groups

pytestmark = pytest.mark.django_db


def held(group):
    return {f"{p.content_type.app_label}.{p.codename}" for p in Group.objects.get(name=group).permissions.all()}


def test_every_permission_that_the_table_names_exists():
    known = {f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.select_related("content_type")}
    assert {name for names in PERMISSIONS.values() for name in names} <= known


@pytest.mark.parametrize("group", PERMISSIONS)
def test_a_group_sees_everything_and_does_what_the_table_says(group):
    seen = {name for name in held(group) if name.split(".")[1].startswith("view_")}
    assert {"payments.view_payment", "payments.view_invoice", "tenants.view_tenant", "usage.view_usagemonth"} <= seen
    assert {name.split(".")[0] for name in seen} <= set(SEEN_BY_ALL)
    assert held(group) - seen == set(PERMISSIONS[group])


def test_a_group_loses_what_the_table_no_longer_names():
    Group.objects.get(name="auditor").permissions.add(Permission.objects.get(codename="refund_payment"))
    sync_groups()
    assert "payments.refund_payment" not in held("auditor")


@pytest.mark.django_db(transaction=True)
def test_a_flush_brings_them_back():
    call_command("flush", interactive=False, verbosity=0)
    assert set(Group.objects.values_list("name", flat=True)) >= set(PERMISSIONS)
    assert "payments.verify_payment" in held("finance")
