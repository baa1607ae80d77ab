"""Fill an empty portal with the demo's tenants, once, in one transaction: all of it or nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.db import connection, transaction
from django.db.models import F

from billing_portal.kit import periods
from billing_portal.notices.models import OutboxMessage
from billing_portal.seeding.coupons import make_coupons
from billing_portal.seeding.customers import CUSTOMERS
from billing_portal.seeding.history import HOME, History, labels_back_from
from billing_portal.seeding.people import SEED, make_accounts
from billing_portal.seeding.plans import make_plans, sell_plans
from billing_portal.seeding.stand_in import StandIns
from billing_portal.tenants.actions.creating import create_tenant
from billing_portal.tenants.models import Tenant
from payments.models import Invoice, Payment

# How many times `told` is called: by each subscriber, for each month.
STEPS = sum(len(customer.usage) for customer in CUSTOMERS)
# Before anything happens.
SET_UP = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Seeded:
    """How much was made."""

    tenants: int
    calls: int
    invoices: int
    payments: int


def is_seeded() -> bool:
    return Tenant.objects.filter(slug=CUSTOMERS[0].slug).exists()


def seed(
    *,
    now: datetime,
    scale: Decimal,
    accounts_file: Path,
    stand_ins: StandIns | None = None,
    told: Callable[[], None] = lambda: None,
) -> Seeded:
    """Make plans, coupons, tenants, people and six months of history that ends at `now`; write the secrets to a file.

    `stand_ins` charge the history's subscriptions and cards; without them all is paid by invoice, since nobody's real
    account is written into. The file is written last and before the commit: whoever finds tenants finds their passwords
    too. Raises SlugTaken when a tenant of another origin has a name of the demo's.
    """
    stand_ins = stand_ins or StandIns()
    with _all_or_nothing(), stand_ins.in_the_past():
        return _seed(now, scale, accounts_file, stand_ins, told)


def _seed(now: datetime, scale: Decimal, accounts_file: Path, stand_ins: StandIns, told: Callable[[], None]) -> Seeded:
    began = periods.month_bounds(labels_back_from(now)[-1], HOME)[0] - SET_UP
    make_plans(began)
    sell_plans(stand_ins, began)
    make_coupons(began)
    tenants = {
        customer.slug: create_tenant(
            slug=customer.slug,
            name=customer.name,
            billing_email=f"billing@{customer.slug}.example",
            country=customer.country,
            actor=SEED,
            now=began,
            **customer.facts,
        )
        for customer in CUSTOMERS
    }
    accounts = make_accounts(tenants, began)
    history = History(tenants, accounts, now, scale, stand_ins, told)
    history.tell()
    # What the history's mails say was said in its time; from here on they are sent.
    told_then = OutboxMessage.objects.filter(tenant__in=tenants.values(), created_at__lte=now, done_at=None)
    told_then.update(done_at=F("created_at"), attempts=1)
    write_accounts(accounts.told, accounts_file)
    made = Invoice.objects.filter(tenant__in=tenants.values()), Payment.objects.filter(tenant__in=tenants.values())
    return Seeded(len(tenants), history.calls, made[0].count(), made[1].count())


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """One transaction, begun by hand: in one of Django's the verbs refuse to call a provider, because locks would wait
    for a network. Here nobody else is there to wait for them. Inside a caller's transaction it is a part of that."""
    if connection.in_atomic_block:
        point = transaction.savepoint()
        try:
            yield
        except BaseException:
            transaction.savepoint_rollback(point)
            raise
        transaction.savepoint_commit(point)
        return
    transaction.set_autocommit(False)
    try:
        yield
        transaction.commit()
    except BaseException:
        transaction.rollback()
        raise
    finally:
        transaction.set_autocommit(True)


@transaction.atomic
def renew_accounts(*, now: datetime, accounts_file: Path) -> None:
    """New passwords and keys for the demo's people, whose file is gone; their tenants and books stay as they are."""
    tenants = {tenant.slug: tenant for tenant in Tenant.objects.filter(slug__in=[each.slug for each in CUSTOMERS])}
    write_accounts(make_accounts(tenants, now).told, accounts_file)


def write_accounts(told: dict[str, object], file: Path) -> None:
    """Mode 0600 from its first byte on; it appears whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        json.dump(told, opened, indent=2)
    draft.replace(file)
