"""The words for a saved card or bank account: its name, its mark, when it runs out, what it did last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from billing_portal.kit.display.dates import day_text, long_text
from payments import queries
from payments.declines import why
from payments.models import Payment, PaymentMethod
from payments.pages.words import METHODS, brand_name, money_of, with_ending

# Brands are words, not logos; one that is not here shows the icon of a card.
_MARKS = {
    "visa": "VISA",
    "mastercard": "MC",
    "amex": "AMEX",
    "discover": "DISC",
    "diners": "DC",
    "jcb": "JCB",
    "unionpay": "UP",
}
HOW_LONG_A_DEBIT_TAKES = "3 to 5 business days"


@dataclass(frozen=True, slots=True)
class MethodWords:
    """How a list shows a method. `kind` is its type, `mark` "" where an icon stands, `used` what it did last,
    `trouble` why it did not pay then. `is_over`: the card has run out; `ends_soon`: it does this month."""

    id: object
    kind: str
    name: str
    mark: str
    about: str
    expires: str
    is_default: bool
    is_over: bool
    ends_soon: bool
    added_at: datetime
    used: str
    trouble: str

    @property
    def is_account(self) -> bool:
        return self.kind == PaymentMethod.Type.US_BANK_ACCOUNT


def method_name(method: PaymentMethod) -> str:
    """'Visa •••• 4242', 'First Harbor Bank •••• 6789'."""
    name = method.bank_name or (brand_name(method.brand) if method.brand else METHODS[method.type])
    return with_ending(name, method.last4) if method.last4 else name


def method_words(method: PaymentMethod, last: Payment | None, now: datetime) -> MethodWords:
    """`last` is the newest payment that was made with it, if there is one."""
    is_card = method.type == PaymentMethod.Type.CARD
    expires = f"{method.exp_month:02}/{method.exp_year % 100:02}" if method.exp_month and method.exp_year else ""
    left = _months_left(method, now)
    return MethodWords(
        id=method.id,
        kind=method.type,
        name=method_name(method),
        mark=_MARKS.get(method.brand or "", "") if is_card else "",
        about="Charged at once" if is_card else f"Bank debit (ACH): takes {HOW_LONG_A_DEBIT_TAKES}",
        expires=expires,
        is_default=method.is_default,
        is_over=left < 0,
        ends_soon=left == 0,
        added_at=method.created_at,
        used=_used(last) if last else "",
        trouble=_trouble(last) if last and last.status == Payment.Status.FAILED else "",
    )


def _months_left(method: PaymentMethod, now: datetime) -> int:
    """Whole months until that of its expiry, which is the last it works in; 1 for what has none."""
    if not method.exp_year or not method.exp_month:
        return 1
    here = timezone.localtime(now)
    return (method.exp_year - here.year) * 12 + method.exp_month - here.month


def _used(last: Payment) -> str:
    """'Last used Nov 8, $398.99 declined'."""
    ending = ""
    if last.status == Payment.Status.FAILED:
        ending = " declined"
    elif last.status in queries.ON_THEIR_WAY:
        ending = " on its way"
    return f"Last used {day_text(last.created_at)}, {money_of(last.amount_minor, last.currency)}{ending}"


def _trouble(last: Payment) -> str:
    reason = why(last)
    return f"Declined on {long_text(last.created_at)}{f': {reason}' if reason else ''}"
