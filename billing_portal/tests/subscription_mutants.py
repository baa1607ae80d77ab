"""Mutants of what bills and changes subscriptions."""

from __future__ import annotations

from billing_portal.tests.mutation import Mutant, no_row_locks

RACE = "billing_portal/tests/races/test_subscriptions_at_once.py"
RENEWING = "subscriptions/tests/test_renewing.py"
CHANGING = "subscriptions/tests/test_changing.py"
COUPONS = "subscriptions/tests/test_coupons.py"
BILLS = "subscriptions/tests/test_open_bills.py"
ODDS = "subscriptions/tests/test_open_bills_at_odds.py"
BY_STRIPE = "subscriptions/tests/test_by_stripe.py"
BY_PAYPAL = "subscriptions/tests/test_by_paypal.py"
ENDS = "subscriptions/tests/test_ends_there.py"
GIVEN_UP = "subscriptions/tests/test_given_up.py"
IN_VAIN = "subscriptions/tests/test_begun_in_vain.py"
NEVER_BEGAN = "subscriptions/tests/test_terms_that_never_began.py"
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


def taken_up_whatever_comes() -> None:
    """Stripe is asked to go on, and nobody looks whether a check came meanwhile."""
    from payments.actions import stopping

    stopping._coming = lambda invoice: []


def charged_beside_its_payer() -> None:
    """A new default pays what its payer is just confirming with it."""
    from subscriptions.actions import charging_with

    charging_with._is_left_to_its_payer = lambda *facts: False


def late_money_is_kept() -> None:
    """What a start has charged that another replaced stays where it is."""
    from subscriptions.actions import following

    following._give_back = lambda *facts: None


def said_again_whatever_was_said_since() -> None:
    """The night ends what was to end when it began, though its owner keeps it by now."""
    from subscriptions.actions import directing

    directing.say_again = directing.cancel


def given_up_whatever_pays_it() -> None:
    """A start ends with the first payment that is given up, though another pays the same bill."""
    from subscriptions.actions import giving_up

    def whatever_pays_it(*, payment_id, **facts):
        giving_up.give_up(**facts)

    giving_up.give_up_bill = whatever_pays_it


def all_of_it_goes_back() -> None:
    """A payment for nothing goes back whole, also what has paid another invoice since."""
    from payments import refund_queries
    from payments.actions import reserving, unwanted

    def everything(payment):
        free = sum(each.free for each in refund_queries.sources_of(payment))
        return reserving.places_of(payment, free, "source"), 0

    unwanted._where_it_is = everything


def whoever_waits_is_priced() -> None:
    """Calls are priced by what only waits for its payer."""
    from subscriptions import pricing_terms
    from subscriptions.models import SubscriptionTerms

    pricing_terms.terms_that_lived = lambda tenant: SubscriptionTerms.objects.filter(tenant=tenant)


MUTANTS = (
    Mutant(
        "the night says again what was kept meanwhile",
        (f"{ENDS}::test_what_is_kept_while_the_night_runs_is_kept",),
        patch=said_again_whatever_was_said_since,
    ),
    Mutant(
        "a start is given up beside another payment of its bill",
        (f"{GIVEN_UP}::test_paid_with_another_card_after_that_it_is_not_given_up",),
        patch=given_up_whatever_pays_it,
    ),
    Mutant(
        "what has paid something else goes back",
        (f"{IN_VAIN}::test_what_has_paid_something_else_by_now_does_not_go_back_by_itself",),
        patch=all_of_it_goes_back,
    ),
    Mutant(
        "what waits for its payer prices calls",
        (
            f"{NEVER_BEGAN}::test_what_waits_for_its_payer_or_never_came_alive_prices_no_call",
            f"{NEVER_BEGAN}::test_what_was_paid_for_prices_the_calls_beside_a_start",
        ),
        patch=whoever_waits_is_priced,
    ),
    Mutant(
        "Stripe goes on beside a check that came meanwhile",
        (f"{ODDS}::test_a_check_that_comes_while_it_is_taken_up_stops_it_once_more",),
        patch=taken_up_whatever_comes,
    ),
    Mutant(
        "a part of Stripe's bill is credited",
        (f"{ODDS}::test_a_part_of_it_is_not_credited_since_stripe_would_take_all_the_same",),
        patch=a_part_will_do,
    ),
    Mutant(
        "a method is charged beside its payer",
        (
            f"{ODDS}::test_who_confirms_a_new_card_is_not_charged_beside_it",
            f"{ODDS}::test_a_card_that_was_just_declined_is_not_tried_at_once_again",
        ),
        patch=charged_beside_its_payer,
    ),
    Mutant(
        "what a replaced start has charged is kept",
        (
            f"{BY_PAYPAL}::test_what_a_start_has_charged_that_another_replaced_goes_back_once",
            f"{BY_STRIPE}::test_what_was_confirmed_before_it_could_be_dropped_goes_back",
        ),
        patch=late_money_is_kept,
    ),
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
