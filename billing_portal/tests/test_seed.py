"""The demo's seed: what it holds on any day, clean books after it, and that a second run changes nothing."""

import json
import stat
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing_portal.invariants import check_books
from billing_portal.kit.money import Money
from billing_portal.notices.models import OutboxMessage
from billing_portal.seeding.history import labels_back_from
from billing_portal.tenants.models import ApiKey, Membership, Tenant, User
from billing_portal.tests.seeded import assert_books_equal, seeded
from payments import method_queries, queries
from payments.models import (
    CollectionHold,
    Discrepancy,
    Invoice,
    LedgerLeg,
    Payment,
    PaymentMethod,
    StatusChange,
)
from payments.policies import needs_second_person
from subscriptions.actions import couponing, judging, renewing
from subscriptions.models import PlanPrice, PlanPriceRef, Subscription
from usage.actions.closing import lines_of
from usage.models import UsageMonth, UsageRecord
from usage.summary import this_month

pytestmark = pytest.mark.django_db

# A working day, the first hours of a month, its last day in a short and in a long month, and both changes of clocks.
DAYS = [
    "2026-11-24 14:05",
    "2026-12-01 09:30",
    "2027-02-28 23:50",
    "2027-05-31 20:00",
    "2027-03-14 07:00",
    "2026-11-01 08:10",
]


@pytest.fixture
def demo(settings, tmp_path, monkeypatch):
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    monkeypatch.setenv("DEMO_SCALE", "0.05")

    def run(*arguments):
        told = StringIO()
        call_command("seed_demo", *arguments, stdout=told)
        return told.getvalue()

    return run


@pytest.mark.parametrize("day", DAYS)
def test_on_any_day_the_demo_shows_what_its_table_says(tmp_path, day, stripe, paypal):
    now = datetime.fromisoformat(day).replace(tzinfo=UTC)
    seeded(tmp_path, now, stripe, paypal)
    labels = labels_back_from(now)
    of = {tenant.slug: tenant for tenant in Tenant.objects.all()}

    for slug, closed in {"acme": labels[1:], "globex": labels[2:], "hooli": labels[2:4], "kanto": labels[2:]}.items():
        months = UsageMonth.objects.filter(tenant=of[slug], closed_at__isnull=False)
        assert sorted(months.values_list("label", flat=True), reverse=True) == closed, slug
    outbound = next(each for each in this_month(of["acme"], now).classes if each.rate_class == "outbound")
    assert (outbound.used, outbound.included) == (4871, 6000)

    open_by_initech = queries.invoices(of["initech"]).filter(status=Invoice.Status.OPEN)
    assert open_by_initech.count() == 3
    assert open_by_initech.filter(due_at__lt=now).count() == 1
    assert_nothing_is_dated_after(now)
    assert {slug: (each.engine, each.status) for slug, each in subscriptions().items()} == {
        "acme": ("stripe", "active"),
        "globex": ("paypal", "active"),
        "initech": ("invoice", "active"),
        "kanto": ("invoice", "active"),
        "hooli": ("stripe", "active"),
    }
    for slug, subscription in subscriptions().items():
        assert_every_period_is_billed(slug, subscription, now)
    assert not renewing.due(now).exists() and not judging.to_judge(now).exists(), "the first beat finds nothing to do"
    assert method_queries.default_method(of["acme"]).last4 == method_queries.default_method(of["hooli"]).last4 == "4242"
    coupon = couponing.check(tenant=of["globex"], code="welcome20", currency="usd", now=now)
    assert (coupon.percent, coupon.cycles) == (20, 3)
    charged = queries.payments(of["hooli"]).filter(invoice__kind="overage")
    assert [each.invoice.usage_month for each in charged] == [labels[2]], "closing the last month is what charges it"
    assert_books_equal(stripe, paypal)
    assert check_books()[1] == []


def test_each_tenant_tells_its_own_story(tmp_path, stripe, paypal):
    now = timezone.now()
    seeded(tmp_path, now, stripe, paypal)
    of = {tenant.slug: tenant for tenant in Tenant.objects.all()}
    assert {slug: tenant.currency for slug, tenant in of.items()} == {
        "acme": "usd",
        "globex": "eur",
        "initech": "usd",
        "kanto": "jpy",
        "hooli": "usd",
        **dict.fromkeys(("umbrella", "wonka", "stark", "cyberdyne"), "usd"),
    }
    fees = {("acme", 34_800), ("globex", 21_600), ("initech", 1_560_000), ("kanto", 18_920), ("hooli", 1_740_000)}
    assert set(Invoice.objects.filter(kind="subscription").values_list("tenant__slug", "total_minor")) == fees

    theirs = PlanPriceRef.objects.filter(provider="paypal").values_list("provider_ref", flat=True)
    assert "P-5ML4271244454362WXNWU5NQ" in theirs, "the guide's"
    assert PlanPriceRef.objects.filter(provider="stripe").count() == theirs.count() == PlanPrice.objects.count()

    month = UsageMonth.objects.get(tenant=of["hooli"], label=labels_back_from(now)[1])
    to_be_billed = sum(line.amount_minor for line in lines_of(of["hooli"], month))
    assert month.closed_at is None and needs_second_person(Money(to_be_billed, "usd"))
    declared, waiting = Payment.objects.filter(tenant=of["initech"], status="awaiting_review").order_by("created_at")
    assert declared.declared_by_tenant and declared.invoice.status == "open"
    assert waiting.needs_second_person and not waiting.invoice
    assert Payment.objects.get(status="rejected").tenant == of["globex"]
    numbered = Invoice.objects.order_by("number_year", "number_sequence").values_list("issued_at", flat=True)
    assert list(numbered) == sorted(numbered)
    assert not OutboxMessage.objects.filter(done_at=None).exists(), "nobody is written to about the past"
    assert not Discrepancy.objects.exists()


def test_a_second_run_changes_nothing_and_says_so(demo, tmp_path):
    first = json.loads(demo("--json"))
    assert (first["seeded"], first["tenants"]) == (True, 9)
    before = state(tmp_path)
    assert "nothing was changed" in demo()
    assert json.loads(demo("--json"))["seeded"] is False
    assert state(tmp_path) == before


def test_the_accounts_open_what_they_should(demo, tmp_path, client):
    demo()
    file = tmp_path / "accounts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    accounts = json.loads(file.read_text())
    assert list(accounts) == ["tenants", "staff"]
    assert len(accounts["tenants"]) == 9
    for slug, told in accounts["tenants"].items():
        assert told["id"] == str(Tenant.objects.get(slug=slug).id)
        for role in ("owner", "billing", "viewer", "agent"):
            user = User.objects.get(email=told[role]["email"])
            assert PBKDF2PasswordHasher().verify(told[role]["password"], user.password)
            assert Membership.objects.get(user=user).role == role
    assert set(accounts["staff"]) == {"clerk", "finance", "finance2", "auditor", "support", "superuser"}
    assert User.objects.get(email=accounts["staff"]["finance2"]["email"]).groups.get().name == "finance"
    assert User.objects.get(email=accounts["staff"]["superuser"]["email"]).is_superuser

    acme = accounts["tenants"]["acme"]
    assert client.post("/api/auth/token", acme["owner"], content_type="application/json").status_code == 200
    key = accounts["tenants"]["hooli"]["apiKey"]
    posted = client.post(
        "/api/subscription/usage",
        {"recordType": "call_minutes", "quantity": 3, "eventId": "a call"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert posted.status_code == 201
    invoices = client.get("/api/invoices", headers={"Authorization": f"Bearer {key}"}).json()["count"]
    assert invoices == Invoice.objects.filter(tenant__slug="hooli").count() > 1


def test_lost_accounts_get_new_secrets_and_the_books_stay(demo, tmp_path):
    demo()
    before = state(tmp_path)["rows"]
    old = json.loads((tmp_path / "accounts.json").read_text())["tenants"]["acme"]
    (tmp_path / "accounts.json").unlink()
    assert "new password" in demo()
    new = json.loads((tmp_path / "accounts.json").read_text())["tenants"]["acme"]
    owner = User.objects.get(email="owner@acme.example")
    assert owner.check_password(new["owner"]["password"]) and not owner.check_password(old["owner"]["password"])
    assert ApiKey.objects.filter(tenant__slug="acme", revoked_at=None).count() == 1
    assert state(tmp_path)["rows"] == before


def test_only_a_demo_is_seeded_and_only_with_a_scale_that_can_be(demo, settings, monkeypatch):
    monkeypatch.setenv("DEMO_SCALE", "much")
    with pytest.raises(CommandError, match="DEMO_SCALE"):
        demo()
    settings.DEMO = False
    with pytest.raises(CommandError, match="not a demo"):
        demo()
    assert not Tenant.objects.exists()


def test_a_name_that_is_taken_leaves_nothing_behind(demo):
    Tenant.objects.create(slug="wonka", name="Wonka & Sons", billing_email="bills@wonka.example")
    with pytest.raises(CommandError, match="Nothing was seeded"):
        demo()
    assert Tenant.objects.count() == 1


def subscriptions():
    return {each.tenant.slug: each for each in Subscription.objects.select_related("tenant")}


def assert_nothing_is_dated_after(now):
    """Amounts, documents, states and calls are of the past; so is what was left to be told."""
    instants = {
        Invoice: "issued_at",
        Payment: "updated_at",
        LedgerLeg: "occurred_at",
        StatusChange: "at",
        OutboxMessage: "created_at",
        UsageRecord: "recorded_at",
        CollectionHold: "created_at",
        PaymentMethod: "created_at",
    }
    for model, field in instants.items():
        assert model.objects.exists()
        assert not model.objects.filter(**{f"{field}__gt": now}).exists(), model


def assert_every_period_is_billed(slug, subscription, now):
    """From its start to beyond now, without a gap and once; what is our own up to a period ahead."""
    assert subscription.period_start <= now < subscription.period_end, slug
    bills = Invoice.objects.filter(subscription_ref=subscription.id).order_by("period_start")
    spans = list(bills.values_list("period_start", "period_end"))
    assert spans[0][0] - subscription.started_at < timedelta(minutes=5), slug
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]], slug
    assert spans[-1][1] == (subscription.billed_until or subscription.period_end), slug
    late = [each for each in bills if each.status != "paid" and each.due_at <= now]
    assert not late, slug


def state(tmp_path):
    books = (Invoice, Payment, LedgerLeg, UsageRecord, UsageMonth, Tenant, Membership, User)
    return {
        "rows": {model.__name__: model.objects.count() for model in books},
        "keys": sorted(ApiKey.objects.values_list("hash", flat=True)),
        "file": (tmp_path / "accounts.json").read_text(),
    }
