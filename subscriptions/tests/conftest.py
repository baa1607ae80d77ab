"""Fixtures of several test modules here."""

from __future__ import annotations

import pytest
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from payments.tests.paypal_payments import owner_of


@pytest.fixture
def acme() -> Tenant:
    """Without a subscription."""
    return world.tenant(slug="acme")


@pytest.fixture
def owner(acme: Tenant) -> Client:
    """The browser of somebody who may do all that the tenant's people may."""
    return owner_of(acme)
