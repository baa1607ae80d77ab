"""PayPal's messages at the desk: read by everybody of the staff, changed by nobody."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from paypal.standard.ipn.models import PayPalIPN

from billing_portal.tenants.tests.people import a_staff_member
from billing_portal.tests.paypal_world import PayPalWorld
from payments.tests.ipn_world import CAPTURE, genuine, listened, post, sent

pytestmark = pytest.mark.django_db


def test_the_desk_reads_messages_and_changes_none(paypal: PayPalWorld) -> None:
    line = listened(paypal)
    message = {"txn_id": CAPTURE, "payment_status": "Completed", "mc_gross": "29.00", "mc_currency": "USD"}
    post(genuine(paypal, **message, memo="<b>bold</b>"))
    post(sent(paypal)[0])
    desk = Client()
    desk.force_login(a_staff_member("auditor"))
    listed = desk.get(reverse("admin:ipn_paypalipn_changelist"))
    assert (listed.status_code, listed.content.decode().count("29.00 USD")) == (200, 2)
    assert b"reverify" not in listed.content.lower()
    assert desk.get(reverse("admin:ipn_paypalipn_add")).status_code == 403
    first, copy = PayPalIPN.objects.order_by("id")
    page = desk.get(reverse("admin:ipn_paypalipn_change", args=[copy.pk])).content.decode()
    assert "Sent by PayPal, and odd: Duplicate" in page and "&lt;b&gt;bold&lt;/b&gt;" in page
    assert CAPTURE in desk.get(reverse("admin:ipn_paypalipn_change", args=[first.pk])).content.decode()
    assert desk.post(reverse("admin:ipn_paypalipn_change", args=[first.pk]), {"flag": "on"}).status_code == 403
    assert len(line.asked) == 2, "looking asks nobody"
