"""The mirror: what dj-stripe keeps of the events of a whole life of payments, and what becomes of those it can't."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from djstripe import models
from djstripe.signals import WEBHOOK_SIGNALS

from billing_portal.sandbox.stripe.app import StripeSandbox
from billing_portal.tenants.models import Tenant
from billing_portal.tests import world
from payments.providers.stripe import mirror
from payments.tests.mirror.life import KEY, a_life, fail, keep_all, sent, told

pytestmark = pytest.mark.django_db
TRIED_AGAIN = ("html_500", "drop_before")  # by the SDK itself


def test_every_event_of_a_life_is_kept_with_its_objects(sandbox: StripeSandbox, api: Any) -> None:
    customer = a_life(api, sandbox)
    events = told(sandbox)
    keep_all(sandbox)
    kinds = {event["type"] for event in events}
    assert {"customer.created", "charge.succeeded", "charge.refunded", "payment_intent.payment_failed"} <= kinds
    assert {"payment_method.detached", "charge.dispute.created", "setup_intent.succeeded"} <= kinds
    assert set(models.Event.objects.values_list("id", flat=True)) == {event["id"] for event in events}
    assert models.Customer.objects.get().id == customer
    assert models.PaymentIntent.objects.count() == 5
    assert {each.stripe_data["amount"] for each in models.Refund.objects.all()} == {900}
    assert models.Dispute.objects.count() == 1


def test_what_it_keeps_was_read_again(sandbox: StripeSandbox, api: Any) -> None:
    customer = api.customers.create({"email": "old@acme.example"}).id
    (event,) = told(sandbox, "customer.created")
    api.customers.update(customer, {"email": "new@acme.example"})
    mirror.keep(event)
    assert models.Customer.objects.get().email == "new@acme.example"


def test_an_event_known_already_asks_nobody(sandbox: StripeSandbox, api: Any) -> None:
    api.customers.create({"email": "a@acme.example"})
    (event,) = told(sandbox, "customer.created")
    as_sent = json.dumps(event)
    mirror.keep(event)
    asked = len(sent(sandbox))
    mirror.keep(event)
    assert len(sent(sandbox)) == asked
    assert models.Event.objects.count() == 1
    assert json.dumps(event) == as_sent, "the caller's payload stays as it is"


@pytest.mark.parametrize("kind", ["customer.created", "customer.updated"])
def test_a_customer_links_itself_to_its_tenant(sandbox: StripeSandbox, api: Any, kind: str) -> None:
    acme, _other = world.tenant("acme"), world.tenant("other")
    customer = api.customers.create(
        {"email": "a@acme.example", "metadata": {"djstripe_subscriber": str(acme.id), "tenant_id": str(acme.id)}}
    ).id
    api.customers.update(customer, {"name": "Acme"})
    (event,) = told(sandbox, kind)
    mirror.keep(event)
    assert acme.djstripe_customers.get().id == customer
    assert acme.email == acme.billing_email


def test_a_customer_of_nobody_is_kept_without_a_tenant(sandbox: StripeSandbox, api: Any) -> None:
    api.customers.create({"email": "a@b.example", "metadata": {"djstripe_subscriber": str(uuid4())}})
    keep_all(sandbox)
    assert models.Customer.objects.get().subscriber is None


@pytest.mark.parametrize("fault", ["html_500", "garbage", "drop_before", "rate_limit"])
def test_what_fails_leaves_nothing_and_can_be_given_again(sandbox: StripeSandbox, api: Any, fault: str) -> None:
    api.customers.create({"email": "a@acme.example"})
    (event,) = told(sandbox, "customer.created")
    fail(
        sandbox, "/v1/customers*", fault, times=1 if fault in ("rate_limit", "garbage") else 2
    )  # what the SDK tries again
    with pytest.raises(mirror.MirrorFailed) as raised:
        mirror.keep(event)
    assert KEY not in str(raised.value)
    assert not models.Event.objects.exists() and not models.Customer.objects.exists()
    mirror.keep(event)
    assert models.Event.objects.count() == models.Customer.objects.count() == 1


def test_what_it_stumbles_over_has_our_name(sandbox: StripeSandbox) -> None:
    with pytest.raises(mirror.MirrorFailed):
        mirror.keep({"id": "evt_1", "type": "customer.created"})
    assert not models.Event.objects.exists()


def test_the_end_of_a_tasks_time_is_no_failure_of_the_mirror(sandbox: StripeSandbox, api: Any) -> None:
    def out_of_time(**_: Any) -> None:
        raise SoftTimeLimitExceeded

    api.customers.create({"email": "a@acme.example"})
    (event,) = told(sandbox, "customer.created")
    WEBHOOK_SIGNALS["customer.created"].connect(out_of_time)
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            mirror.keep(event)
    finally:
        WEBHOOK_SIGNALS["customer.created"].disconnect(out_of_time)
    assert not models.Event.objects.exists()


def test_it_does_not_wait_for_a_verb_that_holds_the_tenant(sandbox: StripeSandbox, live_db: Any, api: Any) -> None:
    """Linking a customer locks the tenant's key alone, which the verbs' own lock leaves free."""
    acme = world.tenant("acme")
    api.customers.create({"email": "a@acme.example", "metadata": {"djstripe_subscriber": str(acme.id)}})
    (event,) = told(sandbox, "customer.created")

    def link(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
            try:
                mirror.keep(event)
            finally:
                cursor.execute("RESET lock_timeout")  # the connection goes back to the pool

    with transaction.atomic():
        Tenant.objects.select_for_update(no_key=True).get(pk=acme.pk)
        live_db(1, link)
        assert acme.djstripe_customers.count() == 1
