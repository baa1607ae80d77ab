"""How a row says which provider it is of, in which mode, and by which reference the provider knows it."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from unfold.decorators import display

from billing_portal.kit.desk import BooksAdmin
from payments.admin.cells import copyable
from payments.naming import provider_name


class ProviderFields(BooksAdmin):
    """For models with `provider`, and where a page shows them `provider_ref` and `livemode`."""

    @display(description="Provider", ordering="provider")
    def provider_named(self, row: Any) -> str:
        return provider_name(str(row.provider))

    @display(description="Provider's reference", ordering="provider_ref")
    def provider_reference(self, row: Any) -> SafeString | str:
        return copyable(row.provider_ref, "the provider's reference")

    @display(description="Mode", ordering="livemode")
    def mode(self, row: Any) -> str:
        return "Live" if row.livemode else "Test"
