"""IPN messages at the desk, to read: what PayPal sent over its second channel, and what django-paypal found odd in it.

In place of the package's own page, which edits and deletes. Verifying one again is not offered: what could not be
checked was never taken, and comes again.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from paypal.standard.ipn.models import PayPalIPN
from unfold.decorators import display

from billing_portal.kit.desk import BooksAdmin, Notice
from billing_portal.kit.display.amounts import NONE
from billing_portal.masking import mask_value
from payments.providers.paypal.ipn_reading import decoded


class IpnAdmin(BooksAdmin):
    """Amounts stay as PayPal wrote them: nothing is booked from them."""

    list_display = ["about", "kind", "status", "told", "flag", "created_at"]
    list_filter = ["flag"]
    search_fields = ["txn_id", "parent_txn_id", "recurring_payment_id", "invoice", "custom"]
    search_help_text = "PayPal's id of the payment or subscription, our reference or id"
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("about", "kind"),
                    ("status", "told"),
                    ("invoice", "custom"),
                    ("response", "flag_info"),
                    ("created_at", "ipaddress"),
                    "content",
                ]
            },
        )
    ]

    def notices(self, request: Any, obj: Any) -> list[Notice]:
        return [Notice("warning", f"Sent by PayPal, and odd: {obj.flag_info}")] if obj.flag else []

    @display(description="About", ordering="txn_id")
    def about(self, message: Any) -> str:
        return message.parent_txn_id or message.recurring_payment_id or message.txn_id or NONE

    @display(description="Kind", ordering="txn_type")
    def kind(self, message: Any) -> str:
        return (message.txn_type or NONE).replace("_", " ")

    @display(description="Status", ordering="payment_status")
    def status(self, message: Any) -> str:
        return message.payment_status or message.profile_status or NONE

    @display(description="It says")
    def told(self, message: Any) -> str:
        fields = decoded(message.query.encode())
        return f"{fields['mc_gross']} {fields.get('mc_currency', '')}" if "mc_gross" in fields else NONE

    @display(description="As it came")
    def content(self, message: Any) -> SafeString:
        shown = json.dumps(mask_value(decoded(message.query.encode())), indent=2, sort_keys=True, ensure_ascii=False)
        return format_html('<pre class="desk-json">{}</pre>', shown)


def register() -> None:
    """Put this page in the place of the package's own."""
    PayPalIPN.__str__ = _named
    PayPalIPN._meta.verbose_name, PayPalIPN._meta.verbose_name_plural = "PayPal message", "PayPal messages"
    if admin.site.is_registered(PayPalIPN):
        admin.site.unregister(PayPalIPN)
    admin.site.register(PayPalIPN, IpnAdmin)


def _named(self: Any) -> str:
    about = self.parent_txn_id or self.recurring_payment_id or self.txn_id or "an unknown object"
    return f"Message about {about}"
