"""The page as one file, in a real Chromium: what it says of a symbol whose prices it does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryptoctl.dashboard.documents import prices
from cryptoctl.dashboard.page import saved_page
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.ops.candles import Interval
from dashboard.browsing import READY, page_state
from dashboard.browsing import browser as browser
from dashboard.browsing import nothing_noted as nothing_noted
from dashboard.prices_of import AT_MS, stored
from kit.browser import Browser
from ui.overviews import HEALTHY

pytestmark = pytest.mark.process


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
