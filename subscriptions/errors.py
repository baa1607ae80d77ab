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
