"""Mutants: the same code with a guard removed, so that a race test can be seen to fail.

Loaded as a pytest plugin by `make mutants` (with MUTANT naming one), and run as a module in place of manage.py by tests
that start processes: `python -m billing_portal.tests.mutation close_month 2026-09`. Without MUTANT it changes nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

RACES = "billing_portal/tests/races"
CLOSING = f"{RACES}/test_closing_at_once.py"
REFUNDS = f"{RACES}/test_refunds_at_once.py"
OFFLINE = f"{RACES}/test_offline_at_once.py"
WEBHOOKS = f"{RACES}/test_webhooks_at_once.py"


@dataclass(frozen=True)
class Mutant:
    """`sql` is run on the tests' own database, `patch` on this process; `kills` are the tests that must fail."""

    name: str
    kills: tuple[str, ...]
    sql: tuple[str, ...] = ()
    patch: Callable[[], None] | None = None


def no_row_locks() -> None:
    """Every SELECT … FOR UPDATE becomes a plain SELECT."""
    from django.db.models import QuerySet

    QuerySet.select_for_update = lambda self, **_: self.all()  # type: ignore[method-assign, assignment]


def no_key_lock() -> None:
    """Two requests with one idempotency key may run at once."""
    from billing_portal.kit import idempotency

    @contextmanager
    def nobody_waits(scope: str, key: str) -> Iterator[None]:
        yield

    idempotency.alone = nobody_waits


def no_key_lock_and_no_row_locks() -> None:
    no_key_lock()
    no_row_locks()


def no_claim() -> None:
    """Whoever closes a month believes to be the first."""
    from usage.actions import closing
    from usage.models import UsageMonth

    def everybody_wins(month: UsageMonth, now: Any) -> bool:
        UsageMonth.objects.filter(id=month.id).update(closed_at=now)
        return True

    closing._claim = everybody_wins


def no_claim_and_no_row_locks() -> None:
    no_claim()
    no_row_locks()


def claim_commits_alone() -> None:
    """The claim is committed before the invoice is written: a crash in between loses the month."""
    import time

    from django.db import transaction

    from billing_portal.management.commands import close_month as command
    from usage.actions import closing

    unwrapped = closing.close_month.__wrapped__  # type: ignore[attr-defined]
    lines_of, issue = closing.lines_of, closing.invoicing.issue_invoice

    def slowly(*args: Any) -> Any:
        time.sleep(0.01)  # as a bigger tenant would take
        return lines_of(*args)

    def issue_in_its_own_transaction(**facts: Any) -> Any:
        with transaction.atomic():
            return issue(**facts)

    closing.lines_of = slowly
    closing.invoicing.issue_invoice = issue_in_its_own_transaction
    closing.close_month = command.close_month = unwrapped


def number_first() -> None:
    """The series that all tenants share is locked while one tenant's payments are waited for."""
    from payments.actions import balance, numbering

    lock_sources = balance.lock_sources

    def after_the_series(**facts: Any) -> Any:
        numbering.NumberSeries.objects.bulk_create(
            [numbering.NumberSeries(issuer=numbering.ISSUER, document="INV", year=2026)], ignore_conflicts=True
        )
        numbering.NumberSeries.objects.select_for_update().get(issuer=numbering.ISSUER, document="INV", year=2026)
        return lock_sources(**facts)

    balance.lock_sources = after_the_series


def months_are_not_held_open() -> None:
    """A call may be stored into a month while it is being closed."""
    from usage.actions import months

    def peek(month: Any) -> Any:
        month.refresh_from_db()
        while month.closed_at is not None:
            month = months.ensure_month(month.tenant, months.periods.next_label(month.label))
        return month

    months.hold_open = peek


def no_signature() -> None:
    """Any bytes are Stripe's."""
    from payments.providers.stripe import events

    events._signed_with = lambda *_: True


def no_lease() -> None:
    """Whoever comes works on an object of a provider's, whoever else does."""
    from uuid import uuid4

    from payments.inbox import leases

    leases.claim = lambda **_: uuid4()  # type: ignore[assignment]


def no_customer_keys() -> None:
    """Whoever asks the provider for a customer gets a new one."""
    from uuid import uuid4

    from payments.actions import customers

    create = customers._create
    customers._create = lambda tenant, provider, now, key: create(tenant, provider, now, str(uuid4()))


def banks_hold_nothing() -> None:
    """What a bank has of a payment is given back all the same, by the portal's own books."""
    from payments import refund_queries

    refund_queries.is_disputed = lambda payment: False
    refund_queries.held = lambda payment: 0


def refund_forms_have_no_key() -> None:
    """Each sending of a refund's form is a refund of its own."""
    from uuid import uuid4

    from payments.admin.refunding import RefundForm

    RefundForm.client_key = property(lambda self: str(uuid4()))  # type: ignore[assignment, method-assign]


def refunds_are_booked_unseen() -> None:
    """What was shown of a refund is compared with nothing."""
    from payments.actions import reserving

    reserving.mark = lambda places: "seen"


def fees_are_billed_after_the_invoices_are_locked() -> None:
    """A bounced check's fee locks the tenant's payments while it holds invoices."""
    from payments.actions import clearing, invoicing

    issue = invoicing.issue_invoice

    def locks_what_it_needs(*, sources: Any = None, **facts: Any) -> Any:
        return issue(**facts)

    def locks_nothing(payment_id: Any, fee: Any) -> list[Any]:
        return []

    clearing._lock, invoicing.issue_invoice = locks_nothing, locks_what_it_needs


MUTANTS = (
    Mutant(
        "no lock on an idempotency key",
        (
            f"{RACES}/test_money_at_once.py::test_one_idempotency_key_from_forty_threads_is_one_payment",
            "billing_portal/kit/tests/test_idempotency.py::test_forty_threads_with_one_key_run_the_view_once",
        ),
        patch=no_key_lock,
    ),
    Mutant(
        "no lock, no index on a payment's key",
        (
            f"{RACES}/test_money_at_once.py::test_one_idempotency_key_from_forty_threads_is_one_payment",
            f"{RACES}/test_money_at_once.py::test_the_verb_itself_makes_one_payment_of_one_key_from_forty_threads",
        ),
        sql=("DROP INDEX payment_once_per_key",),
        patch=no_key_lock_and_no_row_locks,
    ),
    Mutant(
        "no row locks on money",
        (
            f"{RACES}/test_money_at_once.py::test_the_verb_itself_makes_one_payment_of_one_key_from_forty_threads",
            f"{RACES}/test_money_at_once.py::test_two_verifiers_at_once_settle_a_check_once",
            f"{RACES}/test_money_at_once.py::test_eight_checks_over_one_invoice_at_once_never_over_allocate",
            f"{RACES}/test_money_at_once.py::test_credit_is_spent_once_by_two_invoices_issued_at_once",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks and no database guards on money",
        (
            f"{RACES}/test_money_at_once.py::test_two_verifiers_at_once_settle_a_check_once",
            f"{RACES}/test_money_at_once.py::test_eight_checks_over_one_invoice_at_once_never_over_allocate",
        ),
        sql=(
            "DROP TRIGGER payments_allocation_bounds ON payments_allocation",
            "ALTER TABLE payments_ledgerleg DROP CONSTRAINT ledger_account_once_per_entry",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "neither lock nor claim on a month",
        (f"{CLOSING}::test_four_closes_at_once_bill_each_tenant_once",),
        patch=no_claim_and_no_row_locks,
    ),
    Mutant(
        "neither lock nor claim on a month, and no index on its invoice",
        (f"{CLOSING}::test_four_closes_at_once_bill_each_tenant_once",),
        sql=("DROP INDEX invoice_one_overage_per_month",),
        patch=no_claim_and_no_row_locks,
    ),
    Mutant(
        "the claim commits before the invoice",
        (f"{CLOSING}::test_killed_at_random_moments_and_started_again_each_tenant_has_one_invoice",),
        patch=claim_commits_alone,
    ),
    Mutant(
        "the number is taken before the credit is locked",
        (f"{CLOSING}::test_a_tenant_whose_payments_are_busy_does_not_hold_up_the_numbers_of_the_others",),
        patch=number_first,
    ),
    Mutant(
        "months are made without the tenant's lock",
        ("usage/tests/test_months.py::test_a_month_made_while_its_tenant_moves_does_not_overlap_the_one_before",),
        patch=no_row_locks,
    ),
    Mutant(
        "calls do not hold their month open",
        (f"{CLOSING}::test_a_call_that_arrives_while_its_month_closes_is_billed_once_by_one_month_or_the_next",),
        patch=months_are_not_held_open,
    ),
    Mutant(
        "no key on usage records",
        (f"{CLOSING}::test_one_event_sent_fifty_times_from_eight_connections_counts_once",),
        sql=("ALTER TABLE usage_usagerecord DROP CONSTRAINT usage_usagerecord_pkey",),
    ),
    Mutant(
        "outbox messages are claimed without a lock",
        ("billing_portal/notices/tests/test_outbox.py::test_sweepers_at_once_deliver_each_message_once",),
        patch=no_row_locks,
    ),
    Mutant(
        "no index on a tenant's live subscription, and no lock",
        ("subscriptions/tests/test_subscribing.py::test_one_live_subscription_whoever_starts_it_at_once",),
        sql=("DROP INDEX subscription_one_live",),
        patch=no_row_locks,
    ),
    Mutant(
        "no index and no lock on a form's key",
        ("payments/tests/test_admin_recording.py::test_the_same_form_from_eight_hands_at_once_is_one_payment",),
        sql=("DROP INDEX payment_once_per_key",),
        patch=no_row_locks,
    ),
    Mutant(
        "no key in a refund's form",
        ("payments/tests/test_admin_refunds_at_once.py::test_two_clicks_at_once_give_back_once",),
        patch=refund_forms_have_no_key,
    ),
    Mutant(
        "what was shown of a refund is compared with nothing",
        ("payments/tests/test_admin_refunds.py::test_what_has_changed_meanwhile_is_shown_again",),
        patch=refunds_are_booked_unseen,
    ),
    Mutant(
        "no index on a provider's events",
        (f"{WEBHOOKS}::test_one_event_fifty_times_from_eight_connections_is_one_row_and_one_effect",),
        sql=("ALTER TABLE payments_providerevent DROP CONSTRAINT event_once",),
    ),
    Mutant(
        "no lease on a provider's object",
        (
            f"{WEBHOOKS}::test_workers_at_once_read_and_book_an_object_one_after_the_other",
            f"{WEBHOOKS}::test_workers_at_once_handle_each_object_once",
            "payments/tests/test_inbox_leases.py::test_an_event_about_an_object_that_somebody_works_on_waits_a_little",
        ),
        patch=no_lease,
    ),
    Mutant(
        "no row locks on the events of a busy object",
        (f"{WEBHOOKS}::test_workers_who_leave_a_busy_object_alone_do_not_wait_in_a_circle",),
        patch=no_row_locks,
    ),
    Mutant(
        "a webhook's signature is not looked at",
        (
            "payments/tests/test_webhook_forged.py::test_what_is_forged_is_400_without_a_row_or_a_question_to_the_database",
        ),
        patch=no_signature,
    ),
    Mutant(
        "each who needs a customer asks under another key",
        ("payments/tests/test_methods.py::test_two_who_need_a_customer_at_once_get_the_same_one",),
        patch=no_customer_keys,
    ),
    Mutant(
        "no lock on a tenant's saved methods",
        ("payments/tests/test_methods_choosing.py::test_two_defaults_chosen_at_once_leave_one",),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks on what comes back",
        (
            f"{REFUNDS}::test_one_key_from_eight_hands_is_one_refund",
            f"{REFUNDS}::test_approving_twice_at_once_gives_once",
            f"{REFUNDS}::test_the_response_and_the_webhook_settle_a_refund_once",
            f"{REFUNDS}::test_a_refund_that_comes_back_is_reversed_once",
            f"{REFUNDS}::test_a_refund_made_in_the_dashboard_becomes_one_row",
            f"{REFUNDS}::test_a_lost_dispute_takes_back_once",
            f"{REFUNDS}::test_a_refund_and_a_credit_note_at_once_do_not_give_the_same_money_twice",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks and no bounds on refunds",
        (f"{REFUNDS}::test_of_eight_refunds_of_sixty_percent_exactly_one_succeeds",),
        sql=("DROP TRIGGER payments_refund_bounds ON payments_refund",),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks on checks",
        (
            f"{OFFLINE}::test_a_check_clears_once_whoever_says_so_at_once",
            f"{OFFLINE}::test_a_check_bounces_once_with_one_fee_whoever_says_so_at_once",
            f"{OFFLINE}::test_a_check_that_clears_and_bounces_at_once_has_bounced",
            f"{OFFLINE}::test_a_return_and_refunds_at_once_never_give_what_is_not_here",
            f"{OFFLINE}::test_a_payout_is_sent_or_canceled_and_never_both",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks and no database guards on checks",
        (
            f"{OFFLINE}::test_a_check_bounces_once_with_one_fee_whoever_says_so_at_once",
            f"{OFFLINE}::test_a_check_over_three_invoices_and_cards_for_the_same_pay_none_of_them_twice",
        ),
        sql=(
            "DROP TRIGGER payments_allocation_bounds ON payments_allocation",
            "ALTER TABLE payments_ledgerleg DROP CONSTRAINT ledger_account_once_per_entry",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "the fee of a bounced check locks payments after invoices",
        (f"{OFFLINE}::test_bounces_with_fees_bills_and_refunds_at_once_stand_in_nobodys_way",),
        patch=fees_are_billed_after_the_invoices_are_locked,
    ),
    Mutant(
        "nobody looks whether a bank disputes it",
        ("payments/tests/test_disputing.py::test_an_open_dispute_holds_the_money_and_stops_refunds",),
        patch=banks_hold_nothing,
    ),
    Mutant(
        "nobody holds the second person of a refund",
        ("payments/tests/test_guards.py::test_the_database_holds_a_refunds_second_person",),
        sql=("ALTER TABLE payments_refund DROP CONSTRAINT refund_second_person_is_another",),
    ),
    Mutant(
        "history may be changed",
        ("payments/tests/test_guards.py::test_history_takes_no_update_delete_or_truncate",),
        sql=tuple(
            f"DROP TRIGGER {table}_append_only ON {table}"
            for table in ("payments_ledgerleg", "payments_allocation", "usage_usagerecord")
        ),
    ),
    Mutant(
        "entries need not balance",
        ("payments/tests/test_guards.py::test_an_entry_that_does_not_balance_is_refused_with_all_that_came_with_it",),
        sql=("DROP TRIGGER payments_ledger_balances ON payments_ledgerleg",),
    ),
    Mutant(
        "nobody holds the second person",
        ("payments/tests/test_manual_money.py::test_the_database_holds_the_second_person_too",),
        sql=("ALTER TABLE payments_payment DROP CONSTRAINT payment_second_person_is_another",),
    ),
    Mutant(
        "rows may point into another tenant",
        ("payments/tests/test_guards.py::test_no_row_points_into_another_tenant",),
        sql=("ALTER TABLE payments_payment DROP CONSTRAINT payments_payment_invoice_id_same_tenant",),
    ),
)


def every() -> tuple[Mutant, ...]:
    from billing_portal.tests import charging_mutants, paypal_mutants, subscription_mutants

    # type: ignore[arg-type] below: run as a module, this one is there twice
    others = (*charging_mutants.MUTANTS, *paypal_mutants.MUTANTS, *subscription_mutants.MUTANTS)
    return (*MUTANTS, *others)  # type: ignore[arg-type]


def chosen() -> Mutant | None:
    name = os.environ.get("MUTANT")
    return next(mutant for mutant in every() if mutant.name == name) if name else None


def take_guards_away() -> None:
    """In this process; the database's are gone already where the tests made it."""
    if (mutant := chosen()) and mutant.patch:
        mutant.patch()


@pytest.fixture(scope="session", autouse=True)
def mutated(django_db_setup: None, django_db_blocker: Any) -> None:
    """The database is made anew for each run of pytest, so what is dropped here is gone for that run alone."""
    mutant = chosen()
    if mutant is None:
        return
    take_guards_away()
    with django_db_blocker.unblock():
        from django.db import connection

        with connection.cursor() as cursor:
            for statement in mutant.sql:
                cursor.execute(statement)


if __name__ == "__main__":
    import django

    django.setup()
    take_guards_away()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *sys.argv[1:]])
