"""Payments as their tenant sees them: the list, and one with its story and where the money went."""

from uuid import uuid4

import pytest

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.reading import queries, words
from billing_portal.tests.world import at
from payments.actions.charging import start_payment
from payments.actions.opening import MethodChoice
from payments.actions.recording import reject_manual_payment, verify_manual_payment

pytestmark = pytest.mark.django_db


def a_check(tenant, cents, *, verified=True, **facts):
    payment = world.check_for(
        tenant, cents, world.user(staff=True, name="Priya Nair"), now=at("2026-10-05 09:00"), **facts
    )
    if verified:
        finance = world.user(staff=True, name="Marc Olsen")
        verify_manual_payment(
            payment_id=payment.id, verifier=finance, actor=world.staff_actor(finance), now=at("2026-10-06 09:00")
        )
    return payment


def see(client, tenant, path):
    client.force_login(world.member(tenant))
    answer = client.get(path)
    assert answer.status_code == 200
    return words(answer)


def test_the_list_names_payments_by_what_stands_on_them(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme)
    a_check(acme, 2_000, invoice=invoice, reference="10497")
    assert f"Check 10497 Oct 5, 2026 · {invoice.number} Oct 5, 2026 Succeeded {invoice.number} $20.00" in see(
        client, acme, "/payments"
    )


def test_a_new_tenant_reads_what_will_be_here(client):
    assert "No payments yet" in see(client, world.tenant(), "/payments")


def test_what_was_paid_over_is_credit_and_the_story_follows_it(client):
    acme = world.subscribed()
    invoice = world.overage_invoice(acme, cents=12_000)
    payment = a_check(acme, 12_500, invoice=invoice, reference="10411")
    seen = see(client, acme, f"/payments/{payment.id}")
    assert "Paid $125.00 Oct 5 Used for invoices $120.00" in seen
    assert "Left as credit $5.00 used for your next invoice" in seen
    assert f"The money is here $120.00 went to {invoice.number}, which is now paid. $5.00 became your credit." in seen
    assert "Oct 6, 09:00 UTC · by Marc Olsen, our billing desk" in seen
    assert "Check 10411 recorded $125.00. Oct 5, 09:00 UTC · by Priya Nair, our billing desk" in seen
    assert "Your next invoice uses the rest $5.00 of it is left." in seen

    later = world.overage_invoice(acme, cents=700, month="2026-10")
    seen = words(client.get(f"/payments/{payment.id}"))
    assert f"$5.00 of its credit paid {later.number}" in seen
    assert "Left as your credit $0.00" in seen


def test_a_declared_wire_says_who_told_us_and_what_comes_next(client):
    acme = world.subscribed()
    dana = world.member(acme)
    payment = start_payment(
        tenant=acme,
        amount=Money(2_000_000, "usd"),
        choice=MethodChoice("wire", "W-9001"),
        actor=Actor(ActorKind.USER, dana.id, dana.email),
        now=at("2026-10-05 09:00"),
    )
    client.force_login(dana)
    seen = words(client.get(f"/payments/{payment.id}"))
    assert "We check that the money is here It is then your credit. Two people look at a payment of this size." in seen
    assert "You told us about wire W-9001 $20,000.00. Oct 5, 09:00 UTC · by you" in seen
    assert "Where the money went" not in seen


def test_a_rejected_check_gives_the_reason(client):
    acme = world.subscribed()
    payment = a_check(acme, 2_000, verified=False, reference="10512")
    reject_manual_payment(
        payment_id=payment.id, reason="Closed account", actor=world.SYSTEM, now=at("2026-10-07 09:00")
    )
    seen = see(client, acme, f"/payments/{payment.id}")
    assert "Payment of $20.00 Rejected" in seen
    assert "We did not find the money Closed account" in seen


def test_yen_have_no_cents(client):
    kanto = world.subscribed(world.plan_price("jpy"))
    payment = a_check(kanto, 2_900)
    assert "Payment of ¥2,900" in see(client, kanto, f"/payments/{payment.id}")


def test_another_tenants_payment_looks_like_one_that_does_not_exist(client):
    payment = a_check(world.subscribed(), 2_000, reference="10497")
    client.force_login(world.member(world.subscribed()))
    theirs, nobodys = client.get(f"/payments/{payment.id}"), client.get(f"/payments/{uuid4()}")
    assert theirs.status_code == nobodys.status_code == 404
    assert words(theirs).rpartition("Request")[0] == words(nobodys).rpartition("Request")[0]


@pytest.mark.parametrize("path", ["/payments", "/payments/{id}"])
def test_an_agent_may_see_no_payment(client, path):
    acme = world.subscribed()
    payment = a_check(acme, 2_000, reference="10497")
    client.force_login(world.member(acme, "agent"))
    answer = client.get(path.format(id=payment.id))
    assert answer.status_code == 403
    assert "10497" not in words(answer)


def test_pages_take_as_many_queries_for_many_payments_as_for_few(client):
    acme = world.subscribed()
    client.force_login(world.member(acme))
    payment = a_check(acme, 1_000)
    few = queries(client, "/payments")
    for number in range(5):
        a_check(acme, 2_000 + number)
    assert queries(client, "/payments") == few <= 8
    assert queries(client, f"/payments/{payment.id}") <= 16
