"""Check the invariants of the books: one line for each breach, exit code 1 when there is any."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing_portal.invariants import check_books


class Command(BaseCommand):
    help = (
        "Check that the books hold together: entries balance, balances equal the ledger, every record of usage is "
        "billed once, numbers have no gap, no tenant's row points into another. Reads only. Exits with 1 when "
        "something is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        checked, breaches = check_books()
        if options["json"]:
            self.stdout.write(
                json.dumps({"checked": checked, "breaches": [{"invariant": i, "breach": b} for i, b in breaches]})
            )
        else:
            for invariant, breach in breaches:
                self.stdout.write(f"{invariant}: {breach}")
            self.stdout.write(f"{len(checked)} invariants checked, {len(breaches)} breaches.")
        if breaches:
            raise CommandError("The books do not hold together.")
