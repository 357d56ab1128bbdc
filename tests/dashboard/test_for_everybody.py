"""The page for those who listen to it, print it, see no colours or want no motion, in a real Chromium."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from cryptoctl.dashboard.documents import prices
from cryptoctl.dashboard.page import served_files
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.dashboard.server import serving
from dashboard.browsing import READY, page_state
from dashboard.browsing import browser as browser
from dashboard.conftest import LIMITS, FakeReader
from dashboard.prices_of import AT_MS, stored
from kit.browser import Browser
from ui.overviews import ERROR, HEALTHY

pytestmark = pytest.mark.process
FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""What the library does of a change, it has done with the next frame."""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Browser]:
    """The page with 30 prices, and with three symbols: up, unchanged, down by less than is shown."""
    series = PriceSeries(100)
    series.take([stored(AT_MS + at * 60_000) for at in range(30)], None)
    changes = (Decimal("0.5"), Decimal(0), Decimal("-0.001"))
    first = (HEALTHY.symbols or ())[0]
    symbols = tuple(replace(first, symbol=f"S{change}", change_5m=change) for change in changes)
    reader = FakeReader()
    reader.answer = page_state(replace(HEALTHY, symbols=symbols, errors=(ERROR,)), "BTC")
    reader.prices_for = lambda symbol, interval, revision: prices(symbol, series, interval, revision)
    with serving(reader, served_files(), 0, LIMITS) as site:
        browser.open(site.url)
        browser.until(READY)
        yield browser


@pytest.fixture
def shown(page: Browser) -> Browser:
    """The same as it is at first, whatever the test before has made of it."""
    page.call("Emulation.setEmulatedMedia", media="", features=[])
    page.size(1400, 1000)
    page.run("page.chart.chart.timeScale().resetTimeScale()")
    page.until("document.getElementById('trouble').hidden")
    return page


def test_what_the_keyboard_reaches_has_a_role_that_may_have_a_name(shown: Browser) -> None:
    nodes = shown.call("Accessibility.getFullAXTree")["nodes"]
    roles = {node["name"]["value"]: node["role"]["value"] for node in nodes if node.get("name")}
    named = [name for name in roles if name.startswith("Candles with ma_5")]
    for name in (*named, "Newest prices", "Symbols of the last hour", "Errors of the last hour"):
        assert roles[name] != "generic"
    assert len(named) == 1


def test_no_heading_skips_a_level(shown: Browser) -> None:
    levels = shown.run("[...document.querySelectorAll('h1, h2, h3')].map((each) => +each.tagName[1])")
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_every_column_of_a_table_has_a_name(shown: Browser) -> None:
    names = shown.until("[...document.querySelectorAll('#errors th')].map((each) => each.textContent)")
    assert names and all(names)


def test_what_scrolls_in_a_narrow_window_is_scrolled_with_the_keyboard_too(shown: Browser) -> None:
    shown.size(320, 1000)
    scrolled = (
        "[...document.querySelectorAll('main *')].filter((each) => /auto|scroll/.test("
        "getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth)"
    )
    boxes = shown.run(f"{scrolled}.map((each) => [each.id || each.closest('section').id, each.tabIndex])")
    assert ["pipeline", 0] in boxes and all(tab_index == 0 for _, tab_index in boxes)
    assert shown.run("document.documentElement.scrollWidth") == 320
    assert shown.run("document.querySelector('#errors td:last-child').offsetWidth") > 150


def test_what_changes_with_every_price_is_not_read_out(shown: Browser) -> None:
    assert shown.run("document.getElementById('legend').ariaLive") == "off"


def test_of_what_keeps_the_prices_away_the_passing_seconds_are_not_read_out(shown: Browser) -> None:
    watch = (
        "const place = document.getElementById('trouble'), watch = new MutationObserver(() => {});"
        "const at = (age_s) => { page.last_answer_ms = Date.now() - age_s * 1000; showFreshness(); };"
        "at(60); watch.observe(place, { subtree: true, characterData: true, childList: true });"
        "const before = place.textContent; at(61); const after = place.textContent;"
        "const read = watch.takeRecords().filter(({ target }) => !target.parentNode.ariaHidden);"
    )
    before, after, read = shown.run(f"(() => {{ {watch} return [before, after, read.length]; }})()")
    assert before != after and "does not answer" in after
    assert read == 0


def test_a_symbol_that_is_cut_is_whole_under_the_mouse(shown: Browser) -> None:
    assert shown.run("document.querySelector('#symbols button').title") == "S0.5"


def test_a_table_is_printed_whole(shown: Browser) -> None:
    hidden = (
        "(() => { const place = document.querySelector('#prices .scroll'); "
        "return place.scrollHeight - place.clientHeight; })()"
    )
    for width in (800, 1400):
        shown.size(width, 1000)
        assert shown.run(hidden) > 0
        shown.call("Emulation.setEmulatedMedia", media="print")
        assert shown.run(hidden) == 0
        shown.call("Emulation.setEmulatedMedia", media="")
    assert base64.b64decode(shown.call("Page.printToPDF")["data"]).startswith(b"%PDF")


def test_the_chart_is_printed_whole_and_dark_on_white(shown: Browser) -> None:
    shown.size(1400, 1000, dark=True)
    style = "getComputedStyle(document.documentElement).getPropertyValue('--panel').trim()"
    assert shown.run(f"dispatchEvent(new Event('beforeprint')); {style}") == "#ffffff"
    shown.size(700, 1000, dark=True)
    shown.call("Emulation.setEmulatedMedia", media="print")
    picture = "document.querySelector('#market > canvas')"
    box = shown.run(f"{picture}.getBoundingClientRect().toJSON()")
    assert box["left"] > 0 and box["right"] < 700 and box["height"] > 200
    assert shown.run(f"[...{picture}.getContext('2d').getImageData(1, 1, 1, 1).data]") == [255] * 4
    assert shown.run("document.getElementById('chart').offsetHeight") == 0
    shown.call("Emulation.setEmulatedMedia", media="")
    assert shown.run(f"dispatchEvent(new Event('afterprint')); {picture}") is None
    shown.size(1400, 1000, dark=True)
    assert shown.run(style) == "#171b22"


def test_no_change_has_no_colour_of_a_change(shown: Browser) -> None:
    cells = "[...document.querySelectorAll('#symbols tbody td:nth-child(3) span')]"
    texts = shown.run(f"{cells}.map((each) => [each.textContent, each.className])")
    assert texts == [["+0.50 %", "up"], ["+0.00 %", ""], ["-0.00 %", ""]]


def test_end_moves_at_once_where_a_person_wants_no_motion(shown: Browser) -> None:
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    shown.call("Emulation.setEmulatedMedia", features=features)
    place = "page.chart.chart.timeScale().scrollPosition()"
    shown.run("page.chart.chart.timeScale().setVisibleLogicalRange({ from: 0, to: 9 })")
    shown.until(place, lambda top: top < 0)
    key = "document.getElementById('chart').dispatchEvent(new KeyboardEvent('keydown', { key: 'End' }))"
    assert shown.run(f"{key}; {FRAME}.then(() => {place})") == 4


@pytest.mark.parametrize(("key", "oldest_seen"), [("-", 0), ("+", 29)])
def test_zooming_as_far_as_it_goes_keeps_the_newest_candle_in_sight(
    shown: Browser, key: str, oldest_seen: int
) -> None:
    scale = "page.chart.chart.timeScale()"
    press = (
        f"document.getElementById('chart').dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}' }}))"
    )
    zoomed = f"{press}; {FRAME}.then(() => {scale}.getVisibleLogicalRange())"
    ranges = [shown.run(f"{scale}.getVisibleLogicalRange()"), shown.run(zoomed)]
    while ranges[-1] != ranges[-2] and len(ranges) < 60:
        ranges.append(shown.run(zoomed))
    assert ranges[-1] == ranges[-2] != ranges[0]
    assert ranges[-1]["from"] <= oldest_seen and ranges[-1]["to"] >= 29
