"""One act: a request being answered, with the books, the clock, and what it caused (events and effects)."""

from dataclasses import dataclass, field
from typing import Any

from billing_portal.sandbox.books import Books, Json, shown
from billing_portal.sandbox.deliveries import queue
from billing_portal.sandbox.stripe.books import random_id
from billing_portal.sandbox.stripe.params import Params
from billing_portal.sandbox.stripe.problems import missing

API_VERSION = "2026-08-26.dahlia"
# What an id begins with → its kind and its name in errors.
KINDS = {
    "cus": ("customers", "customer"),
    "pm": ("payment_methods", "PaymentMethod"),
    "pi": ("payment_intents", "payment_intent"),
    "seti": ("setup_intents", "setupintent"),
    "ch": ("charges", "charge"),
    "py": ("charges", "charge"),
    "re": ("refunds", "refund"),
    "pyr": ("refunds", "refund"),
    "du": ("disputes", "dispute"),
    "txn": ("balance_transactions", "balance transaction"),
    "evt": ("events", "event"),
    "mandate": ("mandates", "mandate"),
    "prod": ("products", "product"),
    "price": ("prices", "price"),
    "coupon": ("coupons", "coupon"),
    "di": ("discounts", "discount"),
    "sub": ("subscriptions", "subscription"),
    "sub_sched": ("subscription_schedules", "subscription schedule"),
    "in": ("invoices", "invoice"),
    "inpay": ("invoice_payments", "invoice payment"),
    "cbtxn": ("customer_balance_transactions", "customer balance transaction"),
}
KIND_NAMES = dict(KINDS.values())
# Objects whose id may be their maker's own word are known by the field that holds it.
KIND_OF_FIELD = {"product": "products", "coupon": "coupons"}


def kind_of(identifier: str) -> str | None:
    """The kind that an id belongs to, by what it begins with: the longest that fits (`sub_sched_…`, not `sub_…`)."""
    prefix = identifier.rpartition("_")[0]
    return KINDS[prefix][0] if prefix in KINDS else None


def changes(before: Json, thing: Json) -> Json:
    """Of what is another now, how it was."""
    return {key: value for key, value in before.items() if thing[key] != value}


@dataclass
class Act:
    """What a handler is given. `base_url` is where the stand-in is reached: its human pages hang below it."""

    books: Books
    params: Params
    base_url: str = "http://127.0.0.1"
    publishable: bool = False
    idempotency_key: str | None = None
    request_id: str = field(default_factory=lambda: random_id("req", 14))
    effects: list[Json] = field(default_factory=list)
    now: int = 0

    def __post_init__(self) -> None:
        self.now = self.now or self.books.now()

    def fetch(self, kind: str, identifier: Any, *, param: str | None = None) -> Json:
        """The object. Raises Problem: 404 for the one in the path, 400 when `param` names where its id stood."""
        found = self.books.get(kind, identifier)
        if found is None:
            raise missing(KIND_NAMES[kind], str(identifier), param=param or "id", status=400 if param else 404)
        return found

    def save(self, kind: str, thing: Json) -> Json:
        """Store the object as it is now."""
        return self.books.put(kind, thing)

    def emit(self, kind: str, thing: Json, previous: Json | None = None) -> None:
        """Record an event with the object as it is now, and queue its delivery. `previous`: changed fields as they
        were."""
        event: Json = {
            "id": random_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": {"object": shown(thing), **({"previous_attributes": previous} if previous else {})},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": kind,
        }
        self.save("events", event)
        queue(self.books, event["id"])

    def emit_changes(self, kind: str, thing: Json, before: Json) -> None:
        """As `emit`, with what is another than in `before`; nothing where nothing is."""
        if previous := changes(before, thing):
            self.emit(kind, thing, previous)

    def effect(self, kind: str, thing: Json, state: str) -> None:
        """Note that money moved or was promised, for the log, with its own instant: the clock may have gone further."""
        self.effects.append(
            {
                "kind": kind,
                "id": thing["id"],
                "amount": thing["amount"],
                "currency": thing["currency"],
                "state": state,
                "metadata": thing.get("metadata") or {},
                "_at": self.now,
            }
        )
