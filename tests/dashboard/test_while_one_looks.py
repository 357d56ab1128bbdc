"""The page in a real Chromium while prices come: what a person points at, and where the keyboard is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cryptoctl.dashboard.documents import prices
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.dashboard.site import Site
from dashboard.browsing import READY, page_state
from dashboard.browsing import browser as browser
from dashboard.browsing import nothing_noted as nothing_noted
from dashboard.conftest import FakeReader
from dashboard.prices_of import AT_MS, stored
from kit.browser import Browser
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
