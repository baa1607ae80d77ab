"""Fill an empty portal with the demo's tenants and six months of their history."""

from __future__ import annotations

import json
import logging
import time
from argparse import ArgumentParser
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing_portal.kit.errors import BillingError
from billing_portal.management import stand_in
from billing_portal.management.progress import progress_of
from billing_portal.seeding import seed
from billing_portal.seeding.stand_in import PayPalStandIn, StandIns, StripeStandIn
from billing_portal.settings import env

LARGEST_SCALE = 100


class Command(BaseCommand):
    help = (
        "Fill an empty portal with the demo's tenants, people and six months of history up to now, through the same "
        "actions that people and servers use. Passwords and API keys are made new and go to DATA_DIR/accounts.json. "
        "A second run changes nothing. DEMO_SCALE (default 1) says how many calls there are; their cost stays the same."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "This portal is not a demo: accounts whose passwords lie in a file don't belong here. DEMO=1"
            )
        accounts, now = settings.DATA_DIR / "accounts.json", timezone.now()
        summary: dict[str, Any] = {"seeded": False, "accounts": str(accounts)}
        if not seed.is_seeded():
            summary |= self._seed(summary, quiet=options["json"])
            text = (
                f"Seeded {summary['tenants']} tenants, {summary['calls']} calls, {summary['invoices']} invoices and "
                f"{summary['payments']} payments in {summary['seconds']} s. Accounts: {accounts}"
            )
        elif not accounts.exists():
            seed.renew_accounts(now=now, accounts_file=accounts)
            text = (
                f"Seeded before. The accounts' file was gone: everybody has a new password and key now, in {accounts}"
            )
        else:
            text = "Seeded before: nothing was changed."
        self.stdout.write(json.dumps(summary) if options["json"] else text)

    def _seed(self, summary: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
        began = time.monotonic()
        with (
            stand_in.running(settings.STRIPE_STAND_IN),
            stand_in.running(settings.PAYPAL_STAND_IN),
            progress_of("months", quiet=quiet) as progress,
        ):
            task = progress.add_task("Seeding the demo", total=seed.STEPS)
            logging.disable(logging.INFO)  # what the history's verbs say of each call to the stand-in is no news
            try:
                made = seed.seed(
                    now=timezone.now(),
                    scale=_scale(),
                    accounts_file=settings.DATA_DIR / "accounts.json",
                    stand_ins=_stand_ins(),
                    told=lambda: progress.advance(task),
                )
            except BillingError as error:
                raise CommandError(f"Nothing was seeded. {error.detail}") from error
            finally:
                logging.disable(logging.NOTSET)
        return {"seeded": True, **asdict(made), "seconds": round(time.monotonic() - began, 1)}


def _stand_ins() -> StandIns:
    stripe, paypal = settings.STRIPE_STAND_IN, settings.PAYPAL_STAND_IN
    return StandIns(
        StripeStandIn(partial(stand_in.send, stripe), stripe.publishable_key) if stripe else None,
        PayPalStandIn(partial(stand_in.send, paypal)) if paypal else None,
    )


def _scale() -> Decimal:
    text = env.text("DEMO_SCALE", "1")
    try:
        scale = Decimal(text)
    except InvalidOperation:
        scale = Decimal(0)
    if not (scale.is_finite() and 0 < scale <= LARGEST_SCALE):
        raise CommandError(f"DEMO_SCALE is {text!r}: write a number above 0, {LARGEST_SCALE} at most.")
    return scale
