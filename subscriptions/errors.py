"""What can be wrong with a subscription, each with a name, a code and a sentence to act on."""

from billing_portal.kit.errors import BadInput, Conflict, Gone, NotFound


class AlreadySubscribed(Conflict):
    code = "already_subscribed"
    detail = "This account has a subscription already. Change that one instead."


class NotSubscribed(NotFound):
    code = "not_found"
    detail = "This account has no subscription that runs."


class UnknownPlan(BadInput):
    code = "unknown_plan"

    def __init__(self, field: str = "planType") -> None:
        super().__init__("There is no such plan for this account, in this cycle and currency.", field=field)


class TooFewSeats(BadInput):
    code = "too_few_seats"

    def __init__(self, least: int) -> None:
        super().__init__(f"This plan starts at {least} seats.", field="seats")


class TooManySeats(BadInput):
    code = "too_many_seats"

    def __init__(self, most: int) -> None:
        super().__init__(f"No more than {most} seats at a time. Write to us for more.", field="seats")


class NotByInvoice(BadInput):
    code = "not_by_invoice"

    def __init__(self) -> None:
        super().__init__("This plan can't be paid by invoice. Name a payment method.", field="paymentMethodId")


class TrialTooLong(BadInput):
    code = "trial_too_long"

    def __init__(self, most: int) -> None:
        words = f"This plan's trial is {most} days at most." if most else "This plan has no trial."
        super().__init__(words, field="trialDays")


class TrialUsed(Conflict):
    code = "trial_used"
    detail = "This account has had its trial. Start without one."


class NothingChanges(BadInput):
    code = "nothing_changes"
    detail = "That is what the subscription is already. Name another plan, cycle or number of seats."


class PreviewExpired(Gone):
    code = "preview_expired"
    title = "This preview is too old"
    detail = "A preview holds for 15 minutes. Ask for a new one; nothing was changed."


class PreviewOutdated(Conflict):
    code = "preview_outdated"
    detail = "Something has changed since this preview was made. Ask for a new one; nothing was changed."


class PreviewDiffers(BadInput):
    code = "preview_differs"

    def __init__(self) -> None:
        super().__init__("This preview was made for another change, or for another account.", field="previewToken")


class SeatsFallAtRenewal(Conflict):
    code = "seats_fall_at_renewal"
    detail = "Seats that are paid for stay until the period ends. Ask for this change at the period's end."


class NothingToCredit(Conflict):
    code = "nothing_to_credit"
    detail = "What was paid for this period can't be credited now. Ask for this change at the period's end."


class NotWhilePaused(Conflict):
    code = "subscription_paused"
    detail = "The subscription is paused. Resume it first."


class NotWhileUnpaid(Conflict):
    code = "subscription_unpaid"
    detail = "An invoice of this subscription was not paid in time. Pay what is open first."


class NotWhileEnding(Conflict):
    code = "subscription_ending"
    detail = "The subscription ends with this period. Take that back first."


class NotPaused(Conflict):
    code = "not_paused"
    detail = "The subscription is neither paused nor about to end."


class NotSupportedByEngine(Conflict):
    code = "not_supported_by_provider"
    detail = "Whoever charges this subscription can't change it. Cancel it, and start another one when it has ended."


class OnlyAtPeriodEnd(NotSupportedByEngine):
    detail = "With PayPal a change can only hold from the period's end. Ask for that; nothing is charged before."


class RenewalUnderWay(Conflict):
    code = "renewal_under_way"
    detail = "The next period is being charged right now. Ask for this again when that is done."


class UnknownCoupon(BadInput):
    code = "unknown_coupon"

    def __init__(self) -> None:
        super().__init__("We don't know this coupon. Look at how it is written, or leave it out.", field="coupon")


class CouponExpired(BadInput):
    code = "coupon_expired"

    def __init__(self) -> None:
        super().__init__("This coupon can't be used any more. Leave it out, or use another.", field="coupon")


class CouponUsedUp(BadInput):
    code = "coupon_used_up"

    def __init__(self) -> None:
        super().__init__("This coupon has been used as often as it may be.", field="coupon")


class CouponUsedBefore(BadInput):
    code = "coupon_used_before"

    def __init__(self) -> None:
        super().__init__("This account has used this coupon before. It can be used once.", field="coupon")


class CouponCurrency(BadInput):
    code = "coupon_currency"

    def __init__(self, currency: str) -> None:
        super().__init__(f"This coupon is for prices in {currency.upper()}.", field="coupon")


class CouponNotByPayPal(Conflict):
    code = "not_supported_by_provider"

    def __init__(self) -> None:
        words = "A coupon can't be used with PayPal. Leave it out, or choose another way to pay."
        super().__init__(words, field="coupon")


class CouponTaken(Conflict):
    code = "coupon_taken"

    def __init__(self) -> None:
        super().__init__("There is a coupon with this code already, open or closed.", field="code")


class BadCoupon(BadInput):
    code = "bad_coupon"
