"""Mutants of what bills and changes subscriptions."""

from __future__ import annotations

from billing_portal.tests.mutation import Mutant, no_row_locks

RACE = "billing_portal/tests/races/test_subscriptions_at_once.py"
RENEWING = "subscriptions/tests/test_renewing.py"
CHANGING = "subscriptions/tests/test_changing.py"
COUPONS = "subscriptions/tests/test_coupons.py"
BILLS = "subscriptions/tests/test_open_bills.py"
BILLS_RACE = "billing_portal/tests/races/test_open_bills_at_once.py"


def whatever_was_shown_is_done() -> None:
    """A change is made though something else was shown."""
    from subscriptions.actions import changing

    changing.state_of = lambda subscription: "as ever"


def a_coupon_is_looked_at_and_not_held() -> None:
    """Of many who start at once each finds that it may still be redeemed."""
    from subscriptions.actions import couponing

    couponing.redeem = couponing.check


def checks_are_booked_beside_stripe() -> None:
    """A check is verified while Stripe goes on collecting what it is for."""
    from payments.actions import stopping

    stopping.check_stopped = lambda payment: None


def stripe_never_hears_of_it() -> None:
    """Nobody tells Stripe that its bill was paid to us."""
    from payments.actions import stopping

    stopping.say_paid = lambda **facts: None


def paypal_takes_beside_stripe() -> None:
    """What Stripe collects by itself is captured at PayPal all the same."""
    from payments.actions import capturing

    capturing._stop_the_other = lambda *facts: None


def a_bill_is_charged_beside_stripe() -> None:
    """A card pays a Stripe-run invoice by a charge of ours, and not by Stripe's own bill."""
    from payments.actions import paying_bills

    paying_bills.is_its_bill = lambda invoice, provider: False


def a_part_will_do() -> None:
    """A part of a provider's bill is taken."""
    from payments.actions import paying_bills

    paying_bills.check_way = lambda invoice, amount: None


MUTANTS = (
    Mutant(
        "a check is booked while Stripe collects",
        (f"{BILLS}::test_a_check_stops_stripe_pays_ours_and_stripe_hears_of_it",),
        patch=checks_are_booked_beside_stripe,
    ),
    Mutant(
        "Stripe is not told of a check",
        (f"{BILLS}::test_a_check_stops_stripe_pays_ours_and_stripe_hears_of_it",),
        patch=stripe_never_hears_of_it,
    ),
    Mutant(
        "PayPal takes what Stripe collects",
        (f"{BILLS}::test_what_stripe_took_first_is_not_taken_at_paypal",),
        patch=paypal_takes_beside_stripe,
    ),
    Mutant(
        "a card pays beside Stripe's own bill",
        (
            f"{BILLS}::test_another_card_pays_stripes_own_bill",
            f"{BILLS_RACE}::test_many_cards_and_stripes_own_retry_at_once_are_one_charge",
        ),
        patch=a_bill_is_charged_beside_stripe,
    ),
    Mutant(
        "a part of a provider's bill is taken",
        (f"{BILLS}::test_a_part_of_it_is_refused_whichever_way",),
        patch=a_part_will_do,
    ),
    Mutant(
        "no row locks on subscriptions",
        (
            f"{RACE}::test_a_period_is_billed_once_whoever_renews_at_once",
            f"{RACE}::test_a_change_is_charged_once_whoever_clicks_at_once",
            f"{RACE}::test_change_renewal_cancellation_and_pause_at_once_leave_one_legal_state",
            f"{RACE}::test_the_last_redemption_of_a_coupon_is_one_tenants_whoever_starts_at_once",
        ),
        patch=no_row_locks,
    ),
    Mutant(
        "no row locks and no index on a subscription's periods",
        (f"{RACE}::test_a_period_is_billed_once_whoever_renews_at_once",),
        sql=("DROP INDEX invoice_one_renewal_per_period",),
        patch=no_row_locks,
    ),
    Mutant(
        "no index on a subscription's periods",
        (f"{RENEWING}::test_the_database_holds_that_a_period_is_billed_once",),
        sql=("DROP INDEX invoice_one_renewal_per_period",),
    ),
    Mutant(
        "a change is made whatever was shown",
        (f"{CHANGING}::test_a_preview_that_was_overtaken_changes_nothing",),
        patch=whatever_was_shown_is_done,
    ),
    Mutant(
        "a coupon is redeemed without its lock",
        (f"{RACE}::test_the_last_redemption_of_a_coupon_is_one_tenants_whoever_starts_at_once",),
        patch=a_coupon_is_looked_at_and_not_held,
    ),
    Mutant(
        "a coupon's terms may be changed",
        (f"{COUPONS}::test_the_database_keeps_the_terms_of_a_coupon",),
        sql=("DROP TRIGGER subscriptions_coupon_keeps_terms ON subscriptions_coupon",),
    ),
    Mutant(
        "no index on a tenant's one trial",
        (f"{RENEWING}::test_the_database_holds_one_trial_for_each_tenant",),
        sql=("DROP INDEX subscription_one_trial_per_tenant",),
    ),
)
