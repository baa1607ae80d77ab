"""Compare the books with the payment providers', both ways, and mend what differs."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing_portal.kit.actors import Actor
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.display.counting import count_text
from billing_portal.management.progress import progress_of
from billing_portal.notices import outbox
from payments.actions.reconciling import Reconciled, reconcile
from payments.naming import provider_name
from payments.providers import registry
from payments.providers.base import TakesPayments
from subscriptions.tasks import follow_all


class Command(BaseCommand):
    help = (
        "Bring every subscription that a provider charges up to date; then ask each payment provider for every "
        "payment, refund and dispute since a day, and for whatever is still open with us; mend what differs. Safe to "
        "run at any time, several at once. "
        "Exits with 1 when a difference is left for people to look at."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=_days, default=35, help="how far back to compare; 35 by default")
        parser.add_argument("--provider", metavar="NAME", help="only this one, as in stripe")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        providers = self._providers(options["provider"])
        followed = follow_all(options["provider"])  # their bills bring payments that the rest would not know
        runs = [self._run(each, now - timedelta(days=options["days"]), now, options) for each in providers]
        summary = {
            "agrees": all(run.agrees for run in runs),
            "subscriptions": followed,
            "providers": [_facts(run) for run in runs],
        }
        self.stdout.write(json.dumps(summary) if options["json"] else _text(runs, followed))
        outbox.wake()
        if not summary["agrees"]:
            raise CommandError("The books and the providers do not agree; what is left is listed above.")

    def _providers(self, name: str | None) -> list[TakesPayments]:
        found = [each for each in registry.able(TakesPayments) if name in (None, each.name)]
        if not found:
            raise CommandError(f"The provider {name!r} is not on." if name else "No payment provider is on.")
        return found

    def _run(self, provider: TakesPayments, since: datetime, now: datetime, options: dict[str, Any]) -> Reconciled:
        with progress_of("compared", quiet=options["json"]) as progress:
            task = progress.add_task(f"Reconciling with {provider_name(provider.name)}", total=None)
            return reconcile(
                provider=provider,
                since=since,
                actor=Actor.system("reconcile"),
                now=now,
                tick=lambda: progress.advance(task),
            )


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3650:
        raise ArgumentTypeError("write a number of days from 1 to 3650")
    return int(text)


def _facts(run: Reconciled) -> dict[str, Any]:
    return {
        "provider": run.provider,
        "since": run.since.isoformat(),
        "theirs": run.theirs,
        "ours": run.ours,
        "readAgain": len(run.synced),
        "failed": run.failed,
        "discrepancies": [
            {
                "kind": each.kind,
                "reference": each.provider_ref,
                "tenant": each.tenant.slug if each.tenant else None,
                "amount": each.amount_minor,
                "currency": each.currency,
                "detail": each.detail,
                "since": each.opened_at.isoformat(),
            }
            for each in run.discrepancies
        ],
    }


def _text(runs: list[Reconciled], followed: int) -> str:
    lines = [f"{count_text(followed, 'subscription')} followed"]
    for run in runs:
        lines.append(
            f"{provider_name(run.provider)} since {run.since:%Y-%m-%d}: {run.theirs} of theirs and {run.ours} of ours "
            f"compared, {len(run.synced)} read again"
        )
        for each in run.discrepancies:
            whose = each.tenant.slug if each.tenant else "nobody known"
            amount = money_text(each.amount)
            lines.append(f"  {amount:>14}  {whose:<16} {each.get_kind_display()} ({each.provider_ref})")
        lines += [f"  failed: {each}" for each in run.failed]
        lines.append("  the books agree" if run.agrees else "  the books do not agree")
    return "\n".join(lines)
