"""The control panel of the stand-in for PayPal: what payers, reviewers and banks decide about orders and payments."""

from collections.abc import Callable
from typing import Any

from billing_portal.sandbox.books import Books, Json, shown
from billing_portal.sandbox.deliveries import Deliveries
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.faults import Faults
from billing_portal.sandbox.misuse import Misused
from billing_portal.sandbox.panel import ControlPanel, Verb, text, whole
from billing_portal.sandbox.paypal import (
    approving,
    billing,
    captures,
    disputes,
    money,
    orders,
    plans,
    products,
    refunds,
    sales,
    settling,
    subscriptions,
)
from billing_portal.sandbox.paypal.acts import Account, Act
from billing_portal.sandbox.paypal.api import error, log_entry
from billing_portal.sandbox.paypal.problems import Problem

_VIEWS: dict[str, Callable[[Act, Json], Json]] = {
    "orders": orders.view,
    "captures": captures.view,
    "refunds": captures.view_refund,
    "sales": sales.view,
    "sale_refunds": sales.view_refund,
    "subscriptions": subscriptions.view,
    "plans": plans.view,
    "products": products.view,
    "disputes": disputes.view,
}


class Panel(ControlPanel):
    """What scripts may ask for. Errors are JSON as PayPal's are."""

    hosts = ("127.0.0.1", "localhost", "paypal.sandbox")
    kinds = frozenset({*_VIEWS, "events", "ipns"})

    def __init__(
        self, books: Books, faults: Faults, deliveries: Deliveries, ipn: Deliveries, account: Callable[[], Account]
    ) -> None:
        super().__init__(books, faults, deliveries)
        self._ipn, self._account = ipn, account

    def own_verbs(self) -> dict[tuple[str, str], Verb]:
        """The payer's decision, what takes days, refunds of the dashboard, renewals, IPN."""
        return {
            ("POST", "authenticate"): self._authenticate,
            ("POST", "settle"): self._settle,
            ("POST", "refund"): self._refund,
            ("POST", "bill"): self._bill,
            ("POST", "ipn"): self._ipn_mode,
            ("POST", "settings"): self._settings,
        }

    def act(self, request: Request) -> Act:
        """An act without a body of its own."""
        return Act(self._books, self._account(), endpoint=f"{request.method} {request.path}")

    def answer(self, request: Request) -> Answer:
        """Do what the path says."""
        try:
            return super().answer(request)
        except Problem as problem:
            return error(problem)

    def entry(self, request: Request, answer: Answer, effect: Json) -> Json:
        """A line of the log."""
        return log_entry(self._books, request, answer, effect)

    def settle_due(self, act: Any) -> int:
        """What is due by the clock."""
        return settling.settle_due(act)

    def refusal(self, misused: Misused) -> Answer:
        """PayPal's error object."""
        name = "RESOURCE_NOT_FOUND" if misused.status == 404 else "INVALID_REQUEST"
        body: Json = {"name": name, "message": misused.message}
        if misused.param:
            body["details"] = [{"field": f"/{misused.param}", "issue": misused.code or "INVALID_PARAMETER_VALUE"}]
        return error(Problem(misused.status, body))

    def forgotten(self) -> None:
        """The plan of the examples is there from the start."""
        plans.seed(self._books)

    def see(self, kind: str, thing: Json) -> Json:
        """An object in PayPal's own shape."""
        view = _VIEWS.get(kind)
        return view(Act(self._books, self._account()), thing) if view else shown(thing)

    def _authenticate(self, act: Act, given: Json) -> Json:
        """The payer's decision on PayPal's page: succeeded is Pay, failed is Cancel."""
        thing = approving.finish(act, text(given, "id"), text(given, "outcome"))
        return self.see("subscriptions" if thing["id"].startswith("I-") else "orders", thing)

    def _settle(self, act: Act, given: Json) -> Json:
        code = text(given, "code") if given.get("code") is not None else None
        identifier = text(given, "id")
        amount = self._amount(given, self._currency(identifier)) if given.get("amount") is not None else None
        return shown(settling.settle(act, identifier, text(given, "outcome"), code, amount))

    def _refund(self, act: Act, given: Json) -> Json:
        """A refund made in the dashboard: of a capture, an order's, or a sale; without `amount` all that is left."""
        identifier = text(given, "id")
        if sale := self._books.get("sales", identifier):
            amount = self._part(given, sale)
            return sales.view_refund(act, sales.give_back(act, sale, amount))
        if made := self._books.find("captures", _order=identifier):
            identifier = made[-1]["id"]
        capture = self._books.get("captures", identifier)
        if capture is None:
            raise Misused(f"{identifier} is no capture, order or sale", status=404, param="id")
        if capture["status"] not in ("COMPLETED", "PARTIALLY_REFUNDED"):
            raise Misused(f"A capture that is {capture['status']} cannot be refunded.", param="id")
        return captures.view_refund(act, refunds.give_back(act, capture, self._part(given, capture)))

    def _bill(self, act: Act, given: Json) -> Json:
        """Renew a subscription now."""
        subscription = act.books.get("subscriptions", text(given, "subscriptionId"))
        if subscription is None:
            raise Misused("There is no such subscription", status=404, param="subscriptionId")
        return subscriptions.view(act, billing.bill(act, subscription, text(given, "outcome")))

    def _ipn_mode(self, act: Act, given: Json) -> Json:
        return self._ipn.set_mode(text(given, "mode"))

    def _settings(self, act: Act, given: Json) -> Json:
        """Whether a suspended subscription says when it would be billed next: `nextBillingOfSuspended` shown (as at
        first) or hidden. One that has ended never does."""
        wanted = text(given, "nextBillingOfSuspended")
        if wanted not in ("shown", "hidden"):
            raise Misused("nextBillingOfSuspended must be shown or hidden", param="nextBillingOfSuspended")
        self._books.note("next_billing_of_suspended", wanted)
        return {"nextBillingOfSuspended": wanted}

    def _part(self, given: Json, thing: Json) -> int:
        left: int = thing["_amount"] - thing["_refunded"]
        amount = self._amount(given, thing["_currency"]) or left
        if not 1 <= amount <= left:
            raise Misused(f"{amount} is more than what is left", param="amount")
        return amount

    def _amount(self, given: Json, currency: str) -> int | None:
        """From the smallest unit, as the log has it."""
        smallest = whole(given, "amount")
        if smallest is None:
            return None
        amount = money.from_smallest(smallest, currency)
        if amount is None or amount < 1:
            raise Misused(f"PayPal can't write {smallest} of {currency}'s smallest unit", param="amount")
        return amount

    def _currency(self, identifier: str) -> str:
        found = (
            self._books.get("captures", identifier)
            or self._books.get("sales", identifier)
            or next(iter(self._books.find("captures", _order=identifier)), None)
        )
        if found is None:
            raise Misused(f"{identifier} is no capture, order or sale", status=404, param="id")
        return str(found["_currency"])
