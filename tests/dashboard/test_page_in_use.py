"""The page in a real Chromium while a person uses it: prices come, it is loaded again, it is a saved file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cryptoctl.dashboard.documents import prices
from cryptoctl.dashboard.page import saved_page
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.dashboard.site import Site
from cryptoctl.ops.candles import Interval
from dashboard.browsing import READY, page_state
from dashboard.browsing import browser as browser
from dashboard.browsing import nothing_noted as nothing_noted
from dashboard.conftest import FakeReader
from dashboard.prices_of import AT_MS, stored
from kit.browser import Browser
from kit.waiting import eventually
from ui.overviews import HEALTHY

pytestmark = pytest.mark.process
LEGEND = "document.getElementById('legend').textContent"
TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"


@pytest.fixture
def series(reader: FakeReader) -> PriceSeries:
    """The prices of every symbol."""
    series = PriceSeries(1000)
    reader.answer = page_state(HEALTHY, "BTC")
    reader.prices_for = lambda symbol, interval, revision: prices(symbol, series, interval, revision)
    return series


def test_the_candle_under_the_mouse_stays_in_words_while_prices_come(
    browser: Browser, site: Site, series: PriceSeries
) -> None:
    before = [stored(AT_MS + at * 60_000, str(100 + at)) for at in range(50)]
    series.take(before, None)
    browser.open(site.url)
    browser.until(READY)
    browser.until("page.chart.chart.timeScale().getVisibleLogicalRange().to === 53")
    left, top = browser.run(
        "(({ left, top }) => [left, top])(document.getElementById('chart').getBoundingClientRect())"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + 200, y=top + 100)
    pointed_at = browser.until(LEGEND, lambda text: "C 149" not in text)
    for at, price in enumerate(("776", "777")):
        before.append(stored(AT_MS + 49 * 60_000 + 1 + at, price))
        series.take(before, None)
        browser.until(f"page.prices.newest[0].price === '{price}'")
        browser.run(TWO_FRAMES)
    assert browser.run(LEGEND) == pointed_at
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    browser.until(LEGEND, lambda text: "C 777" in text)
    assert browser.problems == []


def test_a_price_with_more_digits_than_those_before_it_is_told_apart_on_the_axis(
    browser: Browser, site: Site, series: PriceSeries
) -> None:
    before = [stored(AT_MS, "100")]
    series.take(before, None)
    browser.open(site.url)
    browser.until(READY)
    series.take([*before, stored(AT_MS + 60_000, "0.00012345")], None)
    browser.until("page.chart.candles.length", lambda count: count == 2)
    assert browser.run("page.chart.bars.priceFormatter().format(0.00012345)") == "0.00012345"
    assert browser.problems == []


def test_the_keyboard_stays_with_its_symbol_where_another_one_comes_to_its_place(
    browser: Browser, site: Site, reader: FakeReader, series: PriceSeries
) -> None:
    series.take([stored(AT_MS)], None)
    browser.open(site.url)
    browser.until("document.querySelectorAll('#symbols button').length", lambda count: count == 2)
    focused = "document.activeElement.dataset.symbol"
    browser.run("document.querySelector('button[data-symbol=ETH]').focus()")
    reader.answer = page_state(replace(HEALTHY, symbols=tuple(reversed(HEALTHY.symbols or ()))), "BTC")
    browser.until("document.querySelector('#symbols button').dataset.symbol", lambda symbol: symbol == "ETH")
    assert browser.run(focused) == "ETH"
    reader.answer = page_state(replace(HEALTHY, symbols=(HEALTHY.symbols or ())[:1]), "BTC")
    browser.until("document.querySelectorAll('#symbols button').length", lambda count: count == 1)
    assert browser.run(focused) != "BTC"
    assert browser.problems == []


def test_a_page_that_is_loaded_again_shows_what_was_chosen(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(HEALTHY, "A/B #&=É")
    browser.open(site.url)
    browser.until("typeof page === 'object' && document.querySelector('input:checked') !== null")
    browser.run("choose('A/B #&=É')")
    browser.run("document.querySelector('input[value=\"1h\"]').click()")
    browser.call("Page.reload")
    eventually(lambda: reader.asked_for[-1:] == [("A/B #&=É", Interval.HOUR, 0)])
    browser.until("document.querySelector('input:checked')?.value", lambda value: value == "1h")
    browser.until("document.getElementById('symbol')?.value", lambda value: value == "A/B #&=É")
    browser.open("about:blank")
    browser.open(f"{site.url}#interval=7m&symbol=ETH")
    browser.until("document.querySelector('input:checked')?.value", lambda value: value == "1m")
    assert browser.problems == []


def test_an_address_that_names_an_empty_symbol_shows_the_newest_one(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    reader.answer = page_state(HEALTHY)
    browser.open(f"{site.url}#symbol=")
    browser.until("typeof page === 'object' && page.symbol", lambda value: value == "BTC")
    assert browser.problems == []


def page_of(*symbols: str) -> str:
    """The file, with these symbols' prices."""
    series = PriceSeries(9)
    series.take([stored(AT_MS)], None)
    has = {
        symbol: {interval.value: prices(symbol, series, interval, 0) for interval in Interval}
        for symbol in symbols
    }
    return saved_page({"state": {**page_state(HEALTHY, *symbols), "left_out": 2}, "prices": has})


def test_a_symbol_of_the_last_hour_that_the_file_does_not_have_is_no_empty_chart_without_a_word(
    browser: Browser, tmp_path: Path
) -> None:
    """As where old prices came lately, and newer ones of others before that hour."""
    file = tmp_path / "page.html"
    file.write_text(page_of("ZEC"), encoding="utf-8")
    browser.open(file.as_uri())
    browser.until(READY)
    assert browser.run("page.symbol") == "ZEC"
    browser.run("choose('ETH')")
    nothing = "document.getElementById('nothing')"
    text = browser.until(f"{nothing}.hidden ? '' : {nothing}.textContent")
    assert text == "This file does not have the prices of ETH."
    assert browser.run("document.getElementById('chart').hidden")
    browser.run("choose('ZEC')")
    browser.until(f"{nothing}.hidden && {READY}")
    assert browser.problems == []


def test_a_symbol_can_be_chosen_where_another_page_shows_this_one_within_it(browser: Browser) -> None:
    """As a notebook or a mail's preview does; such a page has no address to keep the choice in."""
    frame = (
        f"Object.assign(document.createElement('iframe'), {{srcdoc: {json.dumps(page_of('ETH', 'ZEC'))}}})"
    )
    browser.run(f"document.body.append({frame})")
    browser.until("frames[0].document.getElementById('symbol')?.options.length > 1")
    browser.run("frames[0].choose('ZEC')")
    browser.until("frames[0].document.getElementById('symbol').value", lambda value: value == "ZEC")
    assert browser.problems == []


def test_of_many_symbols_any_can_be_chosen_and_the_focus_stays_while_numbers_change(
    browser: Browser, site: Site, reader: FakeReader
) -> None:
    names = [f"S{number:02}" for number in range(50)]
    reader.answer = page_state(HEALTHY, *names)
    browser.open(site.url)
    browser.until("document.querySelectorAll('#symbol option').length", lambda value: value == 52)
    browser.run("document.querySelector('button[data-symbol=ETH]').focus()")
    later = replace(
        HEALTHY, symbols=tuple(replace(symbol, change_5m=None) for symbol in HEALTHY.symbols or ())
    )
    reader.answer = page_state(later, *names)
    browser.until(
        "document.querySelector('#symbols tbody td:nth-child(3)').textContent", lambda text: not text
    )
    assert browser.run("document.activeElement.dataset.symbol") == "ETH"
    browser.run("document.activeElement.click()")
    browser.until("document.querySelector('button[data-symbol=ETH]').getAttribute('aria-pressed') === 'true'")
    choose = "const list = document.getElementById('symbol'); list.value = 'S49'; "
    browser.run(f"{{ {choose} list.dispatchEvent(new Event('change')); }}")
    browser.until("page.symbol", lambda symbol: symbol == "S49")
    eventually(lambda: reader.asked_for[-1][0] == "S49")
    assert browser.problems == []
