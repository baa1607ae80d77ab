"""PayPal's messages at the desk: read by everybody of the staff, changed by nobody."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from paypal.standard.ipn.models import PayPalIPN

from billing_portal.tenants.tests.people import a_staff_member
from billing_portal.tests.paypal_world import PayPalWorld
from payments.tests.ipn_world import CAPTURE, changed, genuine, listened, post, sent

pytestmark = pytest.mark.django_db


def test_the_desk_reads_messages_and_changes_none(paypal: PayPalWorld) -> None:
    line = listened(paypal)
    post(genuine(paypal))
    post(changed(sent(paypal)[0], memo="<b>forged</b>") + b"&no_value&&")
    desk = Client()
    desk.force_login(a_staff_member("auditor"))
    listed = desk.get(reverse("admin:ipn_paypalipn_changelist"))
    assert (listed.status_code, listed.content.decode().count("29.00 USD")) == (200, 2)
    assert b"reverify" not in listed.content.lower()
    assert desk.get(reverse("admin:ipn_paypalipn_add")).status_code == 403
    first, forged = PayPalIPN.objects.order_by("id")
    page = desk.get(reverse("admin:ipn_paypalipn_change", args=[forged.pk])).content.decode()
    assert "did not send this" in page and "&lt;b&gt;forged&lt;/b&gt;" in page
    assert CAPTURE in desk.get(reverse("admin:ipn_paypalipn_change", args=[first.pk])).content.decode()
    assert desk.post(reverse("admin:ipn_paypalipn_change", args=[first.pk]), {"flag": "on"}).status_code == 403
    assert len(line.asked) == 2, "looking asks nobody"
