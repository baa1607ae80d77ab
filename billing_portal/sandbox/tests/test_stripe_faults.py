"""Misbehaviour on request, as the SDK sees it, and what is true afterwards."""

import pytest
import stripe

from billing_portal.sandbox.tests.conftest import connect

PATH = "/v1/payment_intents*"


@pytest.mark.parametrize(
    ("fault", "error", "status", "charges"),
    [
        ({"fault": "drop_before"}, stripe.APIConnectionError, None, 0),
        ({"fault": "drop_after"}, stripe.APIConnectionError, None, 1),
        ({"fault": "delay", "seconds": 60}, stripe.APIConnectionError, None, 1),
        ({"fault": "html_500"}, stripe.APIError, 500, 0),
        ({"fault": "status", "status": 503}, stripe.APIError, 503, 0),
        ({"fault": "rate_limit"}, stripe.RateLimitError, 429, 0),
        ({"fault": "token_revoked"}, stripe.AuthenticationError, 401, 0),
        ({"fault": "garbage"}, stripe.APIError, 200, 1),
    ],
)
def test_each_fault_and_its_truth(pay, panel, fault, error, status, charges):
    panel.ask("POST", "faults", {"method": "POST", "path": PATH, **fault})
    with pytest.raises(error) as failed:
        pay(key="pay:1")
    assert failed.value.http_status == status
    assert len(panel.objects("charges")) == charges
    if fault["fault"] != "status":  # an error of the API itself is kept under its key
        assert pay(key="pay:1").status == "succeeded"
        assert len(panel.objects("charges")) == 1


def test_the_sdks_own_retry_finds_the_charge_that_the_network_lost(sandbox, customer, panel):
    panel.ask("POST", "faults", {"path": PATH, "fault": "drop_after", "times": 2})
    params = {"amount": 2900, "currency": "usd", "customer": customer.id}
    made = connect(sandbox, retries=2).v1.payment_intents.create(params)
    assert [intent["id"] for intent in panel.objects("payment_intents")] == [made.id]
    assert made.last_response.headers["Idempotent-Replayed"] == "true"


def test_faults_are_used_up_cleared_and_checked(client, panel):
    panel.ask("POST", "faults", {"path": "/v1/customers", "fault": "rate_limit", "times": 2})
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            client.v1.customers.list()
    assert client.v1.customers.list().data == []
    panel.ask("POST", "faults", {"path": "*", "fault": "rate_limit"})
    panel.ask("DELETE", "faults")
    assert client.v1.customers.list().data == []
    for wrong in (
        {"path": "*", "fault": "earthquake"},
        {"fault": "garbage"},
        {"path": "*", "fault": "garbage", "x": 1},
    ):
        assert panel.raw("POST", "faults", wrong)[0] == 400


def test_what_was_lost_before_anything_happened_stands_in_the_log(pay, panel):
    panel.ask("POST", "faults", {"path": PATH, "fault": "drop_before"})
    with pytest.raises(stripe.APIConnectionError):
        pay(key="pay:1")
    assert panel.log()[-1] | {"at": ""} == {
        "at": "",
        "method": "POST",
        "path": "/v1/payment_intents",
        "idempotencyKey": "pay:1",
        "status": None,
        "effect": None,
        "replayed": False,
    }
