"""Ask a provider about a payment, now: what it says is booked, and whoever asked hears it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.decorators import action

from billing_portal.kit.desk import BooksAdmin, Confirmation, Notice
from billing_portal.notices import outbox
from billing_portal.tenants.staff import staff_actor
from payments import queries
from payments.actions.syncing import sync_payment
from payments.admin.cells import payment_named
from payments.models import Payment
from payments.naming import provider_name
from payments.providers import registry
from payments.providers.base import TakesPayments
from payments.providers.errors import ProviderError


class AsksProviders(BooksAdmin):
    """The button "Ask the provider now" of a payment's page: for finance, and for support, who is asked first."""

    def has_ask_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(request.user.has_perm(f"payments.{name}") for name in ("pay_for_tenant", "refund_payment"))

    @action(description="Ask the provider now", permissions=["ask"], icon="sync", url_path="ask_provider")
    def ask_provider(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what will be asked, POST asks."""
        payment: Payment = self.found(request, object_id)
        if request.method != "POST":
            return self.ask(request, _asked(payment), payment)
        was = _state(payment)
        who = provider_name(payment.provider)
        try:
            after = sync_payment(payment_id=payment.id, actor=staff_actor(request), now=timezone.now())
        except ProviderError:
            messages.error(request, f"{who} did not tell, so nothing was changed. The call stands below.")
        else:
            word, still = _state(after).replace("_", " "), "still" if _state(after) == was else "now"
            messages.success(request, f"{who} was asked. {payment_named(after)} is {still} {word}.")
        outbox.wake()
        return HttpResponseRedirect(self.detail_url(payment.pk))


def can_be_asked_about(payment: Payment) -> bool:
    """Whether its provider is on and tells."""
    return registry.named(payment.provider, TakesPayments) is not None


def _state(payment: Payment) -> str:
    fresh = Payment.objects.get(id=payment.id)
    return queries.shown_status(fresh, queries.amount_refunded(fresh))


def _asked(payment: Payment) -> Confirmation:
    if not can_be_asked_about(payment):
        told = f"{provider_name(payment.provider)} can't be asked: it is no provider that tells, or it is off."
        return Confirmation("Nobody to ask", notices=[Notice("info", told)])
    told = "The payment, its refunds and its disputes are read again, and what is found is booked. Nothing is charged."
    return Confirmation(f"Ask {provider_name(payment.provider)} about this payment?", "Ask now", [Notice("info", told)])
