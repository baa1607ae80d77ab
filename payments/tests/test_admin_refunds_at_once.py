"""A refund's form sent by two clicks at once, and approved by two people at once: the money goes back one time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing_portal.testing import Outcomes
from billing_portal.tests import world
from billing_portal.tests.reading import hidden
from payments import queries
from payments.models import Refund
from payments.tests.refund_world import card_payment, refund, tenant
from payments.tests.test_admin_refunds import asked, url
from payments.tests.test_admin_verifying import at_the_desk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe", "books_hold")]


def same_person(client: Client) -> Client:
    """Another tab of the same browser."""
    tab = Client()
    tab.cookies = client.cookies
    return tab


def test_two_clicks_at_once_give_back_once(stripe: Any, live_db: Callable[..., Outcomes[Any]]) -> None:
    finance, payment = at_the_desk("finance"), card_payment(tenant())
    sent = hidden(asked(finance, payment, amount="40"))
    answers = live_db(4, lambda: same_person(finance).post(url(payment, "refund"), sent))
    assert answers.errors == []
    assert {answer.status_code for answer in answers.results} == {302}
    assert len({answer.url for answer in answers.results}) == 1
    assert [each["amount"] for each in stripe.objects("refunds")] == [4_000]
    assert queries.amount_refunded(payment) == 4_000


def test_two_people_who_refund_at_once_give_back_no_more_than_came(
    stripe: Any, live_db: Callable[..., Outcomes[Any]]
) -> None:
    payment = card_payment(tenant())
    desks = [at_the_desk("finance", f"finance{n}@portal.example") for n in range(3)]
    forms = [hidden(asked(desk, payment, amount="60")) for desk in desks]
    answers = live_db(3, lambda number: desks[number].post(url(payment, "refund"), forms[number]))
    assert answers.errors == []
    assert sorted(answer.status_code for answer in answers.results) == [200, 200, 302]
    assert [each["amount"] for each in stripe.objects("refunds")] == [6_000]
    assert Refund.objects.count() == 1


def test_two_people_who_approve_at_once_give_back_once(stripe: Any, live_db: Callable[..., Outcomes[Any]]) -> None:
    payment = card_payment(tenant(), 2_000_000)
    waiting = refund(payment, by=world.user(staff=True))
    desks = [at_the_desk("finance", f"finance{n}@portal.example") for n in range(3)]
    answers = live_db(3, lambda number: desks[number].post(url(waiting, "approve")))
    assert answers.errors == []
    waiting.refresh_from_db()
    assert (waiting.status, [each["amount"] for each in stripe.objects("refunds")]) == ("succeeded", [2_000_000])
