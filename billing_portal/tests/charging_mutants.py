"""Mutants of what charges, refunds and listens to a provider, for the race and crash tests of that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from billing_portal.tests.mutation import Mutant, no_customer_keys, no_key_lock, no_lease, no_row_locks

RACES = "billing_portal/tests/races"
CHARGES = f"{RACES}/test_charges_at_once.py"
EVENTS = f"{RACES}/test_events_at_once.py"
KILLED = f"{RACES}/test_killed.py"
LOST = f"{RACES}/test_lost_answers.py"
BROKER = f"{RACES}/test_without_the_broker.py"


def no_lease_and_no_row_locks() -> None:
    no_lease()
    no_row_locks()


def any_body_is_the_same_request() -> None:
    """A key is the same request whatever it asks for, and wherever."""
    from billing_portal.kit import idempotency
    from payments.actions import charging

    idempotency._fingerprint = lambda request: "the same"
    charging._same_request = lambda earlier, *_: earlier


def a_new_key_for_each_charge() -> None:
    """The provider can't tell that a request is one it has seen."""
    from payments.actions import driving

    plain = driving._charge
    driving._charge = lambda *args: replace(plain(*args), key=f"pay:{uuid4()}")


def a_new_key_for_each_refund() -> None:
    """And nobody looks whether it was given."""
    from payments.actions import sending_refunds

    plain = sending_refunds.RefundRequest
    sending_refunds.RefundRequest = lambda **facts: plain(**facts | {"key": f"refund:{uuid4()}"})  # type: ignore[assignment, misc]
    sending_refunds.look_for = lambda *_, **__: None  # type: ignore[assignment, return-value]


def every_caller_is_the_first() -> None:
    """A refusal ends a payment that somebody else may have sent before."""
    from payments.actions import driving

    plain = driving.drive
    driving.drive = lambda **facts: plain(**facts | {"is_first": True})


def a_refusal_ends_what_others_send() -> None:
    """Whoever is refused does not look whether another has sent the same request meanwhile."""
    from payments.actions import waiting

    waiting.mark_unknown = lambda *, payment_id, **_: waiting.Payment.objects.get(id=payment_id)  # type: ignore[assignment]


def a_lost_answer_is_a_failure() -> None:
    from payments.actions import settling, waiting
    from payments.providers.facts import Outcome, PaymentResult

    def failed(*, payment_id: Any, actor: Any, now: Any, **_: Any) -> Any:
        nothing = PaymentResult(Outcome.FAILED, failure_code="timeout")
        return settling.settle_payment(payment_id=payment_id, result=nothing, actor=actor, now=now)

    waiting.mark_unknown = failed


def _commits_after(module: Any, name: str) -> None:
    """The transaction is committed in its middle, and goes on as another."""
    from django.db import connection

    plain = getattr(module, name)

    def committing(*args: Any, **facts: Any) -> Any:
        result = plain(*args, **facts)
        connection.connection.commit()
        return result

    setattr(module, name, committing)


def a_payments_state_is_committed_alone() -> None:
    from payments.actions import settling

    _commits_after(settling, "note_move")


def a_refunds_state_is_committed_alone() -> None:
    from payments.actions import settling_refunds

    _commits_after(settling_refunds, "_note")


def events_are_believed() -> None:
    """What an event tells of a payment is booked as it is, without reading it again."""
    from payments.inbox import registry
    from payments.models import Payment
    from payments.providers.stripe.reading import payment_of

    plain = registry.handler_of

    def believing(topic: str | None) -> Any:
        return _believe if topic == "payment" else plain(topic)

    def _believe(event: Any) -> None:
        from payments.actions import settling
        from payments.event_handlers import Actor

        told = event.payload["data"]["object"]
        row = Payment.objects.filter(provider_ref=event.object_ref).first()
        if row and told["object"] == "payment_intent":
            settling.settle_payment(
                payment_id=row.id, result=payment_of(told), actor=Actor.system("event"), now=event.now
            )

    from payments.inbox import handling

    handling.handler_of = believing


def events_are_done_before_they_are_handled() -> None:
    from payments.inbox import handling

    plain = handling._by_handler

    def first_done(events: Any) -> Any:
        handling._received().filter(id__in=[each.id for each in events]).update(status="handled")
        return plain(events)

    handling._by_handler = first_done


def only_known_references_are_ours() -> None:
    """An event that is faster than the answer to our call finds nobody."""
    from payments.actions import syncing

    syncing._named_by = lambda *_: None


def the_broker_must_be_there() -> None:
    """Whoever wakes a worker fails when that can't be done."""
    from celery import current_app

    from billing_portal.notices import outbox
    from payments.webhooks import views

    def insisting(task: str = "notices.deliver_outbox", **_: Any) -> None:
        with current_app.connection_for_write(connect_timeout=1) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0)
            current_app.send_task(task, connection=connection, retry=False)

    outbox.wake = views.wake = insisting  # type: ignore[assignment]


MUTANTS = (
    Mutant(
        "no lock on the key of a charge",
        (f"{CHARGES}::test_one_key_from_forty_threads_over_http_is_one_charge",),
        patch=no_key_lock,
    ),
    Mutant(
        "no row locks and no indexes where cards are charged",
        (
            f"{CHARGES}::test_one_key_from_forty_threads_of_the_verb_is_one_charge",
            f"{CHARGES}::test_eight_threads_that_pay_one_invoice_take_its_amount_once",
            f"{CHARGES}::test_eight_threads_that_collect_one_invoice_charge_it_once",
        ),
        sql=("DROP INDEX payment_once_per_key", "DROP INDEX payment_one_open_per_invoice"),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks on what a provider tells",
        (
            f"{CHARGES}::test_a_payer_who_confirms_while_others_cancel_and_refresh_pays_once_or_not_at_all",
            f"{BROKER}::test_tasks_that_are_delivered_twice_and_run_at_once_have_their_effect_once",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks and no index on entries",
        (f"{LOST}::test_the_questions_asked_twice_at_once_settle_a_payment_and_a_refund_once",),
        sql=("ALTER TABLE payments_ledgerleg DROP CONSTRAINT ledger_account_once_per_entry",),
        patch=no_row_locks,
    ),
    Mutant(
        "each payment brings a customer of its own",
        (f"{CHARGES}::test_the_first_payments_of_a_tenant_at_once_make_it_one_customer",),
        patch=no_customer_keys,
    ),
    Mutant(
        "a key is the same request whatever it asks for",
        (f"{CHARGES}::test_a_key_belongs_to_one_request_of_one_tenant",),
        patch=any_body_is_the_same_request,
    ),
    Mutant(
        "neither lease nor row locks on what is told",
        (f"{EVENTS}::test_one_event_fifty_times_from_eight_connections_is_one_entry_and_one_mail",),
        patch=no_lease_and_no_row_locks,
    ),
    Mutant(
        "events are believed as they come",
        (f"{EVENTS}::test_events_shuffled_and_copied_leave_the_same_books_as_in_order",),
        patch=events_are_believed,
    ),
    Mutant(
        "an event before the answer is nobody's",
        (f"{EVENTS}::test_an_event_that_comes_before_the_answer_to_our_call_is_about_the_same_payment",),
        patch=only_known_references_are_ours,
    ),
    Mutant(
        "an event is done before it is handled",
        (
            f"{KILLED}::test_a_worker_killed_while_it_handles_an_event[event: object claimed]",
            f"{KILLED}::test_a_worker_killed_while_it_handles_an_event[event: object read]",
        ),
        patch=events_are_done_before_they_are_handled,
    ),
    Mutant(
        "each try to charge has a key of its own",
        (
            f"{KILLED}::test_a_web_server_killed_while_it_charges[charge: answered]",
            f"{KILLED}::test_a_web_server_killed_while_it_charges[sent, and not answered]",
            f"{KILLED}::test_a_worker_killed_while_it_collects_an_invoice[charge: answered]",
        ),
        patch=a_new_key_for_each_charge,
    ),
    Mutant(
        "each try to refund has a key of its own, and nobody looks first",
        (
            f"{KILLED}::test_a_web_server_killed_while_it_refunds[refund: answered]",
            f"{LOST}::test_a_refund[drop_after]",
        ),
        patch=a_new_key_for_each_refund,
    ),
    Mutant(
        "a payment's state is committed before its entries",
        (
            f"{KILLED}::test_a_web_server_killed_while_it_charges[charge: end not committed]",
            f"{KILLED}::test_a_worker_killed_while_it_handles_an_event[event: end not committed]",
        ),
        patch=a_payments_state_is_committed_alone,
    ),
    Mutant(
        "a refund's state is committed before its entries",
        (f"{KILLED}::test_a_web_server_killed_while_it_refunds[refund: end not committed]",),
        patch=a_refunds_state_is_committed_alone,
    ),
    Mutant(
        "a refusal ends what somebody may have sent",
        (f"{LOST}::test_what_somebody_may_have_sent_before_is_not_given_up_because_the_next_one_is_refused",),
        patch=every_caller_is_the_first,
    ),
    Mutant(
        "a refusal ends what another sends meanwhile",
        (f"{LOST}::test_whoever_is_refused_while_another_sends_the_same_request_gives_nothing_up",),
        patch=a_refusal_ends_what_others_send,
    ),
    Mutant(
        "a lost answer is a failure",
        (
            f"{LOST}::test_a_charge[drop_after]",
            f"{LOST}::test_a_charge[garbage]",
            f"{LOST}::test_a_provider_that_is_away_for_ten_minutes_is_asked_when_it_is_back",
        ),
        patch=a_lost_answer_is_a_failure,
    ),
    Mutant(
        "the broker must be there",
        (f"{BROKER}::test_with_the_broker_down_payments_and_events_are_taken_and_swept",),
        patch=the_broker_must_be_there,
    ),
)
