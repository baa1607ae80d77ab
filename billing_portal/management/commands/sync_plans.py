"""Make every plan's prices at the payment providers that charge subscriptions."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing_portal.management.progress import progress_of
from payments.naming import provider_name
from payments.providers import registry
from payments.providers.errors import ProviderError
from payments.providers.recurring import SellsPlans
from subscriptions.actions import pricing


class Command(BaseCommand):
    help = (
        "Make each price of each plan at Stripe (product and price, by lookup key) and at PayPal (product and plan), "
        "and keep the provider's own reference. What is there already is found again: run it as often as you like, "
        "and after every new version of a plan. Exits with 1 when a price could not be made."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider", metavar="NAME", help="only this one, as in stripe")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        runs = [self._run(each, quiet=options["json"]) for each in self._sellers(options["provider"])]
        self.stdout.write(json.dumps({"providers": runs}) if options["json"] else "\n".join(map(_text, runs)))
        if any(run["failed"] for run in runs):
            raise CommandError("Not every price could be made; what failed is listed above. Run it again.")

    def _sellers(self, name: str | None) -> list[SellsPlans]:
        found = [each for each in registry.able(SellsPlans) if name in (None, each.name)]
        if not found:
            raise CommandError(f"{name!r} charges no subscriptions here." if name else "No provider charges them here.")
        return found

    def _run(self, provider: SellsPlans, *, quiet: bool) -> dict[str, Any]:
        run: dict[str, Any] = {"provider": provider.name, "made": {}, "failed": {}}
        prices = pricing.missing(provider)
        with progress_of("prices", quiet=quiet) as progress:
            task = progress.add_task(f"Making prices at {provider_name(provider.name)}", total=len(prices))
            for price in prices:
                try:
                    run["made"][str(price)] = pricing.ensure(price, provider).provider_ref
                except ProviderError as error:
                    run["failed"][str(price)] = str(error)
                progress.advance(task)
        run["known"] = pricing.known(provider).count() - len(run["made"])
        return run


def _text(run: dict[str, Any]) -> str:
    lines = [f"{provider_name(run['provider'])}: {len(run['made'])} prices made or found, {run['known']} known before"]
    lines += [f"  {reference:<32} {name}" for name, reference in run["made"].items()]
    lines += [f"  failed: {name}: {why}" for name, why in run["failed"].items()]
    return "\n".join(lines)
