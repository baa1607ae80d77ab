"""Tags and filters of every page: icon, badge, money, dates, meter, theme. They show; views decide."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from billing_portal.kit.display import amounts, dates, meters, states
from billing_portal.kit.money import Money

register = template.Library()

# The cookie that holds the choice of appearance, and what may stand in it; no cookie follows the system.
APPEARANCE_COOKIE = "appearance"
APPEARANCES = ("light", "dark")


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An icon of the sprite. It says nothing to a screen reader: the word beside it does."""
    return format_html(
        '<svg class="icon{}" viewBox="0 0 24 24" aria-hidden="true"><use href="{}#{}"/></svg>',
        f" {css}" if css else "",
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def badge(
    kind: str, state: str, *, desk: bool = False, days: int | None = None, ends: datetime | date | None = None
) -> SafeString:
    """A state as icon and word; `kind` is one of `display.states.STATES`. See `display.states.look`."""
    found = states.look(kind, state, desk=desk, days=days, ends=ends)
    return format_html('<span class="badge badge-{}">{}{}</span>', found.tone, icon(found.icon), found.word)


@register.filter
def money(amount: Money | int | None, how: str = "") -> str:
    """Money as '$398.99', None as a dash. An integer of smallest units names its currency: `minor|money:"usd"`.

    `|money:"apart"` writes US$, for a page that shows two kinds of dollars.
    """
    if amount is None:
        return amounts.NONE
    if isinstance(amount, Money):
        return amounts.money_text(amount, apart=how == "apart")
    return amounts.money_text(Money(amount, how))


@register.filter
def unit_price(minor: Decimal | int | str | None, currency: str) -> str:
    """A price in smallest units with decimals: `1.2|unit_price:"usd"` is '$0.012'."""
    return amounts.NONE if minor is None else amounts.unit_price_text(Decimal(minor), currency)


@register.filter
def minutes(quantity: Decimal | int | None) -> str:
    """A quantity, of minutes or anything counted: '7,412'. The unit stands beside it."""
    return amounts.NONE if quantity is None else amounts.number_text(quantity)


register.filter("number", minutes)


@register.filter
def talk_time(seconds: int | None) -> str:
    """'5:51'."""
    return amounts.NONE if seconds is None else amounts.talk_time_text(seconds)


def _time_filter(name: str, text: Callable[[Any], str]) -> None:
    def show(when: datetime | date | None) -> SafeString | str:
        if when is None:
            return amounts.NONE
        return format_html('<time datetime="{}">{}</time>', dates.machine_text(when), text(when))

    show.__doc__ = text.__doc__
    register.filter(name, show)


# Each in the zone in force, as <time>; `|striptags` leaves the words, for titles and labels.
_time_filter("when_day", dates.day_text)
_time_filter("when_date", dates.date_text)
_time_filter("when_weekday", dates.weekday_text)
_time_filter("when_long", dates.long_text)
_time_filter("when_time", dates.time_text)
_time_filter("when_moment", dates.moment_text)
_time_filter("when_exact", dates.exact_text)

register.filter("zone", dates.zone_text)
register.filter("month", dates.month_text)


@register.simple_tag
def period(start: datetime | date, end: datetime | date) -> str:
    """A half-open period by its first and last day: 'October 1 to 31, 2026'."""
    return dates.period_text(start, end)


@register.inclusion_tag("parts/meter.html")
def meter(
    sentence: str,
    *,
    used: Decimal | int,
    included: Decimal | int | None,
    expected: Decimal | int | None = None,
    parts: list[tuple[str, Decimal]] | None = None,
    look: str = "out",
    label: str = "",
    name: str = "meter",
) -> dict[str, Any]:
    """A bar of what is used of an allowance, drawn by `display.meters`; without a limit (`included` None) no bar.

    `sentence` says what the picture shows; `label` stands at the allowance's mark ("6,000 included"); `look` and the
    classes in `parts` are in, out or toll; `name` must be unique on the page when several meters hatch.
    """
    if included is None:
        return {"meter": None}
    laid_out = meters.meter(
        Decimal(used),
        Decimal(included),
        expected=None if expected is None else Decimal(expected),
        parts=[(kind, Decimal(quantity)) for kind, quantity in parts or []],
        look=look,
    )
    hatches = sorted({piece.look for piece in laid_out.pieces if piece.expected})
    return {"meter": laid_out, "sentence": sentence, "label": label, "name": name, "hatches": hatches}


@register.inclusion_tag("parts/share_bar.html")
def share_bar(part: Decimal | int, largest: Decimal | int, look: str = "out") -> dict[str, str]:
    """A thin bar in a table row: `part` against the largest row's. The number stands beside it, so it has no label."""
    width = Decimal(part) * 100 / Decimal(largest) if largest else Decimal(0)
    return {"width": f"{width:.2f}%", "look": look}


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> SafeString:
    """The attribute for <html> that holds the chosen appearance; nothing when the system decides."""
    chosen = appearance(context)
    return format_html(' data-theme="{}"', chosen) if chosen in APPEARANCES else mark_safe("")


@register.simple_tag(takes_context=True)
def appearance(context: template.Context) -> str:
    """The chosen appearance: system, light or dark."""
    request: HttpRequest | None = context.get("request")
    chosen = request.COOKIES.get(APPEARANCE_COOKIE) if request else None
    return chosen if chosen in APPEARANCES else "system"
