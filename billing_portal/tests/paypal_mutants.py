"""Mutants of what takes, gives back and listens to PayPal's money."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from billing_portal.tests.mutation import Mutant, no_row_locks

RACE = "billing_portal/tests/races/test_paypal_at_once.py"
TAKING = "billing_portal/tests/races/test_taking_at_once.py"
CASES = "payments/tests/test_failure_cases_paypal.py"
BACK = "payments/tests/test_paypal_going_back.py"
HOOK = "payments/tests/test_webhook_paypal.py"


def a_new_key_for_each_capture() -> None:
    """PayPal can't tell that a request is one it has seen."""
    from payments.providers.paypal.provider import PayPalProvider

    plain = PayPalProvider.capture
    PayPalProvider.capture = lambda self, ref, *, key: plain(self, ref, key=f"cap:{uuid4()}")  # type: ignore[method-assign]


def a_new_key_for_each_order() -> None:
    from payments.actions import driving

    plain = driving._approval
    driving._approval = lambda payment: replace(plain(payment), key=f"order:{uuid4()}")


def who_is_working_on_it_does_not_answer() -> None:
    """A request that is under way counts as silence."""
    from payments.actions import calling

    calling._is_silence = lambda error, *, came: error is not None or not came


def nobody_holds_what_is_being_taken() -> None:
    """Whoever has read that the payer has yet to act, or gives it up, says so while another takes the money."""
    from payments.actions import waiting

    waiting.may_be_taken = lambda payment, now: False


def the_clock_of_a_claim_may_be_behind() -> None:
    from payments.actions import waiting

    class Behind:
        @staticmethod
        def now() -> Any:
            from datetime import UTC, datetime

            return datetime.min.replace(tzinfo=UTC)

    waiting.timezone = Behind  # type: ignore[assignment]


def whoever_comes_takes() -> None:
    """A second taker goes on with the first one's claim."""
    from payments.actions import capturing, waiting

    plain = waiting.claim_to_take

    def claim(*, payment_id: Any, actor: Any, now: Any) -> Any:
        mine = plain(payment_id=payment_id, actor=actor, now=now)
        return mine or waiting.Payment.objects.select_related("tenant", "invoice").get(id=payment_id)

    capturing.waiting.claim_to_take = claim


def paypals_events_are_believed() -> None:
    """What an event tells of a capture is booked as it is, without reading it again."""
    from payments.inbox import handling
    from payments.models import Payment

    plain = handling.handler_of

    def believing(topic: str | None) -> Any:
        return _believe if topic == "payment" else plain(topic)

    def _believe(event: Any) -> None:
        from payments.actions import settling
        from payments.event_handlers import Actor
        from payments.providers.facts import Outcome, PaymentResult

        row = Payment.objects.filter(provider_ref=event.object_ref).first()
        if row and event.kind == "PAYMENT.CAPTURE.COMPLETED":
            came = PaymentResult(Outcome.SUCCEEDED, capture_ref=event.payload["resource"]["id"])
            settling.settle_payment(payment_id=row.id, result=came, actor=Actor.system("event"), now=event.now)

    handling.handler_of = believing


def refunds_and_disputes_know_nothing_of_each_other() -> None:
    from payments.actions import disputing, settling_refunds

    disputing._refunded = lambda payment: set()
    settling_refunds._disputed = lambda payment: set()


def no_signature_of_paypals() -> None:
    """Any bytes are PayPal's."""
    from payments.providers.paypal.verifying import Verifier

    Verifier.check = lambda *_: None  # type: ignore[method-assign]


def certificates_from_anywhere() -> None:
    from payments.providers.paypal.certificates import Certificates

    Certificates.refuse_address = lambda *_: None  # type: ignore[method-assign]


MUTANTS = (
    Mutant(
        "each try to capture has a key of its own",
        (
            f"{RACE}::test_the_return_a_second_click_the_event_and_the_sweep_at_once_take_it_once",
            f"{CASES}::test_p2_a_capture_that_may_not_have_arrived_is_sent_again_under_the_same_id[drop_before]",
        ),
        patch=a_new_key_for_each_capture,
    ),
    Mutant(
        "each try to begin an order has a key of its own",
        (
            f"{RACE}::test_one_key_from_twelve_threads_is_one_order[None]",
            f"{RACE}::test_one_key_from_twelve_threads_is_one_order[drop_after]",
        ),
        patch=a_new_key_for_each_order,
    ),
    Mutant(
        "no row locks on PayPal's money",
        (
            f"{RACE}::test_the_return_a_second_click_the_event_and_the_sweep_at_once_take_it_once",
            f"{RACE}::test_eight_clicks_at_once_capture_once[0]",
            f"{RACE}::test_an_order_and_a_check_for_the_same_invoice_at_once_pay_it_once",
            f"{RACE}::test_what_went_back_at_paypal_is_booked_once_whoever_reads_it_at_once",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks and no bounds on refunds at PayPal",
        (f"{RACE}::test_of_eight_refunds_of_sixty_percent_exactly_one_is_given",),
        sql=("DROP TRIGGER payments_refund_bounds ON payments_refund",),
        patch=no_row_locks,
    ),
    Mutant(
        "an order may belong to two payments",
        (f"{RACE}::test_an_order_belongs_to_one_payment",),
        sql=("DROP INDEX payment_one_per_provider_ref",),
    ),
    Mutant(
        "a capture may belong to two payments",
        (f"{RACE}::test_an_order_belongs_to_one_payment",),
        sql=("DROP INDEX payment_one_per_capture_ref",),
    ),
    Mutant(
        "nobody holds what is being taken",
        (
            f"{TAKING}::test_neither_a_cancel_nor_a_look_ends_what_is_being_taken[on time]",
            f"{TAKING}::test_who_has_read_that_it_waits_does_not_cancel_it_under_the_takers_hands",
            f"{TAKING}::test_after_a_lost_answer_it_waits_for_nobody_else_while_the_request_may_still_arrive",
        ),
        patch=nobody_holds_what_is_being_taken,
    ),
    Mutant(
        "a claim is reckoned from a clock that is behind",
        (f"{TAKING}::test_neither_a_cancel_nor_a_look_ends_what_is_being_taken[behind]",),
        patch=the_clock_of_a_claim_may_be_behind,
    ),
    Mutant(
        "a second taker takes the first one's claim for its own",
        (f"{TAKING}::test_a_second_taker_does_not_take_the_firsts_claim_for_its_own",),
        patch=whoever_comes_takes,
    ),
    Mutant(
        "a request that is under way counts as silence",
        (f"{CASES}::test_p5_that_it_is_under_way_is_an_answer_of_somebody_who_is_there",),
        patch=who_is_working_on_it_does_not_answer,
    ),
    Mutant(
        "PayPal's events are believed as they come",
        (f"{CASES}::test_p8_a_body_forged_under_the_same_checksum_books_nothing_of_what_it_says",),
        patch=paypals_events_are_believed,
    ),
    Mutant(
        "the same money is a refund and a dispute",
        (
            f"{BACK}::test_the_same_money_is_never_booked_as_a_refund_and_as_a_dispute[refund]",
            f"{BACK}::test_the_same_money_is_never_booked_as_a_refund_and_as_a_dispute[dispute]",
        ),
        patch=refunds_and_disputes_know_nothing_of_each_other,
    ),
    Mutant(
        "PayPal's signature is not looked at",
        (f"{HOOK}::test_other_bytes_are_refused[api]", f"{HOOK}::test_other_bytes_are_refused[offline]"),
        patch=no_signature_of_paypals,
    ),
    Mutant(
        "certificates are fetched from anywhere",
        (f"{HOOK}::test_a_certificate_of_another_host_is_refused_and_nobody_is_asked",),
        patch=certificates_from_anywhere,
    ),
)
