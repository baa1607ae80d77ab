"""PayPal's second channel: IPN messages, received by django-paypal under guard.

A message wakes whoever reads the payment again, and no figure of it is booked.
See docs/adr/0010-ipn-wakes-and-never-books.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import httpx

from payments.providers.base import ReceivesMessages
from payments.providers.errors import BadSignature, ProviderMisconfigured
from payments.providers.facts import Hearsay, Message, SignedEvent
from payments.providers.paypal import ipn_asking, ipn_keeping, ipn_reading


@dataclass(frozen=True, slots=True)
class Account:
    """Who is paid: what a message must name. `transport` is how questions about messages travel, by default over the
    network."""

    merchant_id: str = ""
    merchant_email: str = ""
    transport: httpx.BaseTransport | None = None

    @property
    def is_known(self) -> bool:
        return bool(self.merchant_id or self.merchant_email)

    def is_in(self, fields: Mapping[str, str]) -> bool:
        """By PayPal's own id of the account; by its address only where we or the message have no id."""
        named = fields.get("receiver_id", "")
        if self.merchant_id and named:
            return named == self.merchant_id
        addresses = {fields.get(name, "").strip().lower() for name in ("receiver_email", "business")}
        return bool(self.merchant_email) and self.merchant_email.strip().lower() in addresses


class IpnChannel(ReceivesMessages):
    """Without an account nothing is believed: PayPal vouches for a message to anybody's account."""

    message_type: ClassVar[str] = "application/x-www-form-urlencoded"
    largest_message: ClassVar[int] = 64 * 1024
    account: Account = Account()

    def ask_about(self, body: bytes, now: datetime) -> Message:
        """See `ipn_reading` and `ipn_asking`."""
        fields = ipn_reading.fields_of(body, livemode=self.livemode)
        if not self.account.is_known:
            raise ProviderMisconfigured("Neither PAYPAL_MERCHANT_ID nor PAYPAL_MERCHANT_EMAIL is set")
        if not self.account.is_in(fields):
            raise BadSignature("for another account")
        answer = ipn_asking.ask_back(body, transport=self.account.transport)
        event = ipn_reading.event_of(body, fields, livemode=self.livemode, now=now)
        return Message(body, answer == ipn_asking.OURS, fields, event)

    def keep(self, message: Message, *, address: str) -> SignedEvent:
        """See `ipn_keeping`. What django-paypal finds odd about a message that PayPal has sent is noted there, and
        wakes all the same."""
        ipn_keeping.keep(message.body, address=address)
        return message.event

    def heard(self, payload: Mapping[str, Any]) -> Hearsay | None:
        """See `ipn_reading`."""
        return ipn_reading.hearsay_of(payload)
