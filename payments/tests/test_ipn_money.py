"""What follows from PayPal's messages: the payment is read again from PayPal, and no figure of a message is booked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing_portal.kit.money import Money
from billing_portal.tests import world
from billing_portal.tests.paypal_world import PayPalWorld
from payments.models import Discrepancy, Invoice, LedgerLeg, Payment, ProviderEvent
from payments.tests.ipn_world import CAPTURE, Line, changed, channel, genuine, handled, listened, post, sent
from payments.tests.paypal_payments import agreed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]


def taken_unheard(paypal: PayPalWorld, owner: Client, invoice: Invoice | None = None, cents: int = 2_900) -> Payment:
    """PayPal has taken the money, our capture's answer was lost, and no webhook comes."""
    paypal.panel("POST", "webhooks", {"mode": "drop"})
    payment = agreed(paypal, owner, cents, invoice)
    paypal.fault("drop_after", "/v2/checkout/orders/*/capture")
    assert owner.post(f"/api/payments/paypal/capture/{payment.provider_ref}").status_code == 202
    payment.refresh_from_db()
    assert (payment.status, payment.capture_ref) == ("processing", None)
    return payment


def test_a_capture_whose_webhook_was_lost_is_booked_because_a_message_came(
    paypal: PayPalWorld, acme: Any, owner: Client
) -> None:
    invoice = world.overage_invoice(acme, cents=2_904)
    payment = taken_unheard(paypal, owner, invoice, 2_904)
    paypal.deliver()
    assert set(ProviderEvent.objects.values_list("kind", flat=True)) == {"ipn.express_checkout"}
    payment.refresh_from_db()
    assert payment.status == "processing", "a message moves nothing"
    handled()
    payment.refresh_from_db()
    invoice.refresh_from_db()
    assert (payment.status, payment.amount, invoice.status) == ("succeeded", Money(2_904, "usd"), "paid")
    assert payment.capture_ref == paypal.objects("captures")[0]["id"]
    assert ProviderEvent.objects.get().status == "handled"
    assert paypal.taken() == ["29.04"]


@pytest.mark.parametrize("fields", [{"mc_gross": "99999.00"}, {"mc_gross": "0.01"}, {"mc_currency": "JPY"}])
def test_a_message_that_lies_books_what_paypal_says(paypal: PayPalWorld, owner: Client, fields: dict[str, str]) -> None:
    payment, line = taken_unheard(paypal, owner), listened(paypal)
    line.instead = (200, b"VERIFIED")
    assert post(changed(sent(paypal)[-1], **fields)).status_code == 200
    handled()
    payment.refresh_from_db()
    assert (payment.status, payment.amount) == ("succeeded", Money(2_900, "usd"))
    cash = sum(LedgerLeg.objects.filter(account="cash_paypal").values_list("amount_minor", flat=True))
    assert cash == 2_900 - (payment.fee_minor or 0)


def test_a_message_of_money_that_did_not_come_books_nothing(paypal: PayPalWorld, owner: Client) -> None:
    """PayPal holds a capture back; the message says it is there."""
    paypal.panel("POST", "webhooks", {"mode": "drop"})
    payment = agreed(paypal, owner, 2_922)
    assert owner.post(f"/api/payments/paypal/capture/{payment.provider_ref}").status_code in (200, 202)
    line = listened(paypal)
    line.instead = (200, b"VERIFIED")
    assert post(changed(sent(paypal)[-1], payment_status="Completed", pending_reason=None)).status_code == 200
    handled()
    payment.refresh_from_db()
    assert (payment.status, LedgerLeg.objects.filter(account="cash_paypal").count()) == ("processing", 0)


def test_a_refund_in_paypals_dashboard_is_known_by_its_message(paypal: PayPalWorld, owner: Client) -> None:
    payment = taken_unheard(paypal, owner)
    paypal.deliver()
    handled()
    paypal.panel("POST", "refund", {"id": paypal.objects("captures")[0]["id"], "amount": 1_000})
    paypal.deliver()
    assert "ipn.refunded" in ProviderEvent.objects.values_list("kind", flat=True)
    handled()
    refund = payment.refunds.get()
    assert (refund.status, refund.amount, refund.provider_ref) == (
        "succeeded",
        Money(1_000, "usd"),
        paypal.objects("refunds")[0]["id"],
    )


def test_forged_and_foreign_messages_change_nothing(paypal: PayPalWorld, owner: Client) -> None:
    payment = taken_unheard(paypal, owner)
    body = sent(paypal)[-1]
    post(changed(body, mc_gross="1.00"))
    line = listened(paypal)
    line.instead = (200, b"VERIFIED")
    post(changed(body, receiver_id="SOMEBODYELSE2"))
    handled()
    payment.refresh_from_db()
    assert (payment.status, ProviderEvent.objects.count(), Discrepancy.objects.count()) == ("processing", 0, 0)


def test_a_payment_that_nobody_knows_is_reported_with_what_the_message_says(paypal: PayPalWorld) -> None:
    post(genuine(paypal))
    handled()
    event = ProviderEvent.objects.get()
    assert (event.status, Discrepancy.objects.count()) == ("received", 0), "PayPal's API may lag behind its messages"
    handled(3)
    found = Discrepancy.objects.get()
    assert (found.kind, found.provider, found.provider_ref) == ("unknown_charge", "paypal", CAPTURE)
    assert (found.amount, found.tenant, found.payment) == (Money(2_900, "usd"), None, None)
    assert "PayPal reports a payment we do not know" in found.detail
    event.refresh_from_db()
    assert (event.status, event.note[:9]) == ("ignored", "reported:")
    assert not LedgerLeg.objects.exists() and not Payment.objects.exists()


def test_money_that_went_back_of_it_is_another_matter_for_staff(paypal: PayPalWorld) -> None:
    refunded = {"txn_id": "9RF12345678901234", "parent_txn_id": CAPTURE, "payment_status": "Refunded"}
    post(genuine(paypal, "", **refunded, mc_gross="-5.00", mc_currency="USD"))
    handled(4)
    found = Discrepancy.objects.get()
    assert (found.kind, found.provider_ref, found.amount) == ("unknown_refund", CAPTURE, Money(500, "usd"))


@pytest.mark.parametrize(
    "fields",
    [
        {"payment_status": "Denied", "mc_gross": "29.00", "mc_currency": "USD"},
        {"payment_status": "Completed", "mc_gross": "29.001", "mc_currency": "USD"},
        {"payment_status": "Completed", "mc_gross": "29.00", "mc_currency": "XXX"},
        {"case_id": "PP-1"},
    ],
)
def test_one_that_tells_of_no_money_is_not_reported(paypal: PayPalWorld, fields: dict[str, str]) -> None:
    post(genuine(paypal, txn_id=CAPTURE, **fields))
    handled(4)
    assert (ProviderEvent.objects.get().note, Discrepancy.objects.count()) == ("not a payment of ours", 0)


def test_one_that_paypal_knows_and_we_do_not_is_reported_by_paypals_amount(paypal: PayPalWorld, owner: Client) -> None:
    payment = taken_unheard(paypal, owner)
    reference = payment.provider_ref
    Payment.objects.filter(id=payment.id).update(provider_ref="another", livemode=True)
    line: Line = listened(paypal)
    line.instead = (200, b"VERIFIED")
    post(changed(sent(paypal)[-1], mc_gross="1.00"))
    handled()
    found = Discrepancy.objects.get()
    assert (found.kind, found.provider_ref, found.amount) == ("unknown_charge", reference, Money(2_900, "usd"))


def test_what_another_system_sold_in_the_account_is_its_own(paypal: PayPalWorld, owner: Client, settings: Any) -> None:
    taken_unheard(paypal, owner)
    Payment.objects.update(provider_ref="another", livemode=True)
    channel()._orders._environment = "production"
    post(sent(paypal)[-1])
    handled()
    assert (ProviderEvent.objects.get().note, Discrepancy.objects.count()) == ("not a payment of ours", 0)
