"""Comparing our books with PayPal's, both ways: what no event told of is found, and mended or listed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from billing_portal.invariants import check_books
from billing_portal.tests import world
from billing_portal.tests.paypal_agreement import paypal_books_agree
from billing_portal.tests.paypal_world import PayPalWorld
from payments import tasks
from payments.actions import reconciling
from payments.actions.reconciling import BOOKS_DIFFER, Reconciled, reconcile
from payments.models import Discrepancy, Dispute, ProviderEvent, Refund
from payments.providers import breaker, registry
from payments.providers.base import TakesPayments
from payments.providers.paypal import one_by_one
from payments.tests.paypal_payments import agreed, asked_elsewhere, begun, capture, owner_of, paid, swept

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_hold(paypal: PayPalWorld) -> Iterator[None]:
    """Ours; and ours against PayPal's, where a test does not say that they can't."""
    breaker.forget()
    yield
    if Discrepancy.objects.filter(closed_at=None, kind__in=BOOKS_DIFFER).exists():
        assert check_books()[1] == []
    else:
        paypal_books_agree(paypal)


@pytest.fixture
def owner() -> Client:
    return owner_of(world.subscribed(slug="acme"))


def compared(*, days: int = 7, seconds: int | None = None) -> Reconciled:
    provider = registry.named("paypal", TakesPayments)
    assert provider
    now = timezone.now()
    patience = None if seconds is None else timedelta(seconds=seconds)
    since = now - timedelta(days=days)
    return reconcile(provider=provider, since=since, actor=world.SYSTEM, now=now, patience=patience)


def silent(paypal: PayPalWorld) -> None:
    """No webhook arrives from now on."""
    paypal.panel("POST", "webhooks", {"mode": "drop"})


def test_what_no_event_told_of_is_found_by_comparing(paypal: PayPalWorld, owner: Client) -> None:
    silent(paypal)
    closed_tab = agreed(paypal, owner, 1_100)
    lapsed = agreed(paypal, owner, 1_200)
    paypal.settle(lapsed.provider_ref or "", "denied")
    refunded, reversed_, disputed = (paid(paypal, owner, cents) for cents in (1_300, 1_400, 1_500))
    paypal.panel("POST", "refund", {"id": refunded.provider_ref, "amount": 300})
    paypal.settle(reversed_.capture_ref or "", "reversed", amount=400, code="CHARGEBACK")
    paypal.settle(disputed.capture_ref or "", "disputed")
    found = compared()
    assert found.agrees and not found.failed
    assert {refunded.id, reversed_.id, disputed.id, lapsed.id} <= found.synced
    assert (Refund.objects.get().payment_id, Refund.objects.get().amount_minor) == (refunded.id, 300)
    held = Dispute.objects.values_list("payment_id", "status", "withdrawn_minor")
    assert set(held) == {(reversed_.id, "lost", 400), (disputed.id, "open", 0)}
    lapsed.refresh_from_db()
    assert lapsed.status == "canceled"
    swept(minutes=6)
    closed_tab.refresh_from_db()
    assert closed_tab.status == "succeeded"
    again = compared()
    assert again.agrees and not again.synced, "the second time there is nothing to do"
    assert not ProviderEvent.objects.exists()


def test_a_capture_whose_answer_and_event_are_lost_is_found_by_comparing(paypal: PayPalWorld, owner: Client) -> None:
    silent(paypal)
    payment = agreed(paypal, owner)
    paypal.fault("drop_after", "/v2/checkout/orders/*/capture")
    capture(owner, payment)
    assert compared().agrees
    payment.refresh_from_db()
    assert (payment.status, payment.outcome_unknown, paypal.taken()) == ("succeeded", False, ["29.00"])


def test_an_order_that_its_payer_left_is_closed_by_comparing(paypal: PayPalWorld, owner: Client) -> None:
    payment = begun(owner)
    later = (timezone.now() + timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    paypal.panel("POST", "clock", {"now": later})
    assert compared().agrees
    payment.refresh_from_db()
    assert payment.status == "canceled"


def test_money_that_no_payment_of_ours_stands_for_is_listed(paypal: PayPalWorld, owner: Client) -> None:
    units = [
        {"reference_id": "test", "amount": {"currency_code": "USD", "value": "5.00"}, "custom_id": "nobody"},
        {"reference_id": "staging", "amount": {"currency_code": "USD", "value": "6.00"}, "custom_id": "nobody"},
    ]
    for number, unit in enumerate(units):
        order = asked_elsewhere(
            "/v2/checkout/orders", {"intent": "CAPTURE", "purchase_units": [unit]}, key=f"order {number}"
        )
        paypal.approve(order["id"])
        asked_elsewhere(f"/v2/checkout/orders/{order['id']}/capture", {}, key=f"capture {number}")
    found = compared()
    assert not found.agrees
    (listed,) = found.discrepancies
    assert (listed.kind, listed.amount_minor) == ("unknown_charge", 500), "another environment's is its own"


def test_a_payment_that_paypal_does_not_know_is_listed(paypal: PayPalWorld, owner: Client) -> None:
    payment = paid(paypal, owner)
    paypal.panel("POST", "reset")
    found = compared()
    assert [(each.kind, each.payment_id) for each in found.discrepancies] == [("missing_at_provider", payment.id)]
    assert not found.agrees
    payment.refresh_from_db()
    assert payment.status == "succeeded", "nobody takes it back on that word"


class Line:
    """Counts what PayPal is asked; `refuse` of a path is answered 500 each time, `seconds` is how long a call takes by
    the clock that measures a run, `rewrite` changes every answer."""

    def __init__(self, paypal: PayPalWorld, patch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self.refuse: Callable[[httpx.Request], bool] = lambda request: False
        self.rewrite = (b"", b"")
        self.seconds = self.clock = 0.0
        self._handle = paypal.transport.handle_request
        patch.setattr(paypal.transport, "handle_request", self._answer)
        patch.setattr(reconciling, "monotonic", lambda: self.clock)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        self.clock += self.seconds
        if self.refuse(request):
            return httpx.Response(500, content=b"<html>")
        answer = self._handle(request)
        return httpx.Response(answer.status_code, content=answer.read().replace(*self.rewrite))


@pytest.fixture
def line(paypal: PayPalWorld, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr("payments.providers.paypal.client.time.sleep", lambda seconds: None)
    return Line(paypal, monkeypatch)


def test_payments_that_the_events_show_to_agree_are_not_read(paypal: PayPalWorld, owner: Client, line: Line) -> None:
    for number in range(5):
        paid(paypal, owner, 3_000 + number)
    line.paths.clear()
    found = compared()
    assert (found.agrees, found.theirs, found.synced) == (True, 5, set())
    assert not [path for path in line.paths if "/captures/" in path or "/orders/" in path]


def test_what_the_events_show_to_differ_is_read_and_told(paypal: PayPalWorld, owner: Client, line: Line) -> None:
    payment = paid(paypal, owner, 2_900)
    paid(paypal, owner, 3_100)
    line.rewrite = (b'"29.00"', b'"29.50"')
    found = compared()
    assert not found.agrees and found.synced == {payment.id}
    assert [(each.kind, each.amount_minor) for each in found.discrepancies] == [("amount_differs", 2_950)]


def test_money_of_nobody_is_read_before_it_is_told(paypal: PayPalWorld, owner: Client, line: Line) -> None:
    """An event of a capture does not say which environment of the account made the order."""
    unit = {"reference_id": "staging", "amount": {"currency_code": "USD", "value": "6.00"}, "custom_id": "nobody"}
    order = asked_elsewhere("/v2/checkout/orders", {"intent": "CAPTURE", "purchase_units": [unit]}, key="order")
    paypal.approve(order["id"])
    capture_ref = asked_elsewhere(f"/v2/checkout/orders/{order['id']}/capture", {}, key="capture")["id"]
    assert compared().agrees
    line.refuse = lambda request: request.url.path.endswith(capture_ref)
    found = compared()
    assert (found.agrees, len(found.failed)) == (False, 1), "who can't be asked about it does not call it another's"
    paypal.panel("POST", "reset")


def test_a_part_that_fails_keeps_none_of_the_others(
    paypal: PayPalWorld, owner: Client, line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    silent(paypal)
    waiting = agreed(paypal, owner, 1_100)
    paypal.settle(waiting.provider_ref or "", "denied")
    refunded, disputed = paid(paypal, owner, 1_300), paid(paypal, owner, 1_500)
    paypal.panel("POST", "refund", {"id": refunded.provider_ref, "amount": 300})
    paypal.settle(disputed.capture_ref or "", "disputed")
    line.refuse = lambda request: request.url.params.get("event_type") == "PAYMENT.CAPTURE.COMPLETED"
    found = compared()
    assert not found.agrees
    (told,) = found.failed
    assert told.startswith("payments: not finished")
    waiting.refresh_from_db()
    assert (waiting.status, Refund.objects.get().amount_minor) == ("canceled", 300)
    assert Dispute.objects.get().payment_id == disputed.id
    with pytest.raises(CommandError):
        call_command("reconcile", "--json")
    assert json.loads(capsys.readouterr().out)["providers"][0]["failed"] == found.failed


def test_what_runs_out_of_time_keeps_none_of_the_others(paypal: PayPalWorld, owner: Client, line: Line) -> None:
    silent(paypal)
    many = [paid(paypal, owner, 1_000 + number) for number in range(6)]
    for each in many:
        paypal.panel("POST", "refund", {"id": each.provider_ref, "amount": 100})
    disputed = paid(paypal, owner, 1_500)
    paypal.settle(disputed.capture_ref or "", "disputed")
    line.seconds = 1
    found = compared(seconds=60)
    assert [told.partition(":")[0] for told in found.failed] == ["refunds"] and not found.agrees
    assert 0 < Refund.objects.count() < 6 and Dispute.objects.get().payment_id == disputed.id
    line.seconds = 0
    assert compared(seconds=60).agrees


def test_one_that_can_not_be_read_keeps_none_of_the_others(paypal: PayPalWorld, owner: Client, line: Line) -> None:
    silent(paypal)
    first, second, third = (paid(paypal, owner, cents) for cents in (1_100, 1_200, 1_300))
    for each in (first, second, third):
        paypal.panel("POST", "refund", {"id": each.provider_ref, "amount": 100})
    away = second.capture_ref or "", second.provider_ref or ""
    refund = paypal.objects("refunds")[1]["id"]
    line.refuse = lambda request: request.url.path.endswith((*away, refund))
    found = compared()
    assert [told.partition(":")[0] for told in found.failed] == [f"payment {second.id}"]
    assert set(Refund.objects.values_list("payment_id", flat=True)) == {first.id, third.id}
    line.refuse = lambda request: False
    assert compared().agrees
    breaker.forget()


def test_when_one_after_the_other_can_not_be_read_nobody_waits_for_the_rest(
    paypal: PayPalWorld, owner: Client, line: Line
) -> None:
    silent(paypal)
    payment = paid(paypal, owner)
    for _ in range(12):
        paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 100})
    line.paths.clear()
    line.refuse = lambda request: "/payments/refunds/" in request.url.path
    found = compared()
    assert len([path for path in line.paths if "/payments/refunds/" in path]) == 2 * one_by_one.MOST_IN_A_ROW
    assert not found.agrees and "refunds: not finished" in found.failed[-1]
    line.refuse = lambda request: False
    breaker.forget()
    assert compared().agrees


def test_what_came_back_and_can_not_be_seen_any_more_is_no_agreement(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(paypal)
    payment = paid(paypal, owner)
    paypal.panel("POST", "refund", {"id": payment.provider_ref, "amount": 500})
    paypal.settle(payment.capture_ref or "", "reversed", amount=600, code="CHARGEBACK")
    handle = paypal.transport.handle_request
    gone = httpx.Response(404, json={"name": "RESOURCE_NOT_FOUND", "details": [{"issue": "INVALID_RESOURCE_ID"}]})

    def forgetful(request: httpx.Request) -> httpx.Response:
        if "/v2/checkout/orders/" in request.url.path:
            return gone
        if request.url.params.get("event_type") == "PAYMENT.CAPTURE.REFUNDED":
            return httpx.Response(200, json={"events": []})
        return handle(request)

    monkeypatch.setattr(paypal.transport, "handle_request", forgetful)
    found = compared()
    assert [(each.kind, each.payment_id) for each in found.discrepancies] == [("missing_at_provider", payment.id)]
    assert not found.agrees


def test_the_nights_run_says_how_much_is_left_for_people(
    paypal: PayPalWorld, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(paypal, owner)
    assert tasks.reconcile() == 0
    monkeypatch.setattr(tasks, "PATIENCE", timedelta(0))
    assert tasks.reconcile() > 0, "what there was no time for is not known to agree"
