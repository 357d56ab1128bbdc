"""The page as one file, in a real Chromium: what it says of a symbol whose prices it does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryptoctl.dashboard.documents import prices
from cryptoctl.dashboard.page import saved
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.ops.candles import Interval
from dashboard.browsing import READY, told
from dashboard.browsing import browser as browser
from dashboard.browsing import nothing_noted as nothing_noted
from dashboard.prices_of import AT_MS, stored
from kit.browser import Browser
from ui.overviews import HEALTHY

pytestmark = pytest.mark.process


def test_a_symbol_of_the_last_hour_that_the_file_does_not_have_is_no_empty_chart_without_a_word(
    browser: Browser, tmp_path: Path
) -> None:
    """As where old prices came lately, and newer ones of others before that hour."""
    series = PriceSeries(9)
    series.take([stored(AT_MS)], None)
    has = {"ZEC": {each.value: prices("ZEC", series, each, 0) for each in Interval}}
    file = tmp_path / "page.html"
    answers = {"state": {**told(HEALTHY, "ZEC"), "left_out": 2}, "prices": has}
    file.write_text(saved(answers), encoding="utf-8")
    browser.open(file.as_uri())
    browser.until(READY)
    assert browser.run("page.symbol") == "ZEC"
    browser.run("choose('ETH')")
    nothing = "document.getElementById('nothing')"
    said = browser.until(f"{nothing}.hidden ? '' : {nothing}.textContent")
    assert said == "This file does not have the prices of ETH."
    assert browser.run("document.getElementById('chart').hidden")
    browser.run("choose('ZEC')")
    browser.until(f"{nothing}.hidden && {READY}")
    assert browser.problems == []
