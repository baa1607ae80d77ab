"""Saved methods: one is the default, what is removed is gone on both sides, and one key is one setup."""

from __future__ import annotations

import pytest

from billing_portal.tenants.models import Tenant
from billing_portal.testing import at_once
from billing_portal.tests import world
from billing_portal.tests.stripe_world import StripeWorld
from payments import method_queries
from payments.actions.saving_methods import begin_setup, remove_method, set_default
from payments.errors import MethodInUse, MethodNotFound
from payments.models import PaymentMethod
from payments.providers.errors import ProviderUnavailable
from payments.tests.methods_world import NOW, attached, card, customer, defaults, paying_with, synced

OPEN = ["created", "requires_action", "processing"]
OVER = ["succeeded", "failed", "canceled"]


@pytest.mark.django_db
def test_the_first_method_saved_is_the_default_and_the_next_is_not(stripe: StripeWorld) -> None:
    acme = world.tenant()
    first = card(stripe, acme)
    synced(acme)
    card(stripe, acme, "pm_card_mastercard")
    synced(acme)
    assert defaults(acme) == [first]
    default = method_queries.default_method(acme)
    assert default is not None and default.provider_ref == first


@pytest.mark.django_db
def test_a_default_that_is_gone_leaves_none_behind_until_somebody_saves_another(stripe: StripeWorld) -> None:
    acme = world.tenant()
    first = card(stripe, acme)
    synced(acme)
    other = card(stripe, acme, "pm_card_mastercard")
    synced(acme)
    stripe.api.payment_methods.detach(first)
    assert synced(acme) == [other]
    assert defaults(acme) == []
    third = card(stripe, acme)
    synced(acme)
    assert defaults(acme) == [third]


@pytest.mark.django_db(transaction=True)
def test_two_defaults_chosen_at_once_leave_one(stripe: StripeWorld) -> None:
    acme = world.tenant()
    refs = [card(stripe, acme), card(stripe, acme, "pm_card_mastercard"), card(stripe, acme, "pm_card_amex")]
    synced(acme)
    for _ in range(8):
        outcomes = at_once(6, lambda number: set_default(tenant=acme, method_ref=refs[number % 3], now=NOW))
        assert outcomes.errors == []
        assert len(defaults(acme)) == 1


@pytest.mark.django_db
def test_a_method_saved_a_moment_ago_can_be_chosen_before_anything_told_of_it(stripe: StripeWorld) -> None:
    acme = world.tenant()
    card(stripe, acme)
    synced(acme)
    fresh = card(stripe, acme, "pm_card_mastercard")
    assert set_default(tenant=acme, method_ref=fresh, now=NOW).is_default
    assert defaults(acme) == [fresh]


@pytest.mark.django_db
def test_a_default_of_the_other_mode_gives_way(stripe: StripeWorld) -> None:
    acme = world.tenant()
    PaymentMethod.objects.create(
        tenant=acme, provider="stripe", livemode=True, provider_ref="pm_live", type="card", is_default=True,
        created_at=NOW,
    )  # fmt: skip
    assert method_queries.default_method(acme) is None
    visa = card(stripe, acme)
    assert synced(acme) == [visa]
    assert defaults(acme) == [visa]


# --- Removal ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_removed_method_is_gone_on_both_sides_and_is_not_there_a_second_time(stripe: StripeWorld) -> None:
    acme = world.tenant()
    visa = card(stripe, acme)
    synced(acme)
    remove_method(tenant=acme, method_ref=visa, now=NOW)
    assert attached(stripe, acme) == set()
    row = PaymentMethod.objects.get()
    assert (row.removed_at, row.is_default) == (NOW, False)
    with pytest.raises(MethodNotFound):
        remove_method(tenant=acme, method_ref=visa, now=NOW)


@pytest.mark.django_db
@pytest.mark.parametrize("status", OPEN + OVER)
def test_a_method_stays_while_a_payment_needs_it(stripe: StripeWorld, status: str) -> None:
    acme = world.tenant()
    visa = card(stripe, acme)
    synced(acme)
    paying_with(acme, visa, status)
    if status in OPEN:
        with pytest.raises(MethodInUse):
            remove_method(tenant=acme, method_ref=visa, now=NOW)
        assert attached(stripe, acme) == {visa}
    else:
        remove_method(tenant=acme, method_ref=visa, now=NOW)
        assert attached(stripe, acme) == set()


@pytest.mark.django_db
def test_anothers_method_and_one_that_never_was_are_alike_and_stay_as_they_are(stripe: StripeWorld) -> None:
    acme, globex = world.tenant(), world.tenant()
    customer(stripe, acme)
    theirs, unknown_to_us = card(stripe, globex), stripe.saved_method(customer(stripe, globex))
    synced(globex)
    for reference in (theirs, unknown_to_us, "pm_never_was", "x" * 255):
        for verb in (remove_method, set_default):
            with pytest.raises(MethodNotFound):
                verb(tenant=acme, method_ref=reference, now=NOW)
    assert attached(stripe, globex) == {theirs, unknown_to_us}
    assert not PaymentMethod.objects.filter(tenant=acme).exists()


@pytest.mark.django_db
def test_a_removal_that_broke_off_is_ended_by_the_next_try(stripe: StripeWorld) -> None:
    acme = world.tenant()
    visa = card(stripe, acme)
    synced(acme)
    stripe.fault("drop_after", "/v1/payment_methods/*/detach", times=2)
    with pytest.raises(ProviderUnavailable):
        remove_method(tenant=acme, method_ref=visa, now=NOW)
    assert PaymentMethod.objects.get().removed_at is None
    assert attached(stripe, acme) == set()
    remove_method(tenant=acme, method_ref=visa, now=NOW)
    assert PaymentMethod.objects.get().removed_at == NOW


@pytest.mark.django_db(transaction=True)
def test_two_removals_at_once_detach_it_once(stripe: StripeWorld) -> None:
    acme = world.tenant()
    visa = card(stripe, acme)
    synced(acme)
    outcomes = at_once(2, lambda: remove_method(tenant=acme, method_ref=visa, now=NOW))
    assert all(isinstance(error, (MethodNotFound, ProviderUnavailable)) for error in outcomes.errors)
    assert None in outcomes.results
    assert PaymentMethod.objects.get().removed_at == NOW
    assert attached(stripe, acme) == set()


# --- Setups -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_key_is_one_setup_and_none_is_always_another(stripe: StripeWorld) -> None:
    acme, globex = world.tenant(), world.tenant()

    def begun(of: Tenant, key: str | None, kind: str | None = "card") -> str:
        return begin_setup(tenant=of, kind=kind, key=key, now=NOW).provider_ref

    assert begun(acme, "k") == begun(acme, "k")
    assert len({begun(acme, "k"), begun(globex, "k"), begun(acme, "l"), begun(acme, None), begun(acme, None)}) == 5
    assert begun(acme, "~" * 255) == begun(acme, "~" * 255)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "offered"),
    [("card", {"card"}), ("us_bank_account", {"us_bank_account"}), (None, {"card", "us_bank_account"})],
)
def test_a_setup_offers_what_was_asked_for(stripe: StripeWorld, kind: str | None, offered: set[str]) -> None:
    acme = world.tenant()
    setup = begin_setup(tenant=acme, kind=kind, key=None, now=NOW)
    (intent,) = stripe.objects("setup_intents")
    assert (intent["id"], intent["client_secret"]) == (setup.provider_ref, setup.client_secret)
    assert (intent["usage"], intent["customer"]) == ("off_session", customer(stripe, acme))
    assert set(intent["payment_method_types"]) == offered
    assert intent["metadata"]["tenant_id"] == str(acme.id)
