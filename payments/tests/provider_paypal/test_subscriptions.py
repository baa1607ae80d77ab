"""PayPal's subscriptions: what is sent, what each of its words means, and what it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from payments.providers.contract_recurring import price_request
from payments.providers.errors import (
    NotInThatState,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    UnderWay,
    UnfitMethod,
    UnknownReference,
    Unreadable,
)
from payments.providers.paypal.subscription_reading import subscription_of
from payments.providers.recurring import Coupon, Payer
from payments.tests.provider_paypal.adapter import PayPalAdapter
from payments.tests.provider_paypal.recurring import SUBSCRIPTIONS, asked, begun, bill

OUR_ID = "5b1c2a7e-7a55-4f0d-9d51-0c2c4fb3b9a1"


def sent(paypal: PayPalAdapter) -> dict[str, Any]:
    """The body of the last beginning."""
    posts = [each for each in paypal.wire.requests if (each.method, each.url.path) == ("POST", SUBSCRIPTIONS)]
    return json.loads(posts[-1].content)


def answering(paypal: PayPalAdapter, path: str, status: int, issue: str, method: str = "POST") -> None:
    content = {"name": "UNPROCESSABLE_ENTITY", "message": "No.", "details": [{"issue": issue}], "debug_id": "f1"}
    paypal.wire.instead = lambda request: (
        httpx.Response(status, json=content) if (request.method, request.url.path) == (method, path) else None
    )


def test_what_the_payer_is_asked_to_agree_to(paypal: PayPalAdapter) -> None:
    request = asked(paypal, subscription_id=OUR_ID)
    facts = paypal.provider.start_subscription(request)
    assert facts.status == "approval_pending" and facts.approval_url and "ba_token=BA-" in facts.approval_url
    assert sent(paypal) == {
        "plan_id": request.price_ref,
        "custom_id": OUR_ID,
        "quantity": "3",
        "subscriber": {
            "email_address": "owner@acme.example",
            "name": {"given_name": "Ada", "surname": "Jones"},
        },
        "application_context": {
            "brand_name": "Call Center",
            "user_action": "SUBSCRIBE_NOW",
            "shipping_preference": "NO_SHIPPING",
            "return_url": "https://portal.example/back",
            "cancel_url": "https://portal.example/not-now",
        },
    }
    assert paypal.wire.requests[-1].headers["PayPal-Request-Id"] == f"sub:{OUR_ID}"


def test_a_payer_may_have_no_name_and_nobody_need_be_named(paypal: PayPalAdapter) -> None:
    paypal.provider.start_subscription(asked(paypal, payer=Payer("owner@acme.example")))
    assert sent(paypal)["subscriber"] == {"email_address": "owner@acme.example"}
    paypal.provider.start_subscription(asked(paypal, payer=None))
    assert "subscriber" not in sent(paypal)


def test_a_trial_is_a_beginning_in_the_future(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-11-01T00:00:00Z")
    ends = datetime(2026, 11, 15, 8, tzinfo=UTC)
    reference = begun(paypal, trial_end=ends)
    assert sent(paypal)["start_time"] == "2026-11-15T08:00:00Z"
    facts = paypal.provider.look_up_subscription(reference)
    assert (facts.status, facts.trial_end, facts.period) == ("trialing", ends, None)
    for verb, status in (("pause", "paused"), ("resume", "trialing")):
        assert getattr(paypal.provider, f"{verb}_subscription")(reference, reason="x").status == status
    paypal.clock("2026-11-15T09:00:00Z")
    facts = paypal.provider.look_up_subscription(reference)
    assert (facts.status, facts.trial_end) == ("active", ends)
    assert facts.period == (ends, datetime(2026, 12, 15, 8, tzinfo=UTC))


def test_a_trial_that_ends_unpaid_is_past_due(paypal: PayPalAdapter) -> None:
    reference = begun(paypal, trial_end=datetime.now(UTC) + timedelta(days=14))
    bill(paypal, reference, "failed")
    facts = paypal.provider.look_up_subscription(reference)
    assert (facts.status, facts.period) == ("past_due", None) and facts.next_try_at


@pytest.mark.parametrize(
    ("facts", "raises"),
    [
        ({"coupon": Coupon("SPRING", percent_off="10")}, ProviderRejected),
        ({"trial_end": datetime(2020, 1, 1, tzinfo=UTC)}, ProviderRejected),
        ({"key": "k" * 109}, ProviderRejected),
    ],
)
def test_what_paypal_can_not_do_begins_nothing(
    paypal: PayPalAdapter, facts: dict[str, Any], raises: type[ProviderError]
) -> None:
    with pytest.raises(raises):
        paypal.provider.start_subscription(asked(paypal, **facts))
    assert paypal.objects("subscriptions") == []


@pytest.mark.parametrize(
    ("status", "issue", "raises"),
    [
        (422, "PLAN_STATUS_INVALID", ProviderRejected),
        (422, "CURRENCY_MISMATCH", ProviderRejected),
        (422, "SUBSCRIPTION_CANNOT_HAVE_QUANTITY", ProviderRejected),
        (422, "USER_ACCOUNT_CLOSED", UnfitMethod),
        (403, "PERMISSION_DENIED", ProviderMisconfigured),
        (404, "INVALID_RESOURCE_ID", UnknownReference),
        (409, "PREVIOUS_REQUEST_IN_PROGRESS", UnderWay),
    ],
)
def test_what_is_said_to_a_beginning(
    paypal: PayPalAdapter, status: int, issue: str, raises: type[ProviderError]
) -> None:
    request = asked(paypal)
    answering(paypal, SUBSCRIPTIONS, status, issue)
    with pytest.raises(raises) as raised:
        paypal.provider.start_subscription(request)
    assert (type(raised.value), raised.value.code) == (raises, issue)


def test_a_plan_that_was_closed_in_the_dashboard_takes_nobody(paypal: PayPalAdapter) -> None:
    request = asked(paypal)
    paypal.client.post(f"/v1/billing/plans/{request.price_ref}/deactivate", {}, request_id="by-hand")
    with pytest.raises(ProviderRejected) as raised:
        paypal.provider.start_subscription(request)
    assert raised.value.code == "PLAN_STATUS_INVALID"
    assert paypal.provider.ensure_price(price_request()) != request.price_ref


def test_what_waits_for_its_payer_can_not_be_cancelled_and_may_come_alive(paypal: PayPalAdapter) -> None:
    reference = paypal.provider.start_subscription(asked(paypal)).provider_ref
    for verb in (
        paypal.provider.cancel_subscription,
        paypal.provider.pause_subscription,
        paypal.provider.resume_subscription,
    ):
        with pytest.raises(NotInThatState) as raised:
            verb(reference, reason="A new start")
        assert raised.value.code == "SUBSCRIPTION_STATUS_INVALID"
    paypal.approve(reference)
    assert paypal.provider.cancel_subscription(reference, reason="A new start").status == "canceled"


def test_an_answer_without_a_page_is_none(paypal: PayPalAdapter) -> None:
    request = asked(paypal)
    little = {"id": "I-BW452GLLEP1G", "plan_id": request.price_ref, "status": "APPROVAL_PENDING", "links": []}
    paypal.wire.instead = lambda sent: httpx.Response(201, json=little) if sent.url.path == SUBSCRIPTIONS else None
    with pytest.raises(ProviderUnavailable):
        paypal.provider.start_subscription(request)
    del little["plan_id"]
    with pytest.raises(ProviderUnavailable):
        paypal.provider.start_subscription(request)


def test_the_payer_who_has_agreed_is_not_sent_to_the_page_again(paypal: PayPalAdapter) -> None:
    request = asked(paypal)
    reference = paypal.provider.start_subscription(request).provider_ref
    paypal.approve(reference)
    facts = paypal.provider.look_up_subscription(reference)
    assert (facts.status, facts.approval_url) == ("active", None)


def test_a_cancel_keeps_what_was_paid_for_and_says_when(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-10-31T10:00:00Z")
    reference = begun(paypal)
    paypal.clock("2026-11-05T12:00:00Z")
    facts = paypal.provider.cancel_subscription(reference, reason="")
    assert facts.ended_at == datetime(2026, 11, 5, 12, tzinfo=UTC)
    assert facts.period == (datetime(2026, 10, 31, 10, tzinfo=UTC), datetime(2026, 11, 30, 10, tzinfo=UTC))
    assert paypal.objects("subscriptions")[0]["status_change_note"] == "Asked for by the portal"
    later = paypal.provider.look_up_subscription(reference)
    assert later == facts


def test_failures_end_in_a_suspension_that_only_the_portal_can_tell_from_a_pause(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-11-01T00:00:00Z")
    reference = begun(paypal)
    paypal.clock("2026-12-01T00:00:00Z")  # the second period is paid
    for _ in range(2):
        bill(paypal, reference, "failed")
        facts = paypal.provider.look_up_subscription(reference)
        assert (facts.status, facts.next_try_at) == ("past_due", datetime(2026, 12, 6, tzinfo=UTC))
    bill(paypal, reference, "failed")
    facts = paypal.provider.look_up_subscription(reference)
    assert (facts.status, facts.next_try_at, facts.ended_at) == ("paused", None, None)
    assert paypal.provider.pause_subscription(reference, reason="x") == facts
    assert paypal.provider.resume_subscription(reference, reason="Paid by other means").status == "past_due"


@pytest.mark.parametrize("fault", ["drop_after", "html_500"])
def test_a_lost_answer_to_a_cancel_is_an_unknown_outcome_and_asking_again_ends_it(
    paypal: PayPalAdapter, fault: str
) -> None:
    reference = begun(paypal)
    paypal.fault(fault, f"{SUBSCRIPTIONS}/*/cancel")
    with pytest.raises(OutcomeUnknown):
        paypal.provider.cancel_subscription(reference, reason="x")
    assert paypal.provider.cancel_subscription(reference, reason="x").status == "canceled"
    told = [each["event_type"] for each in paypal.objects("events")]
    assert told.count("BILLING.SUBSCRIPTION.CANCELLED") == 1


def test_a_cancel_that_can_not_be_read_afterwards_is_unknown_too(paypal: PayPalAdapter) -> None:
    reference = begun(paypal)
    paypal.fault("status", f"{SUBSCRIPTIONS}/*", method="GET", status=503, times=2)
    with pytest.raises(OutcomeUnknown):
        paypal.provider.cancel_subscription(reference, reason="x")
    assert paypal.provider.look_up_subscription(reference).status == "canceled"


def test_what_is_not_to_be_seen_yet_is_under_way(paypal: PayPalAdapter) -> None:
    reference = begun(paypal)
    before = httpx.Response(200, json=paypal.objects("subscriptions")[0])
    paypal.wire.instead = lambda request: before if request.method == "GET" else None
    with pytest.raises(UnderWay):
        paypal.provider.cancel_subscription(reference, reason="x")


def test_a_refused_connection_ended_nothing(paypal: PayPalAdapter) -> None:
    reference = begun(paypal)
    paypal.wire.refuse = 1
    with pytest.raises(ProviderUnavailable):
        paypal.provider.cancel_subscription(reference, reason="x")
    assert paypal.provider.look_up_subscription(reference).status == "active"


def test_a_second_pause_is_one_also_within_the_memory_of_the_first(paypal: PayPalAdapter) -> None:
    reference = begun(paypal)
    for _ in range(2):
        assert paypal.provider.pause_subscription(reference, reason="x").status == "paused"
        assert paypal.provider.resume_subscription(reference, reason="x").status == "active"
    told = [each["event_type"] for each in paypal.objects("events")]
    assert told.count("BILLING.SUBSCRIPTION.SUSPENDED") == 2


def test_after_the_memory_of_the_request_it_is_found_by_its_event_for_thirty_days(paypal: PayPalAdapter) -> None:
    paypal.clock("2026-11-01T00:00:00Z")
    begun(paypal)
    reference = begun(paypal, subscription_id=OUR_ID)
    paypal.clock("2026-11-20T00:00:00Z")
    found = paypal.provider.find_subscription(OUR_ID, since=datetime(2026, 10, 31, tzinfo=UTC))
    assert found and (found.provider_ref, found.status) == (reference, "active")
    assert paypal.provider.find_subscription(OUR_ID, since=datetime(2026, 11, 2, tzinfo=UTC)) is None


WHOLE = {
    "id": "I-BW452GLLEP1G",
    "plan_id": "P-5ML4271244454362WXNWU5NQ",
    "status": "ACTIVE",
    "status_update_time": "2026-11-01T00:00:00Z",
    "start_time": "2026-11-01T00:00:00Z",
    "create_time": "2026-11-01T00:05:00Z",
    "custom_id": OUR_ID,
    "quantity": "2",
    "billing_info": {"outstanding_balance": {"currency_code": "USD", "value": "0.0"}, "failed_payments_count": 0},
}
OWED = {"outstanding_balance": {"currency_code": "USD", "value": "9.0"}, "failed_payments_count": 1}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "active"),
        ({"status": "APPROVED"}, "approval_pending"),
        ({"status": "EXPIRED"}, "canceled"),
        ({"status": "SUSPENDED", "billing_info": OWED}, "paused"),
        ({"billing_info": OWED}, "past_due"),
        ({"billing_info": {**OWED, "failed_payments_count": 0}}, "active"),
        ({"billing_info": {**WHOLE["billing_info"], "failed_payments_count": 1}}, "active"),
        ({"start_time": "2026-11-15T00:00:00Z"}, "trialing"),
        ({"start_time": "2026-11-15T00:00:00Z", "update_time": "2026-11-15T10:00:00Z"}, "active"),
        ({"start_time": "2026-11-15T00:00:00Z", "billing_info": OWED}, "past_due"),
    ],
)  # fmt: skip
def test_each_word_of_paypals_is_one_of_ours(changed: dict[str, Any], expected: str) -> None:
    assert subscription_of({**WHOLE, **changed}).status == expected


def test_one_that_ended_before_it_began_has_ended() -> None:
    never = {name: value for name, value in WHOLE.items() if name != "billing_info"}
    assert subscription_of({**never, "status": "EXPIRED"}).status == "canceled"


@pytest.mark.parametrize(("custom_id", "ours"), [(OUR_ID, OUR_ID), ("1681234666743-0811", None), (None, None)])
def test_a_subscription_of_another_system_is_nobodys_row(custom_id: str | None, ours: str | None) -> None:
    assert subscription_of({**WHOLE, "custom_id": custom_id}).subscription_id == ours


@pytest.mark.parametrize(
    "broken",
    [{"status": "PAUSED"}, {"id": None}, {"plan_id": ""}, {"quantity": "many"}, {"start_time": "yesterday"},
     {"billing_info": {"failed_payments_count": 1}}, {"create_time": "2026-11-01T00:00:00"}],
)  # fmt: skip
def test_a_half_answer_is_none(broken: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        subscription_of({**WHOLE, **broken})
