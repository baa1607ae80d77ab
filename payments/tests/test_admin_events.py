"""Provider events at the desk: seen by all of the staff, handled again by those who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing_portal.tenants.tests.people import a_staff_member
from payments.inbox import registry
from payments.models import ProviderEvent
from payments.providers.facts import Topic
from payments.tests.inbox_world import Recorder, told

pytestmark = pytest.mark.django_db
LIST = "/admin/payments/providerevent/"


@pytest.fixture
def parked(stripe: Any, monkeypatch: pytest.MonkeyPatch) -> ProviderEvent:
    monkeypatch.setitem(registry._handlers, Topic.PAYMENT, Recorder())
    event = told("evt_1")
    ProviderEvent.objects.update(
        status="parked",
        attempts=12,
        note="TimeoutError: <b>late</b>",
        payload={"id": "evt_1", "data": {"object": {"description": "<i>ü</i>", "client_secret": "pi_1_secret_abcdef"}}},
    )
    event.refresh_from_db()
    return event


def desk(group: str) -> Client:
    client = Client()
    client.force_login(a_staff_member(group))
    return client


def url(event: ProviderEvent, what: str) -> str:
    return reverse(f"admin:payments_providerevent_{what}", args=[event.pk])


def test_a_parked_event_says_why_and_is_handled_again(parked: ProviderEvent) -> None:
    finance = desk("finance")
    text = finance.get(url(parked, "change")).content.decode()
    assert "Parked after its last try: TimeoutError: &lt;b&gt;late&lt;/b&gt;" in text
    assert "&lt;i&gt;ü&lt;/i&gt;" in text
    assert "abcdef" not in text
    assert "Handle it again" in finance.get(url(parked, "handle_again")).content.decode()
    parked.refresh_from_db()
    assert parked.status == "parked", "to ask is not to do"
    finance.post(url(parked, "handle_again"))
    parked.refresh_from_db()
    assert (parked.status, parked.attempts, parked.note) == ("received", 0, "")
    assert url(parked, "handle_again") not in finance.get(url(parked, "change")).content.decode()


def test_several_are_handled_again_from_the_list_and_the_others_are_counted(parked: ProviderEvent) -> None:
    unknown = told("evt_2", "po_1", topic=None, kind="payout.paid")
    chosen = {"action": "handle_chosen_again", "_selected_action": [str(parked.pk), str(unknown.pk)]}
    text = desk("finance").post(LIST, chosen, follow=True).content.decode()
    assert "To be handled again: 1." in text
    assert "Left as they are: 1." in text
    assert dict(ProviderEvent.objects.values_list("event_id", "status")) == {"evt_1": "received", "evt_2": "unhandled"}


def test_a_kind_that_the_adapter_has_learned_meanwhile_is_handled(parked: ProviderEvent) -> None:
    learned = told("evt_2", "pi_2", topic=None)
    desk("finance").post(url(learned, "handle_again"))
    learned.refresh_from_db()
    assert (learned.status, learned.topic) == ("received", "payment")


@pytest.mark.parametrize("query", ["status__exact=parked", "provider=stripe", "topic=payment", "q=pi_1", "q=evt_1"])
def test_it_is_found_by_what_it_is(parked: ProviderEvent, query: str) -> None:
    told("evt_2", "cus_2", topic=None, kind="customer.created")
    ProviderEvent.objects.filter(event_id="evt_2").update(provider="paypal")
    found = desk("auditor").get(f"{LIST}?{query}").context["cl"].queryset
    assert [event.event_id for event in found] == ["evt_1"]


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_others_look(parked: ProviderEvent, group: str) -> None:
    client = desk(group)
    assert client.get(url(parked, "change")).status_code == 200
    assert client.post(url(parked, "handle_again")).status_code == 403
    client.post(LIST, {"action": "handle_chosen_again", "_selected_action": [str(parked.pk)]})
    parked.refresh_from_db()
    assert parked.status == "parked"


def test_the_sidebar_counts_what_is_parked(parked: ProviderEvent) -> None:
    page = desk("finance").get("/admin/")
    places = {item["title"]: item for group in page.context["sidebar_navigation"] for item in group["items"]}
    assert places["Parked events"]["badge"] == "1"
    assert "badge" not in places["Provider events"]
