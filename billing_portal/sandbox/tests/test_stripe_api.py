"""The API around the objects: keys, lists, search, expansion, unknown parameters, shapes, the panel's own door."""

import json

import pytest
import stripe

from billing_portal.sandbox.stripe.checking import NotAsTyped, check_answer, check_params
from billing_portal.sandbox.stripe.in_process import ADDRESS, call
from billing_portal.sandbox.stripe.params import decode
from billing_portal.sandbox.tests.conftest import AUTOMATIC, KEY, connect

PUBLISHABLE = "pk_test_" + "b" * 24


def ask(sandbox, method, path, body="", **headers):
    status, _, answer = call(sandbox, method, ADDRESS + path, headers, body)
    return status, json.loads(answer)


def test_every_object_has_the_shape_that_the_sdk_says(client, pay, save, panel):
    pay()
    pay("pm_card_createDispute")
    pay(save("pm_card_authenticationRequiredOnSetup", panel))
    pay(save("pm_usBankAccount_insufficientFunds"))
    debit = pay(save("pm_usBankAccount_success"))
    with pytest.raises(stripe.CardError):
        pay("pm_card_chargeDeclined")
    panel.ask("POST", "settle", {"id": debit.id, "outcome": "succeeded"})
    client.v1.refunds.create({"payment_intent": debit.id})
    paid = pay()
    refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    panel.ask("POST", "settle", {"id": refund.id, "outcome": "failed"})
    classes = {
        "customers": stripe.Customer,
        "payment_methods": stripe.PaymentMethod,
        "setup_intents": stripe.SetupIntent,
        "payment_intents": stripe.PaymentIntent,
        "charges": stripe.Charge,
        "refunds": stripe.Refund,
        "disputes": stripe.Dispute,
        "balance_transactions": stripe.BalanceTransaction,
        "mandates": stripe.Mandate,
        "events": stripe.Event,
    }
    for kind, shape in classes.items():
        things = panel.objects(kind)
        assert things, kind
        for thing in things:
            check_answer(shape, thing)
            assert not [key for key in thing if key.startswith("_")]


def test_what_is_sent_is_checked_against_the_types(client):
    for params, complaint in (
        ({"amount": "2900", "currency": "usd"}, "is no int"),
        ({"amount": True, "currency": "usd"}, "is no int"),
        ({"amount": 2900}, r"\[currency\]: missing"),
        ({"amount": 2900, "currency": "usd", "colour": "red"}, r"\[colour\]: unknown"),
        ({"amount": 2900, "currency": "usd", "metadata": {"n": 1}}, r"\[n\]: 1 is no str"),
        ({"amount": 2900, "currency": "usd", "setup_future_usage": "sometimes"}, "sometimes"),
        (
            {"amount": 2900, "currency": "usd", "automatic_payment_methods": {"enabled": True, "redirects": "never"}},
            r"\[redirects\]: unknown",
        ),
    ):
        with pytest.raises(NotAsTyped, match=complaint):
            client.v1.payment_intents.create(params)
    with pytest.raises(NotAsTyped, match="no type is known"):
        check_params("POST", "/v1/quotes", {})


def test_lists_are_paged_newest_first(client):
    made = [client.v1.customers.create({"email": f"{n}@acme.example"}).id for n in range(5)]
    page = client.v1.customers.list({"limit": 2})
    assert [c.id for c in page.data] == made[:2:-1] and page.has_more
    rest = client.v1.customers.list({"limit": 10, "starting_after": page.data[-1].id})
    assert [c.id for c in rest.data] == made[2::-1] and not rest.has_more
    assert [c.id for c in client.v1.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    back = client.v1.customers.list({"ending_before": made[2], "limit": 1})
    assert [c.id for c in back.data] == [made[3]] and back.has_more
    assert client.v1.customers.list({"email": "3@acme.example"}).data[0].id == made[3]
    assert client.v1.customers.list({"created": {"gt": 4_000_000_000}}).data == []
    for wrong in ({"limit": 101}, {"starting_after": "cus_none"}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.list(wrong)


def test_search_by_metadata(client, pay):
    pay(metadata={"payment_id": "p1"})
    wanted = pay(metadata={"payment_id": "p2"})
    search = client.v1.payment_intents.search
    assert [i.id for i in search({"query": "metadata['payment_id']:'p2'"}).data] == [wanted.id]
    assert [i.id for i in search({"query": "metadata['payment_id']:'p2' AND amount>2900"}).data] == []
    assert len(search({"query": 'status:"succeeded"', "limit": 1}).data) == 1
    with pytest.raises(stripe.InvalidRequestError):
        search({"query": "whatever I like"})


def test_events_are_listed_by_kind(client, pay):
    pay()
    wanted = ["charge.succeeded", "payment_intent.succeeded"]
    found = client.v1.events.list({"types": wanted})
    assert [event.type for event in found.data] == wanted[::-1]
    assert client.v1.events.retrieve(found.data[0].id).data.object.status == "succeeded"


def test_what_cannot_be_expanded_says_so(pay):
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        pay(expand=["colour"])


def test_nothing_is_ignored_in_silence(sandbox):
    auth = {"Authorization": f"Bearer {KEY}"}
    status, answer = ask(sandbox, "POST", "/v1/customers", "colour=red", **auth)
    assert (status, answer["error"]["code"]) == (400, "parameter_unknown")
    assert ask(sandbox, "GET", "/v1/unicorns", **auth)[0] == 404
    old = {**auth, "Stripe-Version": "2020-08-27"}
    assert ask(sandbox, "GET", "/v1/customers", **old)[0] == 400


def test_keys(sandbox):
    assert ask(sandbox, "GET", "/v1/customers")[0] == 401
    assert ask(sandbox, "GET", "/v1/customers", Authorization="Bearer sk_live_" + "a" * 24)[0] == 401
    status, answer = ask(sandbox, "GET", "/v1/customers", Authorization=f"Bearer {PUBLISHABLE}")
    assert (status, answer["error"]["code"]) == (401, "secret_key_required")
    with pytest.raises(stripe.AuthenticationError):
        connect(sandbox, key="nonsense").v1.customers.list()


def test_the_browser_confirms_with_its_key_and_the_client_secret(sandbox, client, customer, pay):
    intent = client.v1.payment_intents.create(
        {"amount": 2900, "currency": "usd", "customer": customer.id, "automatic_payment_methods": AUTOMATIC}
    )
    card = "type=card&card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=34&card[cvc]=123"
    status, method = ask(sandbox, "POST", "/v1/payment_methods", f"{card}&key={PUBLISHABLE}")
    assert status == 200 and method["card"]["exp_year"] == 2034
    path = f"/v1/payment_intents/{intent.id}"
    sent = f"key={PUBLISHABLE}&payment_method={method['id']}&client_secret="
    assert ask(sandbox, "POST", f"{path}/confirm", sent + "pi_guessed_secret_x")[0] == 404
    assert ask(sandbox, "POST", f"{path}/confirm", sent + intent.client_secret)[1]["status"] == "succeeded"
    read = f"{path}?key={PUBLISHABLE}&client_secret={intent.client_secret}"
    assert ask(sandbox, "GET", read)[1]["status"] == "succeeded"
    assert ask(sandbox, "GET", f"{path}?key={PUBLISHABLE}")[0] == 400


def test_deleted_customers_are_gone(client, customer):
    assert client.v1.customers.delete(customer.id).deleted
    assert client.v1.customers.retrieve(customer.id).deleted
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.setup_intents.create({"customer": customer.id})
    assert refused.value.code == "resource_missing"


def test_metadata_is_merged_and_removed(client, customer):
    update = client.v1.customers.update
    assert update(customer.id, {"metadata": {"a": "1"}}).metadata.to_dict() == {"tenant_id": "acme", "a": "1"}
    assert update(customer.id, {"metadata": {"a": ""}}).metadata.to_dict() == {"tenant_id": "acme"}
    assert update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


def test_nested_parameters():
    assert decode("a[b]=1&c[]=2&c[]=3&d[0][e]=4&d[1][e]=5&f=") == {
        "a": {"b": "1"},
        "c": ["2", "3"],
        "d": [{"e": "4"}, {"e": "5"}],
        "f": "",
    }


def test_the_panel_is_for_this_machine(panel, pay):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        assert panel.raw("POST", "reset", headers=headers)[0] == 403
    assert panel.raw("GET", "objects/unicorns")[0] == 404
    assert panel.raw("POST", "clock", {"now": "yesterday"})[0] == 400
    assert panel.raw("POST", "refund", {"id": pay().id, "amount": "5"})[0] == 400
    assert panel.raw("POST", "faults", {"path": "*", "fault": "status", "status": "500"})[0] == 400
    assert panel.raw("POST", "settle", {"id": "pi_none", "outcome": "succeeded"})[0] == 404
    pay()
    panel.ask("POST", "reset")
    assert panel.objects("customers") == [] and panel.log() == []
