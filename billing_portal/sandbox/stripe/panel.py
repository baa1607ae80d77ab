"""The control panel of the stand-in for Stripe: what people and banks decide about intents, charges and cards."""

from typing import Any

from billing_portal.sandbox.books import Json, shown
from billing_portal.sandbox.exchange import Answer, Request
from billing_portal.sandbox.misuse import Misused
from billing_portal.sandbox.panel import ControlPanel, Verb, text, whole
from billing_portal.sandbox.stripe import authentication, recurring, refunds, renewing, settling, standing
from billing_portal.sandbox.stripe.acts import KINDS, Act
from billing_portal.sandbox.stripe.api import log_entry
from billing_portal.sandbox.stripe.problems import Problem


class Panel(ControlPanel):
    """What scripts may ask for. Errors are JSON as Stripe's are."""

    hosts = ("127.0.0.1", "localhost", "stripe.sandbox")
    kinds = frozenset(name for name, _ in KINDS.values())

    def own_verbs(self) -> dict[tuple[str, str], Verb]:
        """3-D Secure, what takes days, refunds of the dashboard, renewed cards, renewals, the account's settings."""
        return {
            ("POST", "authenticate"): self._authenticate,
            ("POST", "settle"): self._settle,
            ("POST", "refund"): self._refund,
            ("POST", "update_card"): self._update_card,
            ("POST", "bill"): self._bill,
            ("POST", "settings"): self._settings,
        }

    def act(self, request: Request) -> Act:
        """An act without parameters of its own."""
        return Act(self._books, {}, base_url=request.base_url)

    def answer(self, request: Request) -> Answer:
        """Do what the path says."""
        try:
            return super().answer(request)
        except Problem as problem:
            return Answer.of({"error": problem.error}, problem.status)

    def entry(self, request: Request, answer: Answer, effect: Json) -> Json:
        """A line of the log."""
        return log_entry(self._books, request, answer, effect)

    def settle_due(self, act: Any) -> int:
        """Debits and refunds whose days have passed, periods that ended, retries, what expires: in order of time."""
        return recurring.run_due(act)

    def refusal(self, misused: Misused) -> Answer:
        """Stripe's error object."""
        problem = Problem(misused.message, status=misused.status, code=misused.code, param=misused.param)
        return Answer.of({"error": problem.error}, problem.status)

    def _authenticate(self, act: Act, given: Json) -> Json:
        return shown(authentication.finish(act, text(given, "id"), text(given, "outcome")))

    def _settle(self, act: Act, given: Json) -> Json:
        code = text(given, "code") if given.get("code") is not None else None
        return shown(settling.settle(act, text(given, "id"), text(given, "outcome"), code))

    def _refund(self, act: Act, given: Json) -> Json:
        """A refund made in the dashboard: of a charge or an intent; without `amount` all that is left."""
        identifier = text(given, "id")
        if identifier.startswith("pi_"):
            identifier = str(act.fetch("payment_intents", identifier)["latest_charge"])
        charge = act.fetch("charges", identifier)
        return shown(refunds.give_back(act, charge, whole(given, "amount"), reason="requested_by_customer"))

    def _update_card(self, act: Act, given: Json) -> Json:
        """The card's network tells of a new expiry date, as it does when a card is renewed."""
        method = act.fetch("payment_methods", text(given, "id"))
        if method["type"] != "card":
            raise Problem("Only cards are renewed", param="id")
        before = {name: method["card"][name] for name in ("exp_month", "exp_year")}
        month, year = whole(given, "expMonth"), whole(given, "expYear")
        method["card"] |= {"exp_month": month or before["exp_month"], "exp_year": year or before["exp_year"]}
        act.save("payment_methods", method)
        act.emit("payment_method.automatically_updated", method, {"card": before})
        return shown(method)

    def _bill(self, act: Act, given: Json) -> Json:
        """A subscription's period ends now, and the next is paid or not, whatever the clock and the card say."""
        subscription = act.fetch("subscriptions", text(given, "subscriptionId"))
        outcome = text(given, "outcome")
        if outcome not in renewing.OUTCOMES:
            raise Misused(f"outcome must be one of {', '.join(renewing.OUTCOMES)}", param="outcome")
        if subscription["status"] not in ("trialing", "active", "past_due"):
            raise Misused(
                f"{subscription['id']} is {subscription['status']}: it is not renewed", param="subscriptionId"
            )
        if outcome == "paid" and not standing.method_of(act, subscription):
            raise Misused(f"{subscription['id']} has nothing that could be charged", param="subscriptionId")
        renewing.end_period(act, subscription, outcome)
        return shown(act.fetch("subscriptions", subscription["id"]))

    def _settings(self, act: Act, given: Json) -> Json:
        """What becomes of a subscription when all retries failed: `afterRetries` cancel (as at first) or unpaid."""
        wanted = text(given, "afterRetries")
        if wanted not in ("cancel", "unpaid"):
            raise Misused("afterRetries must be cancel or unpaid", param="afterRetries")
        self._books.note("after_retries", wanted)
        return {"afterRetries": wanted}
