"""PayPal's answers that say no, and answers that never came, in the portal's words. Source: PayPal's OpenAPI files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from payments.providers.errors import (
    NotApproved,
    NotInThatState,
    OutcomeUnknown,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundTooLarge,
    UnderWay,
    UnfitMethod,
    UnknownReference,
)

# The payer agrees again on the same order, with another card or after another log-in.
SEND_BACK = frozenset({"INSTRUMENT_DECLINED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "PAYER_ACTION_REQUIRED"})
NOT_APPROVED = "ORDER_NOT_APPROVED"
# Somebody was faster: the order is read again, and its capture is the answer.
TAKEN_BEFORE = frozenset({"ORDER_ALREADY_CAPTURED", "ORDER_ALREADY_COMPLETED", "DUPLICATE_INVOICE_ID"})
# The payer's own trouble: a decline, by the code that says what to do about it.
DECLINES = {
    "PAYER_CANNOT_PAY": "payment_declined",
    "TRANSACTION_REFUSED": "payment_declined",
    "PAYER_ACCOUNT_RESTRICTED": "payment_declined",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "account_closed",
    "CARD_EXPIRED": "expired_card",
    "COMPLIANCE_VIOLATION": "payment_declined",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "payment_declined",
    "TRANSACTION_LIMIT_EXCEEDED": "limit_exceeded",
    "DECLINED_DUE_TO_RELATED_TXN": "payment_declined",
    "TRANSACTION_BLOCKED_BY_PAYEE": "payment_declined",
    "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR": "payment_declined",
    "PAYMENT_SOURCE_CANNOT_BE_USED": "payment_declined",
    "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED": "payment_declined",
}
_UNDER_WAY = frozenset({"ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"})
# Of the merchant's account: nothing that a payer could do, or should be told.
_OUR_ACCOUNT = frozenset(
    {
        "PAYEE_ACCOUNT_RESTRICTED",
        "PAYEE_ACCOUNT_LOCKED",
        "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
        "PAYEE_ACCOUNT_INVALID",
        "PAYEE_BLOCKED_TRANSACTION",
        "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
        "INVALID_ACCOUNT_STATUS",
        "NOT_AUTHORIZED",
        "PERMISSION_DENIED",
    }
)
# Captures first, then the sales of v1, which have words of their own.
_ALL_BACK = frozenset({"CAPTURE_FULLY_REFUNDED", "TRANSACTION_ALREADY_REFUNDED"})
_TOO_MUCH = frozenset({"REFUND_AMOUNT_EXCEEDED", "REFUND_EXCEEDED_TRANSACTION_AMOUNT"})
_DISPUTED = frozenset({"TRANSACTION_DISPUTED", "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"})
_NOT_NOW = frozenset(
    {
        "PENDING_CAPTURE",
        "REFUND_NOT_ALLOWED",
        "REFUND_IS_RESTRICTED",
        "REFUND_TIME_LIMIT_EXCEEDED",
        "MAX_NUMBER_OF_REFUNDS_EXCEEDED",
        "PARTIAL_REFUND_NOT_ALLOWED",
        "SUBSCRIPTION_STATUS_INVALID",
        "SUBSCRIPTION_CANNOT_BE_ACTIVATED",
        "TRANSACTION_REFUSED",  # of a refund in v1's words; a capture's is a decline
        *TAKEN_BEFORE,
    }
)
# By whom a subscription was to be paid.
_CLOSED = "USER_ACCOUNT_CLOSED"
_APPROVAL_RELS = ("payer-action", "redirect", "approve")
_MISSING = frozenset({"RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"})
# What says only that it was not done, and may be done a moment later.
PASSING = frozenset({408, 425, 500, 502, 503, 504})


class Unreadable(Exception):
    """An answer that says nothing: no JSON, half of it, a page of some proxy's."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class Refused(Exception):
    """PayPal's own error. `issues` are its words, the most telling first; `request_id` is what its support asks for."""

    def __init__(self, status: int, content: Mapping[str, Any], request_id: str | None) -> None:
        told = content.get("details")
        details = [each for each in told if isinstance(each, Mapping)] if isinstance(told, list) else []
        named = [*(each.get("issue") for each in details), content.get("name"), content.get("error")]
        self.status, self.request_id = status, request_id
        self.issues = tuple(each for each in named if isinstance(each, str))
        self.sentence = next((str(each["description"]) for each in details if each.get("description")), None)
        self.links = content.get("links")
        super().__init__(f"PayPal answered {status} {self.issue or ''}".strip())

    @property
    def issue(self) -> str | None:
        """`INSTRUMENT_DECLINED`, or the name of the error where it has no details."""
        return self.issues[0] if self.issues else None

    def among(self, *known: str) -> str | None:
        """The first of its issues that is one of these."""
        return next((each for each in self.issues if each in known), None)

    @property
    def approval_url(self) -> str | None:
        """Where the payer is sent back to, when the error says so."""
        return approval_link(self.links)


def approval_link(links: object) -> str | None:
    """The page where the payer agrees, among the links of an order or an error."""
    found = [each for each in links if isinstance(each, Mapping)] if isinstance(links, list) else []
    pages = {each.get("rel"): each.get("href") for each in found}
    return next((str(pages[rel]) for rel in _APPROVAL_RELS if pages.get(rel)), None)


@contextmanager
def translated(*, moves_money: bool) -> Iterator[None]:
    """Let the body speak to PayPal.

    `moves_money`: a lost answer is OutcomeUnknown; else it is ProviderUnavailable, since nothing can have moved.
    """
    try:
        yield
    except Refused as error:
        raise ours(error, moves_money=moves_money) from error
    except Unreadable as error:
        raise _lost(moves_money)(str(error), request_id=error.request_id) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        raise ProviderUnavailable("PayPal can't be reached") from error
    except httpx.RequestError as error:
        raise _lost(moves_money)(f"PayPal gave no answer: {type(error).__name__}") from error


def ours(error: Refused, *, moves_money: bool) -> ProviderError:
    """What a refusal is called here."""
    facts = {"code": error.issue, "request_id": error.request_id}
    # In this order: what is certain about money first.
    is_under_way = error.among(*_UNDER_WAY)
    if is_under_way or error.status in PASSING or error.status >= 500:
        return (UnderWay if is_under_way else _lost(moves_money))(str(error), **facts)
    if error.status == 429:
        return ProviderUnavailable("PayPal takes no more requests for a moment", **facts)
    if error.status in (401, 403) or error.among(*_OUR_ACCOUNT):
        return ProviderMisconfigured("PayPal does not accept our account for this", **facts)
    if error.status == 404 or error.among(*_MISSING):
        return UnknownReference("PayPal knows no such object", **facts)
    if error.among(*SEND_BACK, NOT_APPROVED):
        return _not_approved(error)
    if too_large := _too_large(error):
        return too_large
    return _no(error)


def _lost(moves_money: bool) -> type[ProviderError]:  # noqa: FBT001 (the one thing it is about)
    return OutcomeUnknown if moves_money else ProviderUnavailable


def _no(error: Refused) -> ProviderError:
    facts = {"code": error.issue, "request_id": error.request_id}
    if error.among(*_NOT_NOW):
        return NotInThatState("PayPal's object has moved on", **facts)
    if error.among(_CLOSED):
        return UnfitMethod("PayPal has locked or closed the payer's account", **facts)
    return ProviderRejected("PayPal can't do what we sent", **facts)


def _not_approved(error: Refused) -> NotApproved:
    """With a code when the payer had agreed and has to choose again; without one when they never did."""
    code = error.among(*SEND_BACK)
    return NotApproved(str(error), approval_url=error.approval_url, code=code, request_id=error.request_id)


def _too_large(error: Refused) -> RefundTooLarge | None:
    """Without a code when it is but too much; with one when nothing can be given back at all."""
    issue = error.among(*_ALL_BACK, *_TOO_MUCH, *_DISPUTED)
    if issue is None:
        return None
    code = None if issue in _TOO_MUCH else issue
    return RefundTooLarge("PayPal's books have less left of this payment", code=code, request_id=error.request_id)
