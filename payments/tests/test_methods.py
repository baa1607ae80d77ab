"""One customer for a tenant, and rows of its saved methods that follow what the provider keeps."""

from __future__ import annotations

from typing import Any

import pytest

from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments.actions.saving_methods import begin_setup, sync_methods
from payments.models import Attempt, PaymentMethod, ProviderCustomer
from payments.providers.errors import ProviderUnavailable
from payments.tests.methods_world import NOW, card, customer, synced

# --- Customers --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_tenant_gets_one_customer_that_leads_back_to_it(stripe: StripeWorld) -> None:
    acme = world.tenant("acme")
    first, again = customer(stripe, acme), customer(stripe, acme)
    (made,) = stripe.objects("customers")
    assert first == again == made["id"] == ProviderCustomer.objects.get().provider_ref
    assert (made["email"], made["name"]) == ("billing@acme.example", "Acme")
    assert made["metadata"] == {"tenant_id": str(acme.id), "djstripe_subscriber": str(acme.id), "env": "test"}
    assert Attempt.objects.get().operation == "create_customer"


@pytest.mark.django_db(transaction=True)
def test_two_who_need_a_customer_at_once_get_the_same_one(stripe: StripeWorld) -> None:
    acme = world.tenant()

    def ask() -> str:
        try:
            return customer(stripe, acme)
        except ProviderUnavailable:  # told twice that the other is at it: whoever comes back finds it
            return customer(stripe, acme)

    outcomes = at_once(2, ask)
    assert outcomes.errors == []
    assert len(set(outcomes.results)) == 1
    assert len(stripe.objects("customers")) == ProviderCustomer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_was_lost_does_not_make_a_second_customer(stripe: StripeWorld) -> None:
    acme = world.tenant()
    stripe.fault("drop_after", "/v1/customers", times=2)
    with pytest.raises(ProviderUnavailable):
        customer(stripe, acme)
    assert not ProviderCustomer.objects.exists()
    assert customer(stripe, acme) == stripe.objects("customers")[0]["id"]
    assert len(stripe.objects("customers")) == 1


@pytest.mark.django_db
def test_a_customer_that_was_deleted_in_the_dashboard_is_replaced_and_its_methods_are_gone(stripe: StripeWorld) -> None:
    acme = world.tenant()
    card(stripe, acme)
    assert len(synced(acme)) == 1
    dead = customer(stripe, acme)
    stripe.api.customers.delete(dead)
    assert synced(acme) == []
    setup = begin_setup(tenant=acme, kind=None, key="k", now=NOW)
    fresh = ProviderCustomer.objects.get().provider_ref
    assert fresh != dead
    assert stripe.api.setup_intents.retrieve(setup.provider_ref).customer == fresh


# --- Our rows follow the provider -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_card_and_a_bank_account_are_taken_in_as_they_may_be_shown(stripe: StripeWorld) -> None:
    acme = world.tenant()
    visa = card(stripe, acme)
    bank = stripe.bank_account(customer(stripe, acme))
    rows = {row.provider_ref: row for row in sync_methods(tenant=acme, now=NOW)}
    assert set(rows) == {visa, bank}
    kept = {each["id"]: each for each in stripe.objects("payment_methods")}
    shown = rows[visa]
    assert (shown.type, shown.brand, shown.last4) == ("card", "visa", "4242")
    assert (shown.exp_month, shown.exp_year) == (kept[visa]["card"]["exp_month"], kept[visa]["card"]["exp_year"])
    shown = rows[bank]
    assert (shown.type, shown.bank_name) == ("us_bank_account", kept[bank]["us_bank_account"]["bank_name"])
    assert shown.last4 == kept[bank]["us_bank_account"]["last4"]
    assert (shown.exp_month, shown.brand) == (None, None)
    assert int(shown.created_at.timestamp()) == kept[bank]["created"]


@pytest.mark.django_db
def test_a_tenant_that_never_saved_anything_costs_no_call(stripe: StripeWorld) -> None:
    assert synced(world.tenant()) == []
    assert not Attempt.objects.exists()


@pytest.mark.django_db
def test_a_card_that_its_bank_renewed_shows_its_new_date(stripe: StripeWorld) -> None:
    acme = world.tenant()
    visa = card(stripe, acme)
    synced(acme)
    PaymentMethod.objects.update(exp_year=2001, last4="0000")  # as it was before the bank renewed it
    synced(acme)
    row, kept = PaymentMethod.objects.get(), stripe.objects("payment_methods")[-1]["card"]
    assert (row.provider_ref, row.exp_year, row.last4) == (visa, kept["exp_year"], kept["last4"])


@pytest.mark.django_db
def test_what_was_detached_elsewhere_is_gone_and_never_comes_back(stripe: StripeWorld) -> None:
    acme = world.tenant()
    visa = card(stripe, acme)
    before_it_went = stripe.provider.saved_methods(customer(stripe, acme))
    synced(acme)
    stripe.api.payment_methods.detach(visa)
    assert synced(acme) == []
    row = PaymentMethod.objects.get()
    assert (row.removed_at, row.is_default) == (NOW, False)
    with pytest.MonkeyPatch.context() as late:  # an answer that was on its way while the card was detached
        late.setattr(stripe.provider, "saved_methods", lambda customer_ref: before_it_went)
        assert synced(acme) == []


@pytest.mark.django_db
def test_an_old_answer_does_not_remove_what_was_saved_since(stripe: StripeWorld) -> None:
    acme = world.tenant()
    card(stripe, acme)
    old = stripe.provider.saved_methods(customer(stripe, acme))
    late, saved = pytest.MonkeyPatch(), []

    def slow(customer_ref: str) -> Any:
        """While this answer is on its way, another card is saved and taken in."""
        late.undo()
        saved.append(card(stripe, acme, "pm_card_mastercard"))
        synced(acme)
        return old

    late.setattr(stripe.provider, "saved_methods", slow)
    assert set(synced(acme)) == {old[0].ref, saved[0]}
    assert PaymentMethod.objects.get(provider_ref=saved[0]).removed_at is None


@pytest.mark.django_db
def test_a_method_of_another_tenants_row_is_never_moved(stripe: StripeWorld, caplog: pytest.LogCaptureFixture) -> None:
    acme, globex = world.tenant(), world.tenant()
    theirs = card(stripe, globex)
    synced(globex)
    customer(stripe, acme)
    with pytest.MonkeyPatch.context() as lying:
        facts = stripe.provider.saved_methods(customer(stripe, globex))
        lying.setattr(stripe.provider, "saved_methods", lambda customer_ref: facts)
        assert synced(acme) == []
    assert PaymentMethod.objects.get(provider_ref=theirs).tenant_id == globex.id
    assert [record.levelname for record in caplog.records if theirs in record.getMessage()] == ["ERROR"]
