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


def next_try(tries: Sequence[Payment]) -> datetime | None:
    """When the same method is tried again after these charges of one invoice, oldest first, all of which came to
    nothing; None: not by itself. A bank debit that came back is not: its mandate may be gone, and each return costs."""
    last = tries[-1]
    codes = {last.decline_code, last.failure_code}
    if last.method == Payment.Method.US_BANK_ACCOUNT or codes & HARD or len(tries) > len(PAUSES):
        return None
    return last.updated_at + PAUSES[len(tries) - 1]
