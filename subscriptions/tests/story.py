"""A subscription's life as its people live it: the owner over HTTP, two people at the desk, the clock's beat."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing_portal.kit.money import Money
from billing_portal.notices.models import OutboxMessage
from billing_portal.notices.tasks import deliver_outbox
from billing_portal.tests import world
from billing_portal.tests.reading import hidden
from billing_portal.tests.world import at
from payments import queries as money
from payments.models import Invoice, Payment
from payments.tasks import collect_again
from subscriptions.models import Subscription
from subscriptions.tasks import renew_due
from subscriptions.tests import plan_world

DAY = timedelta(days=1)


class Story:
    """`on` moves the clock and nothing else; `until` lets time pass, with what beat does by itself."""

    def __init__(self, clock: time_machine.Traveller, **facts: Any) -> None:
        self.clock = clock
        self.tenant = world.tenant(**facts)
        self.owner, self.clerk, self.finance = Client(), Client(), Client()
        self.owner.force_login(world.member(self.tenant))
        self.clerk.force_login(world.user(staff=True, groups=("clerk",)))
        self.finance.force_login(world.user(staff=True, groups=("finance",)))

    # --- Time ---

    def on(self, moment: str) -> Story:
        self.clock.move_to(at(moment))
        return self

    def beat(self) -> None:
        """What runs by the hour, and what it leaves in the outbox."""
        renew_due()
        collect_again()
        self.delivered()

    def delivered(self) -> None:
        """A mail is written by the handler of another message."""
        due = OutboxMessage.objects.filter(done_at=None, parked_at=None)
        for _ in range(10):
            deliver_outbox()
            if not due.exists():
                return

    def until(self, moment: str, *, every: timedelta = DAY, meanwhile: Callable[[], object] = lambda: None) -> Story:
        """Step by step; `meanwhile` is what people do after each beat."""
        end = at(moment)
        while timezone.now() < end:
            self.clock.move_to(min(timezone.now() + every, end))
            self.beat()
            meanwhile()
        return self

    # --- The owner ---

    def asks(self, method: str, path: str, body: Any = None, *, expected: int = 200) -> Any:
        """The JSON of an answer under /api."""
        call = getattr(self.owner, method)
        answer = (
            call(f"/api{path}")
            if method == "get"
            else call(f"/api{path}", json.dumps(body or {}), content_type="application/json")
        )
        assert answer.status_code == expected, answer.content
        return answer.json()

    def starts(self, **wanted: Any) -> dict[str, Any]:
        body = {"planType": "small", "billingCycle": "monthly", "seats": 2} | wanted
        return self.asks("post", "/subscription", body, expected=201)

    def looks_and_changes(self, **wish: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The preview, and the subscription after just that was done."""
        shown = self.asks("post", "/subscription/preview", wish)
        return shown, self.asks("patch", "/subscription", wish | {"previewToken": shown["previewToken"]})

    def may_use(self) -> tuple[bool, str]:
        found = self.asks("get", "/subscription/entitlements")
        return found["active"], found["status"]

    def sees(self, path: str) -> Any:
        answer = self.owner.get(path)
        assert answer.status_code == 200, path
        return answer

    # --- The desk ---

    def check_arrives(self, invoice: Invoice) -> Payment:
        """For all that is open of it. Recorded by a clerk; nobody has verified it yet."""
        reference = uuid4().hex[:10]
        form = {
            "tenant": str(self.tenant.id),
            "kind": "check",
            "reference": reference,
            "received_on": timezone.now().date().isoformat(),
            "amount": Money(money.amounts(invoice).open, invoice.currency).decimal_text(),
            "invoice": str(invoice.id),
            "key": str(uuid4()),
        }
        answer = self.clerk.post("/admin/payments/payment/add/", form)
        assert answer.status_code == 302, answer.context["form"].errors
        return Payment.objects.get(reference=reference)

    def verified(self, check: Payment, **more: str) -> Payment:
        """Finance reads what would be booked, and presses the button of that page."""
        path = reverse("admin:payments_payment_verify", args=[check.id])
        self.finance.post(path, {**hidden(self.finance.get(path)), **more})
        self.delivered()
        check.refresh_from_db()
        return check

    def cleared(self, check: Payment) -> Payment:
        self.finance.post(reverse("admin:payments_payment_cleared", args=[check.id]))
        check.refresh_from_db()
        return check

    def pays_what_is_open(self) -> None:
        for invoice in self.invoices():
            if invoice.status == Invoice.Status.OPEN:
                self.verified(self.check_arrives(invoice))

    # --- What the database holds ---

    def subscription(self) -> Subscription:
        return Subscription.objects.get(tenant=self.tenant)

    def invoices(self) -> list[Invoice]:
        return plan_world.invoices(self.subscription())

    def billed(self) -> list[tuple[str, str, int]]:
        return plan_world.billed(self.subscription())

    def states(self) -> list[str]:
        return plan_world.moves(self.subscription())

    def received(self) -> list[int]:
        """The payments that brought money, oldest first."""
        found = Payment.objects.filter(tenant=self.tenant, status=Payment.Status.SUCCEEDED).order_by("created_at")
        return list(found.values_list("amount_minor", flat=True))

    def told(self, part: str) -> list[str]:
        """Subjects of the tenant's mails that hold this."""
        mails = [each for each in mail.outbox if each.to == [self.tenant.billing_email]]
        return [each.subject.replace("\N{NO-BREAK SPACE}", " ") for each in mails if part in each.subject]
