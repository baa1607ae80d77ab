"""A second person's word on refunds, one by one or those chosen in the list; and a question about one on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.decorators import action
from unfold.enums import ActionVariant

from billing_portal.kit.desk import Confirmation, Notice, Num, Table, link_to
from billing_portal.kit.display.amounts import money_text
from billing_portal.kit.errors import BillingError
from billing_portal.notices import outbox
from billing_portal.tenants.staff import staff_actor, staff_user
from payments import queries
from payments.actions.refunding import approve_refund, cancel_refund, check_refund
from payments.admin.cells import payment_title
from payments.admin.forms import RejectForm
from payments.admin.paying_out import PaysOutRefunds, waits_to_be_sent
from payments.admin.refund_preview import parts_of
from payments.admin.refund_words import NOT_MINE, goes_to, parts_table, what_came_of_it
from payments.models import Refund

WAITING = Refund.Status.AWAITING_APPROVAL


class DeclineForm(RejectForm):
    """Why it is not given. Seen by staff alone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].help_text = "Stands in the refund's history, for staff."


def is_for_another(refund: Refund, request: HttpRequest) -> bool:
    """Whether the person who looks asked for it and has to leave it to a second one."""
    return refund.needs_second_person and refund.requested_by_id == request.user.pk


class ApprovesRefunds(PaysOutRefunds):
    """The buttons of a refund that waits or is on its way, and the same for several at once."""

    actions = ["approve_chosen", "cancel_chosen"]
    actions_detail = ["approve", "cancel", "sent", "withhold", "ask_provider"]

    def has_refund_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("payments.refund_payment"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """A second person's word while it waits; a question to the provider while it is on its way."""
        refund = self.get_object(request, str(object_id))
        offered = set()
        if refund is not None and refund.status == WAITING:
            offered = {"cancel"} if is_for_another(refund, request) else {"approve", "cancel"}
        elif refund is not None and refund.status == Refund.Status.PENDING:
            offered = {"sent", "withhold"} if waits_to_be_sent(refund) else {"ask_provider"}
        return [each for each in super().get_actions_detail(request, object_id) if each.path in offered]

    @action(description="Approve", permissions=["refund"], icon="check", variant=ActionVariant.PRIMARY)
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what is given, POST gives it."""
        refund: Refund = self.found(request, object_id)
        if refund.status != WAITING:
            return self._decided(request, refund)
        if request.method == "POST":
            self._approve(request, [refund])
            return HttpResponseRedirect(self.detail_url(refund.pk))
        return self.ask(request, _approving([refund], request), refund)

    @action(description="Decline", permissions=["refund"], icon="close")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET asks for the reason, POST lets go of what was reserved."""
        refund: Refund = self.found(request, object_id)
        if refund.status != WAITING:
            return self._decided(request, refund)
        form = DeclineForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._cancel(request, [refund], form.cleaned_data["reason"])
            return HttpResponseRedirect(self.detail_url(refund.pk))
        return self.ask(request, _declining([refund], form), refund)

    @action(description="Ask the provider now", permissions=["refund"], icon="sync", url_path="ask_provider")
    def ask_provider(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """GET says what will be asked, POST asks: of one that never arrived, the provider hears again."""
        refund: Refund = self.found(request, object_id)
        if refund.status != Refund.Status.PENDING or waits_to_be_sent(refund):
            return self._decided(request, refund)
        if request.method == "POST":
            after = check_refund(refund_id=refund.id, actor=staff_actor(request), now=timezone.now())
            outbox.wake()
            messages.add_message(request, *what_came_of_it(after))
            return HttpResponseRedirect(self.detail_url(refund.pk))
        text = "What it says is booked. A refund that it never heard of is sent again under its own key: never twice."
        asked = Confirmation("Ask the provider about this refund?", "Ask now", notices=[Notice("info", text)])
        return self.ask(request, asked, refund)

    @admin.action(description="Approve the chosen refunds", permissions=["refund"])
    def approve_chosen(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """Several at once, each on its own: what one can't be is said, the others go on."""
        chosen = list(queryset.order_by("created_at", "id"))
        waiting = [each for each in chosen if each.status == WAITING and not is_for_another(each, request)]
        notices = [Notice("info", _done_before(each)) for each in chosen if each.status != WAITING]
        notices += [
            Notice("warning", f"{_named(each)}: {NOT_MINE}")
            for each in chosen
            if each.status == WAITING and each not in waiting
        ]
        if "confirmed" in request.POST:
            self._approve(request, waiting)
            for notice in notices:
                messages.info(request, notice.text)
            return None
        return self.ask(request, _for_list(_approving(waiting, request, notices), "approve_chosen", waiting))

    @admin.action(description="Decline the chosen refunds", permissions=["refund"])
    def cancel_chosen(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        """Several at once, for one reason."""
        chosen = list(queryset.order_by("created_at", "id"))
        waiting = [each for each in chosen if each.status == WAITING]
        form = DeclineForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._cancel(request, waiting, form.cleaned_data["reason"])
            return None
        notices = [Notice("info", _done_before(each)) for each in chosen if each.status != WAITING]
        return self.ask(request, _for_list(_declining(waiting, form, notices), "cancel_chosen", waiting))

    def _decided(self, request: HttpRequest, refund: Refund) -> HttpResponse:
        messages.info(request, _done_before(refund))
        return HttpResponseRedirect(self.detail_url(refund.pk))

    def _approve(self, request: HttpRequest, refunds: Sequence[Refund]) -> None:
        """Each on its own. Whoever comes second hears who was first; the verb and the database refuse the requester."""
        for refund in refunds:
            try:
                after = approve_refund(
                    refund_id=refund.id, approver=staff_user(request), actor=staff_actor(request), now=timezone.now()
                )
            except BillingError as error:
                messages.error(request, f"{_named(refund)}: {error.detail}")
                continue
            if after.approved_by_id == request.user.pk:
                messages.add_message(request, *what_came_of_it(after))
            else:
                messages.info(request, _done_before(after))
        outbox.wake()

    def _cancel(self, request: HttpRequest, refunds: Sequence[Refund], reason: str) -> None:
        for refund in refunds:
            try:
                cancel_refund(refund_id=refund.id, reason=reason, actor=staff_actor(request), now=timezone.now())
            except BillingError as error:
                messages.error(request, f"{_named(refund)}: {error.detail}")
            else:
                messages.success(request, f"{_named(refund)} is declined. What it had reserved is free again.")
        outbox.wake()


def _named(refund: Refund) -> str:
    """'The refund of $12.00 to Visa ending 4242'."""
    return f"The refund of {money_text(refund.amount)} to {goes_to(refund.payment, refund.destination)}"


def _done_before(refund: Refund) -> str:
    """What became of a refund that waits for nobody any more, and by whom."""
    change = queries.history("refund", refund.id).filter(old=WAITING).first()
    by = f" by {change.actor_label}" if change else ""
    word = f"approved already{by}" if refund.approved_by_id else f"{refund.get_status_display().lower()} already{by}"
    return f"{_named(refund)} was {word}. Nothing was changed."


def _approving(refunds: Sequence[Refund], request: HttpRequest, notices: Sequence[Notice] = ()) -> Confirmation:
    """What is given once they are approved. Without a button when nothing can be, or the one is for another."""
    mine = any(is_for_another(refund, request) for refund in refunds)
    tables = [_refunds_table(refunds)] if refunds else []
    if len(refunds) == 1:
        tables.append(parts_table(parts_of(refunds[0]), refunds[0].destination))
    return Confirmation(
        title=_title("Approve", refunds),
        button="" if mine or not refunds else f"Approve and give {_them(refunds)} back",
        notices=[Notice("warning", NOT_MINE), *notices] if mine else notices,
        tables=tables,
    )


def _declining(refunds: Sequence[Refund], form: DeclineForm, notices: Sequence[Notice] = ()) -> Confirmation:
    return Confirmation(
        title=_title("Decline", refunds),
        button=f"Decline {_them(refunds)}" if refunds else "",
        danger=True,
        notices=[*notices, Notice("info", "Nothing is given back: what was reserved is free again.")],
        tables=[_refunds_table(refunds)] if refunds else [],
        form=form if refunds else None,
    )


def _for_list(asked: Confirmation, name: str, chosen: Sequence[Refund]) -> Confirmation:
    """As Django's list actions want it: the action and the ids come back with the POST."""
    return replace(asked, hidden=[("action", name), *((ACTION_CHECKBOX_NAME, str(each.pk)) for each in chosen)])


def _title(verb: str, refunds: Sequence[Refund]) -> str:
    if not refunds:
        return f"Nothing to {verb.lower()}"
    return f"{verb} {len(refunds)} refunds?" if len(refunds) > 1 else f"{verb} this refund?"


def _them(refunds: Sequence[Refund]) -> str:
    return "them" if len(refunds) > 1 else "it"


def _refunds_table(refunds: Sequence[Refund]) -> Table:
    rows = [
        (
            link_to(each.payment, payment_title(each.payment)),
            each.tenant,
            goes_to(each.payment, each.destination),
            each.reason or "—",
            each.requested_by or "—",
            money_text(each.amount),
        )
        for each in refunds
    ]
    heads = ("Payment", "Tenant", "To", "Why", "Asked for by", Num("Amount"))
    return Table("Refunds" if len(refunds) > 1 else "The refund", heads, rows)
