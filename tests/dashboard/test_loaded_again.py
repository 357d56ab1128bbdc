"""A page that is loaded again, by a person or by a browser that had dropped its tab, in a real Chromium."""

from __future__ import annotations

import pytest

from cryptoctl.dashboard.site import Site
from cryptoctl.ops.candles import Interval
from dashboard.browsing import browser as browser
from dashboard.browsing import nothing_noted as nothing_noted
from dashboard.browsing import page_state
from dashboard.conftest import FakeReader
from kit.browser import Browser
from kit.waiting import eventually
from ui.overviews import HEALTHY

pytestmark = pytest.mark.process


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
