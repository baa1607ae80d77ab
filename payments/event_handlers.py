"""What follows when money moves, and when a provider says that it did: the outbox's handlers and the inbox's."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.dates import long_text, period_text
from billing_portal.kit.money import Money
from billing_portal.notices import mail, outbox
from billing_portal.notices.mail import Mail
from billing_portal.notices.outbox import Message
from payments import method_queries, queries
from payments.actions import capturing, hearsay, stopping, syncing, unwanted
from payments.actions.collecting import charged_to, collect_invoice
from payments.actions.giving_up import abandon_payment, cancel_payment
from payments.actions.syncing_methods import sync_methods
from payments.errors import PaymentNotOpen
from payments.inbox.registry import HandledEvent, handles
from payments.models import Invoice, Payment, Refund
from payments.naming import provider_name
from payments.providers.facts import Topic


@outbox.handles("invoice.issued")
def invoice_issued(message: Message) -> None:
    """Send the invoice to the tenant's billing address, with how to pay it."""
    invoice = Invoice.objects.select_related("tenant").get(id=message.payload["invoiceId"])
    assert invoice.issued_at and invoice.due_at and invoice.period_start and invoice.period_end
    open_minor = queries.amounts(invoice).open
    with timezone.override(invoice.tenant.zone), transaction.atomic():
        mail.write(
            Mail(
                to=invoice.tenant.billing_email,
                template="invoice_issued",
                facts={
                    "number": str(invoice),
                    "period": period_text(invoice.period_start, invoice.period_end),
                    "amount": money_text(invoice.total),
                    "open": money_text(Money(open_minor, invoice.currency)) if open_minor else "",
                    "due_on": long_text(invoice.due_at),
                    "remittance_code": invoice.remittance_code,
                    "charged_to": charged_to(invoice, message.now),
                    "button_label": f"Open {invoice}",
                    "button_url": f"{settings.PUBLIC_URL}/invoices/{invoice.id}",
                },
            ),
            tenant=invoice.tenant,
            now=message.now,
            dedupe_key=f"mail:{message.id}",
        )


@outbox.handles("invoice.collect")
def invoice_collect(message: Message) -> None:
    """Charge it to the tenant's default method, if there is one."""
    collect_invoice(invoice_id=UUID(message.payload["invoiceId"]), actor=Actor.system("collect"), now=message.now)


@outbox.handles("bill.stop")
def bill_stop(message: Message) -> None:
    """Its provider must not collect it any more: somebody has brought the money."""
    stopping.stop(invoice_id=UUID(message.payload["invoiceId"]), actor=Actor.system("stop_collecting"), now=message.now)


@outbox.handles("bill.paid")
def bill_paid(message: Message) -> None:
    """Its provider hears that it was paid to us."""
    stopping.say_paid(invoice_id=UUID(message.payload["invoiceId"]), actor=Actor.system("say_paid"), now=message.now)


@outbox.handles("payment.abandoned")
def payment_abandoned(message: Message) -> None:
    """A payment that failed is closed at the provider too."""
    abandon_payment(payment_id=UUID(message.payload["paymentId"]), actor=Actor.system("abandon"), now=message.now)


@outbox.handles("payment.unneeded")
def payment_unneeded(message: Message) -> None:
    """Its invoice was paid otherwise while it waited for its payer: it is given up. Finished by then, it is booked."""
    with suppress(PaymentNotOpen):
        cancel_payment(payment_id=UUID(message.payload["paymentId"]), actor=Actor.system("give_up"), now=message.now)


@outbox.handles("payment.unwanted")
def payment_unwanted(message: Message) -> None:
    """It was taken for nothing: it goes back, unless it has paid something else by now."""
    unwanted.give_back(
        payment_id=UUID(message.payload["paymentId"]),
        why=message.payload["why"],
        actor=Actor.system("give_back"),
        now=message.now,
    )


@outbox.handles("payment.moved")
def payment_moved(message: Message) -> None:
    """Tell the tenant that the money is here, that nobody found it, or that a charge made in their absence needs them.
    Who was there has seen the rest."""
    payment = Payment.objects.select_related("tenant", "invoice").get(id=message.payload["paymentId"])
    template = _template(payment, message.payload["status"])
    if template is None:
        return
    with timezone.override(payment.tenant.zone):
        facts = {
            "amount": money_text(payment.amount),
            "method": payment.method,
            "reference": payment.reference or "",
            "received_on": long_text(payment.received_on or payment.updated_at),
            "what_it_paid": _what_it_paid(payment),
            "what_for": str(payment.invoice) if payment.invoice else "Your payment",
            "where": _where_it_came_from(payment),
            "reason": payment.failure_message or "",
        }
        _tell(payment, template, facts, message)


def _template(payment: Payment, status: str) -> str | None:
    absent = payment.off_session or payment.method == Payment.Method.US_BANK_ACCOUNT
    if status == Payment.Status.FAILED and (absent or _was_on_its_way(payment)):
        return "payment_failed"
    if status == Payment.Status.REQUIRES_ACTION and absent and payment.status == status:
        return "payment_needs_confirming"
    return {"succeeded": "payment_received", "rejected": "payment_rejected"}.get(status)


def _was_on_its_way(payment: Payment) -> bool:
    """Its payer had left with the word that the money comes: a review of PayPal's may end days later."""
    moves = queries.history("payment", payment.id)
    return moves.filter(old=Payment.Status.PROCESSING, new=Payment.Status.FAILED).exists()


def _what_it_paid(payment: Payment) -> str:
    """A sentence for each invoice it went to, and one for what is left."""
    sentences = [
        f"{money_text(Money(part.amount_minor, payment.currency))} went to invoice {part.invoice.number}."
        for part in payment.allocations.select_related("invoice")
    ]
    if left := queries.unallocated(payment):
        sentences.append(f"{money_text(Money(left, payment.currency))} is credit for your next invoice.")
    return " ".join(sentences)


@outbox.handles("refund.succeeded")
def refund_succeeded(message: Message) -> None:
    """Tell the tenant that money is on its way back to where it came from, or is credit now."""
    refund = Refund.objects.select_related("payment__tenant").get(id=message.payload["refundId"])
    with timezone.override(refund.payment.tenant.zone):
        facts = {
            "amount": money_text(refund.amount),
            "paid_on": long_text(refund.payment.succeeded_at or refund.payment.created_at),
            "payment_amount": money_text(refund.payment.amount),
            "is_credit": "yes" if refund.destination == "credit" else "",
            "where": _where_it_came_from(refund.payment),
            "reason": refund.reason,
        }
        _tell(refund.payment, "refund_sent", facts, message)


@outbox.handles("payment.returned")
def payment_returned(message: Message) -> None:
    """Tell the tenant that the bank took a payment back, and what is to be paid again."""
    payment = Payment.objects.select_related("tenant").get(id=message.payload["paymentId"])
    open_again = Invoice.objects.filter(id__in=message.payload["invoiceIds"]).order_by("number")
    with timezone.override(payment.tenant.zone):
        facts = {
            "amount": money_text(Money(message.payload["amount"], payment.currency)),
            "payment_amount": money_text(payment.amount),
            "paid_on": long_text(payment.succeeded_at or payment.created_at),
            "invoices": ", ".join(str(invoice) for invoice in open_again),
            "how_many": str(len(open_again)),
            "who": "PayPal" if payment.method == Payment.Method.PAYPAL else "Your bank",
        }
        _tell(payment, "payment_returned", facts, message)


def _tell(payment: Payment, template: str, facts: dict[str, str], message: Message) -> None:
    button = {"button_label": "Open the payment", "button_url": f"{settings.PUBLIC_URL}/payments/{payment.id}"}
    with transaction.atomic():
        mail.write(
            Mail(to=payment.tenant.billing_email, template=template, facts={**facts, **button}),
            tenant=payment.tenant,
            now=message.now,
            dedupe_key=f"mail:{message.id}",
        )


def _where_it_came_from(payment: Payment) -> str:
    """ "your Visa card ending in 4242"."""
    kinds = {"card": "card", "us_bank_account": "bank account", "paypal": "PayPal account"}
    kind = kinds.get(payment.method, payment.method)
    brand = f"{payment.method_brand.title()} " if payment.method_brand else ""
    return f"your {brand}{kind}{f' ending in {payment.method_last4}' if payment.method_last4 else ''}"


@handles(Topic.PAYMENT, Topic.REFUND, Topic.DISPUTE)
def money_moved(event: HandledEvent) -> str | None:
    """Read the payment again, with what came back of it: whichever of the three it was, that is the whole truth."""
    actor = Actor(ActorKind.PROVIDER, None, provider_name(event.provider))
    payment = syncing.sync_by_reference(
        provider=event.provider, payment_ref=event.object_ref, actor=actor, now=event.now
    )
    if payment is None:
        return hearsay.look_into(
            provider=event.provider,
            payment_ref=event.object_ref,
            payload=event.payload,
            attempt=event.attempt,
            now=event.now,
        )
    capturing.take_if_agreed(payment, actor=actor, now=event.now)
    return None


@handles(Topic.METHOD)
def methods_changed(event: HandledEvent) -> str | None:
    """Saved, renewed by its bank, or detached: read again what the tenant has."""
    tenant = method_queries.tenant_behind(event.provider, event.object_ref)
    if tenant is None:
        return "not of a customer of ours"
    sync_methods(tenant=tenant, now=event.now)
    return None
