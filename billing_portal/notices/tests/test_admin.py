"""The outbox at the desk: parked messages are seen and tried again by those who may."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.tests.people import a_staff_member

pytestmark = pytest.mark.django_db
LIST = "/admin/notices/outboxmessage/"


@pytest.fixture
def parked():
    return OutboxMessage.objects.create(
        topic="payment.moved",
        payload={"paymentId": "7"},
        parked_at=timezone.now(),
        attempts=12,
        last_error="TimeoutError: <b>late</b>",
    )


def desk(group):
    client = Client()
    client.force_login(a_staff_member(group))
    return client


def url(message, what):
    return reverse(f"admin:notices_outboxmessage_{what}", args=[message.pk])


def test_a_parked_message_says_why_and_is_tried_again(parked):
    finance = desk("finance")
    text = finance.get(url(parked, "change")).content.decode()
    assert "TimeoutError: &lt;b&gt;late&lt;/b&gt;" in text and "paymentId" in text
    assert "Try it again" in finance.get(url(parked, "try_this_again")).content.decode()
    parked.refresh_from_db()
    assert parked.parked_at
    finance.post(url(parked, "try_this_again"))
    parked.refresh_from_db()
    assert parked.parked_at is None and parked.attempts == 0
    assert url(parked, "try_this_again") not in finance.get(url(parked, "change")).content.decode()


def test_several_are_tried_again_from_the_list(parked):
    desk("finance").post(LIST, {"action": "try_again", "_selected_action": [str(parked.pk)]})
    parked.refresh_from_db()
    assert parked.parked_at is None


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_others_look(parked, group):
    client = desk(group)
    assert client.get(url(parked, "change")).status_code == 200
    assert client.post(url(parked, "try_this_again")).status_code == 403
    client.post(LIST, {"action": "try_again", "_selected_action": [str(parked.pk)]})
    parked.refresh_from_db()
    assert parked.parked_at
