"""What staff type to hold collecting back, and the words for what runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from billing_portal.kit.desk import Notice, SearchSelect
from billing_portal.kit.display.dates import long_text
from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.models import Tenant
from payments.admin.forms import PlainText
from payments.errors import HoldRuns
from payments.models import CollectionHold


class HoldForm(forms.Form):
    """Until when and why. `seen` is the one that ran when the form was opened: another day than its takes its place,
    and that of nobody else's."""

    until = forms.DateField(
        label="Last day",
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date", "class": "desk-input desk-amount"}, format="%Y-%m-%d"),
        help_text="It counts to the end of this day where the tenant is.",
    )
    note = PlainText(max_length=500, required=True, help_text="Who said so, and how. For staff.")
    seen = forms.UUIDField(widget=forms.HiddenInput, required=False)


class ExemptForm(HoldForm):
    tenant = forms.ModelChoiceField(
        Tenant.objects.all(), widget=SearchSelect(CollectionHold._meta.get_field("tenant"), admin.site)
    )
    field_order = ("tenant", "until", "note")


def recorded(
    request: HttpRequest,
    form: HoldForm,
    act: Callable[[dict[str, Any]], CollectionHold],
    runs: Callable[[], CollectionHold | None],
) -> CollectionHold | None:
    """What `act` has recorded, told; None with the form's errors told. Where somebody else was first, the form knows
    theirs from then on: whoever sends it again has read of it."""
    wanted = form.cleaned_data
    try:
        hold = act({"last_day": wanted["until"], "note": wanted["note"], "instead_of": wanted["seen"]})
    except BillingError as error:
        named = [each.field for each in error.errors if each.field in form.fields]
        form.add_error(named[0] if named else None, error.detail)
        if isinstance(error, HoldRuns) and (theirs := runs()):
            form.data = {**form.data.dict(), "seen": str(theirs.id)}  # type: ignore[attr-defined]
        return None
    messages.success(request, f"{hold}: held back until {last_day_text(hold)} is over.")
    outbox.wake()
    return hold


def last_day_text(hold: CollectionHold) -> str:
    """'December 12, 2026', where the tenant is."""
    return long_text(hold.last_moment.astimezone(hold.tenant.zone).date())


def held_by(hold: CollectionHold) -> str:
    """'Promise to pay: INV-2026-0001, until December 12, 2026'."""
    return f"{hold}, until {last_day_text(hold)}"


def state_of(hold: CollectionHold, now: datetime) -> str:
    if hold.runs(now):
        return "runs"
    return "lifted" if hold.lifted_at else "over"


def notices_of(runs: CollectionHold | None) -> list[Notice]:
    """That one runs already, before another day is named."""
    if runs is None:
        return []
    words = f"{held_by(runs)}, said by {runs.created_by.email}: “{runs.note}”. Another day takes its place."
    return [Notice("warning", words)]
