"""Usage months at the desk: what was used, and closing one after seeing what it bills."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from billing_portal.tests import world
from billing_portal.tests.reading import hidden
from payments.models import Invoice
from usage.models import UsageMonth

pytestmark = pytest.mark.django_db
LIST = "/admin/usage/usagemonth/"


@pytest.fixture
def finance(client):
    client.force_login(world.user("finance@portal.example", staff=True, groups=("finance",)))
    return client


@pytest.fixture
def month():
    acme = world.subscribed(slug="acme")
    world.call(acme, "7600", world.at("2026-09-10"))
    return UsageMonth.objects.get(tenant=acme, label="2026-09")


def url(month, what="change"):
    return reverse(f"admin:usage_usagemonth_{what}", args=[month.pk])


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_a_month_shows_its_totals_and_what_is_not_billed(finance, month):
    text = finance.get(url(month)).content.decode()
    for words in ("Outbound", "7,600 minutes", "7,500", "$0.012", "$90.00"):
        assert words in text, words
    nobody = world.tenant()
    world.call(nobody, "12.5", world.at("2026-09-10"))
    text = finance.get(url(UsageMonth.objects.get(tenant=nobody))).content.decode()
    assert "kept, not billed" in text and "12.5 minutes" in text


def test_closing_shows_first_and_bills_then(finance, month):
    asked = finance.get(url(month, "close_month")).content.decode()
    for words in ("Close September", "An invoice is issued", "Outbound minutes over the allowance", "$90.00"):
        assert words in asked, words
    assert not Invoice.objects.exists()
    shown = hidden(finance.get(url(month, "close_month")))
    answer = finance.post(url(month, "close_month"), shown)
    invoice = Invoice.objects.get()
    assert f"invoiced, {invoice.number} over $90.00." in told(answer)
    assert invoice.total_minor == 9_000
    assert "was closed before" in told(finance.post(url(month, "close_month"), shown))
    assert Invoice.objects.count() == 1
    assert url(month, "close_month") not in finance.get(url(month)).content.decode()


def test_a_month_that_runs_is_not_closed(finance, month):
    month.ends_at = "2999-10-01T00:00Z"
    month.save()
    page = finance.get(url(month, "close_month"))
    assert "Close it" not in page.content.decode()
    assert "be closed yet" in told(finance.post(url(month, "close_month")))
    assert not Invoice.objects.exists()


def test_a_call_that_comes_after_the_look_is_shown_before_it_is_billed(finance, month):
    asked = finance.get(url(month, "close_month"))
    world.call(month.tenant, "100", world.at("2026-09-11"))
    again = finance.post(url(month, "close_month"), hidden(asked))
    text = again.content.decode()
    assert "has changed meanwhile" in text and "$91.20" in text
    assert not Invoice.objects.exists() and not UsageMonth.objects.exclude(closed_at=None).exists()
    finance.post(url(month, "close_month"), hidden(again))
    invoice = Invoice.objects.get()
    assert (invoice.total_minor, invoice.number[-6:]) == (9_120, "000001")


def test_who_has_not_seen_what_is_billed_bills_nothing(finance, month):
    for shown in ({}, {"shown": "x"}):
        assert "What closing does" in finance.post(url(month, "close_month"), shown).content.decode()
    chosen = {"action": "close_chosen", "_selected_action": [str(month.pk)], "confirmed": "yes"}
    assert "What closing does" in finance.post(LIST, chosen).content.decode()
    assert not Invoice.objects.exists() and not UsageMonth.objects.exclude(closed_at=None).exists()


def test_of_several_those_that_changed_are_shown_again_and_the_others_are_closed(finance, month):
    other = world.subscribed(slug="other")
    world.call(other, "7600", world.at("2026-09-10"))
    asked = finance.post(
        LIST, {"action": "close_chosen", "_selected_action": [str(each.pk) for each in UsageMonth.objects.all()]}
    )
    world.call(month.tenant, "100", world.at("2026-09-11"))
    again = finance.post(LIST, {**hidden(asked), "confirmed": "yes"})
    assert "has changed meanwhile" in again.content.decode() and "Close September" in again.content.decode()
    assert Invoice.objects.get().tenant == other
    assert finance.post(LIST, {**hidden(again), "confirmed": "yes"}).status_code == 302
    assert Invoice.objects.get(tenant=month.tenant).total_minor == 9_120


def test_several_are_closed_at_once(finance, month):
    other = world.subscribed(slug="other")
    world.call(other, "5", world.at("2026-09-10"))
    chosen = {"action": "close_chosen", "_selected_action": [str(each.pk) for each in UsageMonth.objects.all()]}
    asked = finance.post(LIST, chosen)
    text = asked.content.decode()
    assert "Close 2 months?" in text and "nothing to bill" in text
    assert not Invoice.objects.exists()
    answer = finance.post(LIST, {**hidden(asked), "confirmed": "yes"})
    assert "invoiced" in told(answer) and "there was nothing to bill" in told(answer)
    assert not UsageMonth.objects.filter(closed_at=None).exists()


@pytest.mark.parametrize("group", ["clerk", "auditor", "support"])
def test_who_may_not_close_looks(client, month, group):
    client.force_login(world.user(staff=True, groups=(group,)))
    assert url(month, "close_month") not in client.get(url(month)).content.decode()
    assert client.get(url(month, "close_month")).status_code == 403
    assert client.post(url(month, "close_month")).status_code == 403
    client.post(LIST, {"action": "close_chosen", "_selected_action": [str(month.pk)], "confirmed": "yes"})
    assert UsageMonth.objects.filter(closed_at=None).exists()
