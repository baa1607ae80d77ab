"""The finance desk as a whole: every page opens for whoever may look, and nobody edits books by a form."""

import html
import re
from datetime import date
from decimal import Decimal

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from paypal.standard.ipn.models import PayPalIPN

from billing_portal.kit.desk import BooksAdmin
from billing_portal.notices.models import OutboxMessage
from billing_portal.tenants.tests.people import a_key
from billing_portal.tests import world
from payments.actions.crediting import issue_credit_note
from payments.actions.disputing import apply_disputes
from payments.actions.holding import promise
from payments.actions.recording import verify_manual_payment
from payments.actions.refunding import refund_payment
from payments.inbox.store import receive
from payments.models import Attempt, Payment, PaymentMethod, ProviderCustomer
from payments.providers.facts import DisputeFacts, SignedEvent
from payments.tests.mirror.rows import one_of_each
from subscriptions.actions.couponing import make_coupon

pytestmark = pytest.mark.django_db
REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def busy():
    """Something of everything: an invoice paid in part, a credit, a note, a key, a message."""
    acme = world.subscribed(slug="acme", tax_name="VAT", tax_percent=19)
    clerk, finance = world.user(staff=True, groups=("clerk",)), world.user(staff=True, groups=("finance",))
    invoice = world.overage_invoice(acme, cents=9_000)
    for cents, named in ((5_000, invoice), (700, None)):
        check = world.check_for(acme, cents, clerk, invoice=invoice if named else None, reference=str(cents))
        verify_manual_payment(
            payment_id=check.id, verifier=finance, actor=world.staff_actor(finance), now=world.at("2026-10-20")
        )
    issue_credit_note(
        invoice_id=invoice.id,
        amount=type(invoice.total)(100, "usd"),
        reason="a gift",
        actor=world.SYSTEM,
        now=world.at("2026-10-21"),
    )
    promise(invoice_id=invoice.id, last_day=date(2026, 11, 1), note="By phone", by=finance, now=world.at("2026-10-21"))
    world.check_for(acme, 2_000_000, clerk, invoice=invoice, reference="large")
    world.call(world.tenant(), "12.5", world.at("2026-09-10"))
    world.member(acme)
    a_key(acme)
    make_coupon(code="HALF", percent_off=Decimal(50), tenant=acme, now=world.at("2026-10-21"))
    one_of_each(acme)
    PayPalIPN.objects.create(txn_id="4NM1234567890123A", query="txn_id=4NM1234567890123A", response="VERIFIED")
    receive(
        SignedEvent("evt_1", "customer.created", None, "cus_1", False, "", timezone.now(), {"id": "evt_1"}),
        provider="stripe",
        livemode=False,
        now=timezone.now(),
    )
    _what_came_back(Payment.objects.get(amount_minor=5_000), finance)
    OutboxMessage.objects.update(parked_at=timezone.now(), attempts=12, last_error="TimeoutError: no answer")
    return acme


def _what_came_back(payment, by):
    """A refund, a dispute with its discrepancy, and what only a provider makes."""
    now = world.at("2026-10-22")
    refund = refund_payment(
        payment_id=payment.id,
        amount=type(payment.amount)(900, "usd"),
        reason="Sent twice",
        destination="credit",
        requester=by,
        actor=world.staff_actor(by),
        now=now,
    )
    usd = type(payment.amount)
    fact = DisputeFacts(
        status="open",
        provider_ref="du_1",
        payment_ref="",
        amount=usd(700, "usd"),
        withdrawn=usd(0, "usd"),
        fee=usd(0, "usd"),
        reason="general",
        opened_at=now,
    )
    apply_disputes(payment_id=payment.id, facts=[fact], actor=world.SYSTEM, now=now)
    at_stripe = {"tenant": payment.tenant, "provider": "stripe"}
    Attempt.objects.create(
        **at_stripe, payment=payment, refund=refund, operation="refund", outcome="unknown", milliseconds=9_000, at=now
    )
    kept = {**at_stripe, "livemode": False, "created_at": now}
    ProviderCustomer.objects.create(**kept, provider_ref="cus_1")
    PaymentMethod.objects.create(**kept, provider_ref="pm_1", type="card", brand="visa", last4="4242")


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
@pytest.mark.parametrize("group", ["auditor", "root"])
def test_every_list_and_every_page_opens(client, busy, model, group):
    root = group == "root"
    client.force_login(world.user(staff=True, is_superuser=root, groups=() if root else (group,)))
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    answer = client.get(reverse(f"{name}_changelist"))
    if not root and model._meta.app_label == "auth":
        assert answer.status_code == 403
        return
    assert answer.status_code == 200
    for obj in model._default_manager.all()[:30]:
        page = client.get(reverse(f"{name}_change", args=[obj.pk]))
        assert page.status_code == 200, (obj, page)
    if admin.site._registry[model].search_fields:
        assert client.get(reverse(f"{name}_changelist"), {"q": "acme 1"}).status_code == 200


def test_the_walk_meets_something_of_every_kind(busy):
    empty = {model._meta.label for model in REGISTERED if not model._default_manager.exists()}
    assert not empty


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_what_is_no_id_is_no_page_and_no_filter(client, busy, model):
    client.force_login(world.user(staff=True, is_superuser=True))
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert client.get(reverse(f"{name}_change", args=["abc"])).status_code == 302  # back, with a message
    for query in ("tenant__id__exact=abc", "status__exact=abc", "o=99", "p=99999", "q=%00", "created_at__year=abc"):
        assert client.get(f"{reverse(f'{name}_changelist')}?{query}").status_code in (200, 302), query


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label)
def test_books_have_no_form_that_changes_or_deletes(client, busy, model):
    if not isinstance(admin.site._registry[model], BooksAdmin):
        return
    client.force_login(world.user(staff=True, is_superuser=True))
    obj = model._default_manager.first()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    for what in ("change", "delete"):
        assert client.post(reverse(f"{name}_{what}", args=[obj.pk]), {"post": "yes"}).status_code == 403
    assert client.get(reverse(f"{name}_delete", args=[obj.pk])).status_code == 403


def test_every_book_of_ours_is_a_book():
    """A new model of these apps that is registered as anything else must say why here."""
    apps = ("payments", "subscriptions", "usage", "notices")
    others = [
        each
        for each in REGISTERED
        if each._meta.app_label in apps and not isinstance(admin.site._registry[each], BooksAdmin)
    ]
    assert not others


def test_the_sidebar_counts_what_awaits_review(client, busy):
    client.force_login(world.user(staff=True, groups=("finance",)))
    page = client.get("/admin/")
    places = {item["title"]: item for group in page.context["sidebar_navigation"] for item in group["items"]}
    assert places["Awaiting review"]["badge"] == "1"
    assert places["Awaiting review"]["badge_variant"] == "warning"
    assert int(places["Parked messages"]["badge"]) == OutboxMessage.objects.count()
    assert "Record a payment" in places
    assert client.get(places["Awaiting review"]["link"]).context["cl"].result_count == 1
    Payment.objects.filter(status="awaiting_review").update(status="canceled")
    page = client.get("/admin/")
    assert "badge" not in next(
        i for g in page.context["sidebar_navigation"] for i in g["items"] if i["title"] == "Awaiting review"
    )


def test_a_month_that_waits_leads_to_its_tenants(client):
    for _ in range(3):
        world.call(world.subscribed(), "5", world.at("2026-09-10"))
    closed = world.subscribed(slug="closed")
    world.overage_invoice(closed)
    world.call(world.subscribed(), "5", world.at("2026-10-10"))
    client.force_login(world.user(staff=True, groups=("finance",)))
    page = client.get("/admin/").content.decode()
    (link,) = re.findall(r'href="([^"]*)">September.2026</a>', page)
    listed = client.get(html.unescape(link)).context["cl"].result_list
    assert {(month.label, month.closed_at) for month in listed} == {("2026-09", None)}
    assert len(listed) == 3


@pytest.mark.parametrize("path", ["/admin/payments/payment/", "/admin/payments/payment/?status__exact=awaiting_review",
                                  "/admin/payments/payment/add/", "/admin/payments/invoice/", "/admin/",
                                  "/admin/payments/refund/", "/admin/payments/refund/?status__exact=awaiting_approval",
                                  "/admin/payments/discrepancy/?closed_at__isempty=1"])  # fmt: skip
def test_one_place_of_the_sidebar_is_where_you_are(client, busy, path):
    client.force_login(world.user(staff=True, groups=("finance",)))
    page = client.get(path)
    assert len([i for g in page.context["sidebar_navigation"] for i in g["items"] if i["active"]]) == 1


@pytest.mark.parametrize(
    ("group", "seen"), [("clerk", True), ("finance", True), ("auditor", False), ("support", False)]
)
def test_who_records_finds_the_form(client, group, seen):
    client.force_login(world.user(staff=True, groups=(group,)))
    assert ("/admin/payments/payment/add/" in client.get("/admin/").content.decode()) is seen
