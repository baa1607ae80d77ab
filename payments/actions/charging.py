"""Start a payment: our own row first, then the provider, then settling."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from billing_portal.kit.actors import Actor, ActorKind
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BadInput, IdempotencyMismatch
from billing_portal.kit.money import Money
from billing_portal.tenants.models import Tenant
from payments import collect_queries, method_queries, queries
from payments.actions import driving, paying_bills
from payments.actions.addresses import with_addresses
from payments.actions.giving_up import make_way
from payments.actions.opening import (
    MethodChoice,
    Wish,
    locked_open_invoice,
    open_offline_payment,
    open_provider_payment,
    payable_invoice,
)
from payments.actions.syncing_methods import sync_methods
from payments.errors import (
    AmountExceedsDue,
    CurrencyMismatch,
    InvalidAmount,
    MandateRequired,
    MethodNotFound,
    OtherMethodType,
    PaymentInProgress,
    PossibleDuplicate,
)
from payments.models import Invoice, Payment
from payments.provider_answers import as_answers
from payments.providers import registry
from payments.providers.base import ApprovesLater, Charges, ReceivesOffline, TakesPayments

DUPLICATE_WINDOW = timedelta(seconds=60)


def start_payment(
    *,
    tenant: Tenant,
    amount: Money,
    choice: MethodChoice,
    actor: Actor,
    now: datetime,
    description: str = "",
    invoice_id: UUID | None = None,
    key: str | None = None,
    off_session: bool = False,
    spreads: bool = False,
) -> Payment:
    """What a tenant pays, or declares to have sent. The same `key` finds the payment it made the first time, for ever,
    and finishes it where it was left.

    1. What of this invoice still waits for its payer, or for an answer that was lost, is given up or cleared up first.
    2. Under the tenant's lock: look for the key, check what is due, refuse a likely second click, insert the row.
       Commit.
    3. Ask the provider, with no transaction open; its answer goes through `settling`. A decline is a payment that is
       `failed`, a lost answer one that is `processing`; a step that is left to the payer comes with `client_secret`.
       Offline money has nobody to ask: it waits for staff, whoever declared it.
    Raises NotFound (invoice), MethodNotFound, MandateRequired, OtherMethodType, AmountExceedsDue, InvalidAmount,
    AlreadyPaid, InvoiceNotOpen, CollectedByProvider, PartOfBill, CurrencyMismatch, PossibleDuplicate,
    IdempotencyMismatch, BadInput (a method nobody here takes), and what `provider_answers` makes of a provider that
    did nothing.
    """
    provider = registry.provider_for(choice.method)
    if isinstance(provider, ReceivesOffline):
        wish = Wish(amount, choice, description, key)
        payment, _ = _open(provider, tenant, invoice_id, wish, actor, now)
        return payment
    if not isinstance(provider, TakesPayments):
        raise BadInput("This way of paying is not offered here.", code="method_not_offered", field="paymentMethod.type")
    if isinstance(provider, Charges):
        _check_method(tenant, provider, choice, now)
    elif isinstance(provider, ApprovesLater):
        choice = with_addresses(choice)
    wish = Wish(amount, choice, description, key, off_session, spreads)
    if not (key and queries.payments(tenant).filter(client_key=key).exists()):
        if invoice_id:
            _check_due(payable_invoice(tenant, invoice_id), provider, wish)
        check_amount(provider, amount)
        if invoice_id:
            make_way(tenant=tenant, invoice_id=invoice_id, actor=actor, now=now)
    try:
        return _start(provider, tenant, invoice_id, wish, actor, now)
    except driving.StartAgain:
        return _start(provider, tenant, invoice_id, wish, actor, now)


def _start(
    provider: TakesPayments, tenant: Tenant, invoice_id: UUID | None, wish: Wish, actor: Actor, now: datetime
) -> Payment:
    payment, is_new = _open(provider, tenant, invoice_id, wish, actor, now)
    payment = driving.drive(payment_id=payment.id, is_first=is_new, actor=actor, now=now)
    if wish.key and not is_new and payment.client_key is None:
        # What the first try had begun never reached anybody, and has just ended: this is a new one.
        payment, is_new = _open(provider, tenant, invoice_id, wish, actor, now)
        payment = driving.drive(payment_id=payment.id, is_first=is_new, actor=actor, now=now)
    return payment


def _open(
    provider: TakesPayments | ReceivesOffline,
    tenant: Tenant,
    invoice_id: UUID | None,
    wish: Wish,
    actor: Actor,
    now: datetime,
) -> tuple[Payment, bool]:
    """The row, committed, and whether it is new."""
    with transaction.atomic():
        # NO KEY UPDATE: rows that point at the tenant can still be written by others. What it says now is what counts.
        tenant = Tenant.objects.select_for_update(no_key=True).get(id=tenant.id)
        if wish.key and (earlier := queries.payments(tenant).filter(client_key=wish.key).first()):
            return _same_request(earlier, invoice_id, wish), False
        invoice = locked_open_invoice(tenant, invoice_id) if invoice_id else None
        if invoice:
            _check_due(invoice, provider, wish)
            _refuse_second_open_one(invoice, provider)
        if tenant.currency not in (None, wish.amount.currency):
            raise CurrencyMismatch(asked=wish.amount.currency, billed=tenant.currency)
        # What a provider charges for an invoice is held back from what is due: that stops the second click by itself.
        if not wish.key and (invoice is None or isinstance(provider, ReceivesOffline)):
            _refuse_second_click(tenant, invoice, wish, now)
        if isinstance(provider, TakesPayments):
            return open_provider_payment(
                provider=provider,
                tenant=tenant,
                invoice=invoice,
                wish=wish,
                pays_bill=paying_bills.is_its_bill(invoice, provider),
                actor=actor,
                now=now,
            ), True
        return open_offline_payment(
            provider=provider,
            tenant=tenant,
            invoice=invoice,
            wish=wish,
            declared_by_tenant=actor.kind is not ActorKind.STAFF,
            actor=actor,
            now=now,
        ), True


def _same_request(earlier: Payment, invoice_id: UUID | None, wish: Wish) -> Payment:
    made = (
        earlier.amount,
        earlier.invoice_id,
        MethodChoice(
            earlier.method,
            earlier.reference,
            earlier.received_on,
            earlier.method_ref,
            earlier.saves_method,
            earlier.return_url,
            earlier.cancel_url,
        ),
    )
    if made != (wish.amount, invoice_id, wish.choice):
        raise IdempotencyMismatch
    return earlier


def _check_due(invoice: Invoice, provider: TakesPayments | ReceivesOffline, wish: Wish) -> None:
    """Raises CurrencyMismatch, AmountExceedsDue for more than it can take, with what waits beside it when the wish
    spreads, and what `paying_bills.check_way` raises."""
    if wish.amount.currency != invoice.currency:
        raise CurrencyMismatch(asked=wish.amount.currency, billed=invoice.currency)
    due = Money(max(0, queries.amounts(invoice).payable), invoice.currency)
    if due and wish.spreads and isinstance(provider, TakesPayments):
        due += collect_queries.waiting_beside(invoice, provider)
    if wish.amount > due:
        raise AmountExceedsDue(asked=wish.amount, due=due)
    paying_bills.check_way(invoice, wish.amount)


def _refuse_second_open_one(invoice: Invoice, provider: TakesPayments | ReceivesOffline) -> None:
    """One open provider payment for each invoice, also for a part of it; the database holds it too."""
    if isinstance(provider, ReceivesOffline):
        return
    open_ones = invoice.payments.filter(status__in=[*queries.RESERVING, Payment.Status.REQUIRES_ACTION])
    if other := open_ones.first():
        raise PaymentInProgress(paymentId=str(other.id))


def check_amount(provider: TakesPayments, amount: Money) -> None:
    """Raises BadInput for a currency that the provider does not take, InvalidAmount for an amount that it does not."""
    limits = provider.limits(amount.currency)
    if limits is None:
        raise BadInput(
            f"{amount.currency.upper()} can't be paid this way.", code="currency_not_supported", field="currency"
        )
    if amount < limits.least:
        raise InvalidAmount(f"The least that can be paid this way is {money_text(limits.least)}.")
    if limits.most and amount > limits.most:
        raise InvalidAmount(f"The most that can be paid at once this way is {money_text(limits.most)}.")
    if amount.minor % limits.step:
        step = money_text(Money(limits.step, amount.currency))
        raise InvalidAmount(f"What is paid this way is counted in steps of {step}.")


def _check_method(tenant: Tenant, provider: Charges, choice: MethodChoice, now: datetime) -> None:
    """A saved method must be the tenant's own, and of the type that is named. A card may also be new; a bank account
    never: its mandate comes with the saving."""
    if not choice.method_ref:
        raise BadInput(
            "Name the payment method to charge.", code="required", field="paymentMethod.stripePaymentMethodId"
        )
    saved = method_queries.any_method(provider.name, provider.livemode, choice.method_ref)
    if saved is None and choice.method == Payment.Method.US_BANK_ACCOUNT:
        # Saved a moment ago in the browser: the event that tells of it may still be on its way.
        with as_answers():
            sync_methods(tenant=tenant, now=now)
        saved = method_queries.any_method(provider.name, provider.livemode, choice.method_ref)
        if saved is None:
            raise MandateRequired
    if saved is None:
        return
    if saved.tenant_id != tenant.id or saved.removed_at is not None:
        raise MethodNotFound
    if saved.type != choice.method:
        raise OtherMethodType(saved=saved.type)


def _refuse_second_click(tenant: Tenant, invoice: Invoice | None, wish: Wish, now: datetime) -> None:
    """A request without a key that looks like one of a minute ago. Offline money reserves nothing, so this alone stops
    a second declaration for the same invoice."""
    alike = queries.payments(tenant).filter(
        amount_minor=wish.amount.minor,
        currency=wish.amount.currency,
        method=wish.choice.method,
        created_at__gt=now - DUPLICATE_WINDOW,
    )
    if invoice:
        alike = alike.filter(invoice=invoice)
    if twin := alike.exclude(status__in=[Payment.Status.FAILED, Payment.Status.CANCELED]).first():
        raise PossibleDuplicate(paymentId=str(twin.id))
