"""Fixtures of several test modules here."""

from __future__ import annotations

import pytest
from django.test import Client

from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from payments.inbox import registry
from payments.providers.facts import Topic
from payments.tests.inbox_world import Recorder
from payments.tests.paypal_payments import owner_of


@pytest.fixture
def acme() -> Tenant:
    """With a subscription that is paid by invoice."""
    return world.subscribed(slug="acme")


@pytest.fixture
def owner(acme: Tenant) -> Client:
    """The browser of somebody who may do all that the tenant's people may."""
    return owner_of(acme)


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Handles payments, refunds and disputes for the time of a test."""
    recorder = Recorder()
    for topic in (Topic.PAYMENT, Topic.REFUND, Topic.DISPUTE):
        monkeypatch.setitem(registry._handlers, topic, recorder)
    return recorder
