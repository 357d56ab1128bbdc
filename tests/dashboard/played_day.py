"""A working day of ticks in minutes: the real page, its real requests, and a clock that runs fast.

Chromium's virtual time stands while a request is under way and leaps from timer to timer otherwise, so the
page asks as often as in a day that is sat through. The server is the real one; its prices are made up, one
for each time that the page asks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cryptoctl.dashboard import documents
from cryptoctl.dashboard.reader import ON_THE_ENGINE, PageReader
from cryptoctl.dashboard.site import Site
from cryptoctl.ops.overview import Overview
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.status import overview_document
from dashboard.conftest import nowhere
from dashboard.prices_of import AT_MS, stored
from kit.browser import Browser, PageMemory
from ui.overviews import BROKEN, HEALTHY

SYMBOL = "BTC"
HOUR_MS = 3_600_000
HOUR_WITHIN_S = 3600.0
MAX_PRICES = 10_000
READY = "typeof page === 'object' && page.chart !== null && page.chart.candles.length > 0"


class DayReader(PageReader):
    """Whenever it is asked, a second has passed: one price more, and its enrichment a second later."""

    def __init__(self) -> None:
        about = {"location": "here", "interval": "1m", "empty": ""}
        super().__init__(nowhere, lambda _: {}, str, about, ON_THE_ENGINE, MAX_PRICES)
        self.seconds = 0
        self._dice, self._price = random.Random(7), 50_000.0
        self._names, self._names_known = [SYMBOL, "ETH"], True
        self._screen = Screen(colour=False)

    def start(self) -> None:
        """Reads nothing."""

    def state(self) -> dict[str, Any]:
        """The next second's."""
        with self._changed:
            self.seconds += 1
            self._tick(AT_MS + self.seconds * 1000)
        return super().state()

    def _tick(self, now_ms: int) -> None:
        self._price *= 1 + self._dice.gauss(0, 0.0003)
        tick = stored(now_ms, f"{self._price:.2f}", processed=False)
        if shown := self._shown.get(SYMBOL):
            since_ms = shown.series.since_ms
            prices = [
                price for price in shown.series.prices if since_ms is None or price.timestamp_ms >= since_ms
            ]
            enriched = [
                price if price.processed else stored(price.timestamp_ms, str(price.price)) for price in prices
            ]
            shown.series.take([*enriched, tick], since_ms)
        overview = self._overview(now_ms)
        self._state = documents.state(overview, overview_document(self._screen, overview, "here"))

    def _overview(self, now_ms: int) -> Overview:
        """Ten minutes with errors, then ten without; every minute has another text."""
        overview = BROKEN if self.seconds // 600 % 2 else HEALTHY
        minute = self.seconds // 60
        errors = tuple(replace(error, message=f"{error.message} {minute}") for error in overview.errors or ())
        return replace(overview, at_ms=now_ms, errors=errors)


def memory_by_hour(browser: Browser, site: Site, hours: int) -> Iterator[PageMemory]:
    """What the page holds after each hour of a day that begins now."""
    browser.forget_requests()
    browser.open(site.url)
    browser.until(READY)
    for _ in range(hours):
        browser.pass_time(HOUR_MS, HOUR_WITHIN_S)
        yield browser.memory()
