"""Close a usage month by hand: for everyone with a subscription, or for one tenant."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing_portal.kit import periods
from billing_portal.kit.actors import Actor
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.counting import count_text
from billing_portal.kit.errors import BillingError
from billing_portal.kit.money import Money
from billing_portal.management.progress import progress_of
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from subscriptions import queries as subscriptions
from usage.actions.closing import Closed, Closing, close_month, preview_close

WORDS = {
    Closing.INVOICED: "invoiced",
    Closing.NOTHING_TO_BILL: "closed with nothing to bill",
    Closing.CLOSED_BEFORE: "closed before",
    Closing.NOT_DUE: "not due yet",
    Closing.NO_SUBSCRIPTION: "without a subscription in that month",
}


class Command(BaseCommand):
    help = (
        "Rate a usage month, issue one overage invoice for each tenant that owes one, and close the month. "
        "Safe to run again, several at once, or after a crash: a month is closed once. "
        "Exits with 1 when a tenant's month could not be closed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", help="the month to close, as in 2026-10")
        parser.add_argument("--tenant", metavar="SLUG", help="only this tenant")
        parser.add_argument("--dry-run", action="store_true", help="show what would be billed; write nothing")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            periods.parse_label(options["month"])
        except BillingError as error:
            raise CommandError(error.detail) from error
        tenants = list(self._tenants(options["tenant"]))
        outcomes, totals, failures, invoices = Counter[Closing](), Counter[str](), [], []
        with progress_of("tenants", quiet=options["json"]) as progress:
            task = progress.add_task(f"Closing {options['month']}", total=len(tenants))
            for tenant in tenants:
                try:
                    closed = self._close(tenant, options["month"], dry_run=options["dry_run"])
                except Exception as error:  # noqa: BLE001 (one tenant's trouble must not stop the others)
                    failures.append({"tenant": tenant.slug, "error": f"{type(error).__name__}: {error}"})
                else:
                    outcomes[closed.closing] += 1
                    if closed.closing is Closing.INVOICED:
                        invoices.append(_line(closed))
                        totals[closed.currency or ""] += invoices[-1]["amount"]
                progress.advance(task)
        summary = {
            "month": options["month"],
            "dryRun": options["dry_run"],
            "tenants": len(tenants),
            "outcomes": {closing.value: outcomes[closing] for closing in Closing},
            "totals": dict(totals),
            "invoices": invoices,
            "failures": failures,
        }
        self.stdout.write(json.dumps(summary) if options["json"] else _text(summary))
        if invoices and not options["dry_run"]:
            outbox.wake()
        if failures:
            raise CommandError(
                f"{len(failures)} of {count_text(len(tenants), 'tenant')} could not be closed; run it again."
            )

    def _close(self, tenant: Tenant, label: str, *, dry_run: bool) -> Closed:
        now = timezone.now()
        if dry_run:
            return preview_close(tenant=tenant, label=label, now=now)
        return close_month(tenant=tenant, label=label, actor=Actor.system("close_month"), now=now)

    def _tenants(self, slug: str | None) -> Any:
        if slug is None:
            return subscriptions.ever_subscribed()
        found = Tenant.objects.filter(slug=slug)
        if not found:
            raise CommandError(f"There is no tenant {slug!r}.")
        return found


def _line(closed: Closed) -> dict[str, Any]:
    """What was, or with --dry-run would be, billed; before tax in a dry run."""
    amount = closed.invoice.total_minor if closed.invoice else sum(line.amount_minor for line in closed.lines)
    return {
        "tenant": closed.tenant.slug,
        "number": closed.invoice.number if closed.invoice else None,
        "amount": amount,
        "currency": closed.currency,
        "lines": [line.title for line in closed.lines],
    }


def _text(summary: dict[str, Any]) -> str:
    tenants = count_text(summary["tenants"], "tenant")
    lines = [f"{summary['month']}: {tenants}{', nothing was written' if summary['dryRun'] else ''}"]
    lines += [f"  {summary['outcomes'][closing.value]:>6} {words}" for closing, words in WORDS.items()]
    for each in summary["invoices"]:
        amount = money_text(Money(each["amount"], each["currency"]))
        lines.append(f"  {each['number'] or 'would bill':<18} {each['tenant']:<16} {amount:>14}")
    lines += [f"  total {money_text(Money(minor, currency))}" for currency, minor in summary["totals"].items()]
    lines += [f"  failed: {each['tenant']}: {each['error']}" for each in summary["failures"]]
    return "\n".join(lines)
