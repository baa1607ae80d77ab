"""In a real browser: what is written into a chart can be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page

from billing_portal.kit import periods
from billing_portal.tests import world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Draws the first chart again and hands back the box of the allowance's words, that of the canvas, and of every bar.
LOOK = """() => {
  const chart = Chart.getChart(document.querySelector("canvas[data-chart]"));
  const boxes = [], write = chart.ctx.fillText;
  chart.ctx.fillText = function (text, x, y) {
    if (text.endsWith("included")) boxes.push([x, y - 11, x + this.measureText(text).width, y + 3]);
    return write.apply(this, arguments);
  };
  chart.draw();
  delete chart.ctx.fillText;
  const bars = chart.getSortedVisibleDatasetMetas().flatMap((set) => set.data);
  return {
    words: boxes,
    canvas: [0, 0, chart.width, chart.height],
    bars: bars.map((bar) => [bar.x - bar.width / 2, Math.min(bar.y, bar.base), bar.x + bar.width / 2, bar.base]),
  };
}"""


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("quiet", [None, 3], ids=["every month over it", "one within it"])
def test_no_bar_is_behind_the_words_of_the_allowance(
    somebody: Callable[..., Page], width: int, scheme: str, quiet: int | None
) -> None:
    owner = member_of_a_busy_tenant(quiet)
    client = Client()
    client.force_login(owner)
    page = somebody("/login", width=width, color_scheme=scheme)
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": page.url}])
    page.goto("/")
    page.wait_for_function("window.Chart && Chart.getChart(document.querySelector('canvas[data-chart]'))")
    seen = page.evaluate(LOOK)
    ((left, top, right, bottom),) = seen["words"]
    assert left >= 0 and top >= 0 and right <= seen["canvas"][2] + 1
    assert len(seen["bars"]) >= 6
    for x0, y0, x1, y1 in seen["bars"]:
        assert right <= x0 or left >= x1 or bottom <= y0 or top >= y1 or y0 == y1, "a bar stands behind the words"


def member_of_a_busy_tenant(quiet: int | None) -> object:
    """Six months of which each but the one at `quiet` used more than was included."""
    now = timezone.now()
    label = periods.month_label(now, periods.ZoneInfo("UTC"))
    labels = [label]
    for _ in range(5):
        labels.append(periods.previous_label(labels[-1]))
    acme = world.subscribed(since=periods.month_bounds(labels[-1], periods.ZoneInfo("UTC"))[0])
    for number, each in enumerate(labels):
        start = periods.month_bounds(each, periods.ZoneInfo("UTC"))[0]
        world.call(acme, 40 if number == quiet else 120 + 10 * number, start, now=now)
    return world.member(acme)
