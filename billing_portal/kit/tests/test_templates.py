"""The frame and the parts, drawn as pages draw them: what they hold, and that the CSP needs no exception."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.paginator import Paginator
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory

from billing_portal.kit.display import states
from billing_portal.kit.money import Money

TEMPLATES = Path(settings.BASE_DIR) / "templates"
ACME = SimpleNamespace(name="Acme Support Inc.", slug="acme", zone=ZoneInfo("America/New_York"))
OTHER = SimpleNamespace(name="Initech LLC", slug="initech", zone=ZoneInfo("UTC"))


def draw(source, request=None, **context):
    page = (
        "{% extends 'base.html' %}{% load billing %}{% block title %}Page{% endblock %}"
        "{% block main %}" + source + "{% endblock %}"
    )
    return engines["django"].from_string(page).render(context, request or RequestFactory().get("/invoices?page=2"))


def flat(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def test_the_frame_names_the_place_the_tenant_and_what_waits():
    html = draw("", tenant=ACME, nav="invoices", attention_count=2, who="Dana Ruiz", role="owner")
    assert "<title>Page · Billing · Acme Support Inc.</title>" in html
    assert '<a href="/invoices" aria-current="page">' in html
    assert "Invoices 2 need attention" in flat(html)
    assert "Dana Ruiz · owner" in html


def test_the_tenant_is_a_switch_only_for_members_of_several():
    one = draw("", tenant=ACME, memberships=[SimpleNamespace(tenant=ACME)])
    two = draw("", tenant=ACME, memberships=[SimpleNamespace(tenant=ACME), SimpleNamespace(tenant=OTHER)])
    assert 'action="/tenant"' not in one
    assert 'name="slug" value="initech"' in two


@pytest.mark.parametrize(
    ("cookie", "attribute"),
    [(None, '<html lang="en">'), ("dark", 'data-theme="dark"'), ('"><script>', '<html lang="en">')],
)
def test_the_chosen_appearance_is_written_on_the_page_itself(cookie, attribute):
    request = RequestFactory().get("/")
    if cookie:
        request.COOKIES["appearance"] = cookie
    assert attribute in draw("", request)


def test_dates_on_a_page_are_in_its_tenants_zone():
    html = draw("{{ at|when_long }}", tenant=ACME, at=datetime(2026, 11, 1, 3, 30, tzinfo=UTC))
    assert (
        '<time datetime="2026-10-31T23:30:00-04:00">October\N{NO-BREAK SPACE}31,\N{NO-BREAK SPACE}2026</time>' in html
    )


def test_money_and_prices_and_what_does_not_apply():
    html = draw(
        "{{ total|money }} {{ minor|money:'jpy' }} {{ no|money }} {{ price|unit_price:'usd' }} {{ quantity|minutes }}",
        total=Money(-2500, "usd"),
        minor=2900,
        no=None,
        price=Decimal("1.2"),
        quantity=Decimal(7412),
    )
    assert "\N{MINUS SIGN}$25.00 ¥2,900 — $0.012 7,412" in html


def test_a_badge_has_a_word_an_icon_and_a_colour():
    html = draw('{% badge "invoice" "due" days=6 %}')
    assert '<span class="badge badge-info"><svg class="icon"' in html
    assert "Due in 6 days" in html


def test_a_meter_says_what_it_shows_and_draws_it_by_attributes():
    html = draw('{% meter "4,871 of 6,000 used" used=4871 included=6000 expected=6190 label="6,000 included" %}')
    assert 'role="img" aria-label="4,871 of 6,000 used"' in html
    assert 'fill="url(#meter-over)"' in html
    assert 'text-anchor="end" class="f-strong">6,000 included</text>' in html


def test_what_has_no_limit_has_no_bar():
    assert '<svg class="meter"' not in draw('{% meter "No limit" used=2118 included=None %}')


def test_the_pager_keeps_the_other_parameters_of_the_address():
    request = RequestFactory().get("/invoices?status=paid&page=2")
    html = draw('{% include "parts/pager.html" %}', request, page=Paginator(range(14), 5).page(2))
    assert "6 to 10 of 14" in html
    assert 'href="?status=paid&amp;page=1"' in html


def test_parts_escape_what_they_are_given():
    history = [SimpleNamespace(icon="clock", title="<b>x", text="<i>", by="<u>", when=None, tone="next")]
    rows = [{"label": "<b>x", "value": "<i>", "op": "=", "note": "<u>"}]
    html = draw(
        '{% include "parts/history.html" with items=history %}{% include "parts/formula.html" %}'
        '{% include "parts/copy.html" with value=given what="code" %}'
        '{% include "parts/notice.html" with tone="bad" title=given %}',
        given="<b>x",
        history=history,
        rows=rows,
    )
    assert "<b>x" not in html
    assert "<u>" not in html


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_page_needs_no_request_and_names_its_id(status):
    html = render_to_string(f"errors/{status}.html", {"request_id": "0192f3a8"})
    assert "0192f3a8" in html
    assert html.count("<h1>") == 1


def test_any_other_error_shows_what_the_problem_says():
    html = flat(
        render_to_string("errors/error.html", {"title": "Not allowed", "detail": "Ask an owner.", "request_id": "x"})
    )
    assert "Not allowed Ask an owner. Go to the overview" in html


# Mails are read elsewhere, where only inline styles work.
PAGES = sorted(path for path in TEMPLATES.rglob("*.html") if path.parent.name != "notices")


@pytest.mark.parametrize("template", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_template_asks_for_an_exception_from_the_policy(template):
    text = template.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|hx-on|javascript:|data:image|<style", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag or 'type="application/json"' in tag
    assert not re.search(r"(src|href)=\"(https?:)?//", text)


@pytest.mark.parametrize(("kind", "looks"), states.STATES.items())
def test_every_state_can_be_drawn(kind, looks):
    html = draw("{% for state in looks %}{% badge kind state %}{% endfor %}", kind=kind, looks=list(looks))
    assert all(look.word in html for look in looks.values())
