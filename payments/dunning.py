"""When a declined charge of ours is tried again: by how often it was tried, and by why its bank refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from payments.models import Payment

# After the first refusal, the second, …; after the last of these nobody tries any more by itself.
PAUSES = (timedelta(days=2), timedelta(days=5), timedelta(days=7), timedelta(days=7))
# No bank takes these back: only another method, or what its owner tells their bank, helps. Trying them again costs
# goodwill, and with some networks a fee. Source: Stripe, "Decline codes"; Visa's and Mastercard's lists of categories.
HARD = frozenset(
    {
        "account_closed",
        "bank_account_closed",
        "card_not_supported",
        "currency_not_supported",
        "debit_not_authorized",
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_account",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)

# What comes last waits so long after the end of a hold, however late the invoice is by then: a payment that was
# promised for its last day may still be on its way, and nobody is cut off in the minute in which it ends.
AFTER_HOLD = timedelta(days=3)


def last_step(due_at: datetime, grace: timedelta, hold_ended: datetime | None) -> datetime:
    """When an invoice that stays unpaid has its last consequence: after the days of grace, and some days after what
    held it back has ended."""
    after_grace = due_at + grace
    return max(after_grace, hold_ended + AFTER_HOLD) if hold_ended else after_grace


def next_try(tries: Sequence[Payment]) -> datetime | None:
    """When the same method is tried again after these charges of one invoice, oldest first, all of which came to
    nothing; None: not by itself. A bank debit that came back is not: its mandate may be gone, and each return costs."""
    last = tries[-1]
    codes = {last.decline_code, last.failure_code}
    if last.method == Payment.Method.US_BANK_ACCOUNT or codes & HARD or len(tries) > len(PAUSES):
        return None
    return last.updated_at + PAUSES[len(tries) - 1]
