"""A page that is left open for a working day holds no more at its end than after its first hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryptoctl.dashboard.page import served_files
from cryptoctl.dashboard.server import serving
from dashboard.conftest import LIMITS
from dashboard.played_day import DayReader, memory_by_hour
from kit.browser import Browser

HOURS = 8
GROWTH_BYTES = 2 * 2**20  # seven hours of candles, a minute each, are about 0.8 MiB


@pytest.mark.torture
def test_eight_hours_of_ticks_leave_nothing_behind(tmp_path: Path) -> None:
    reader = DayReader()
    with serving(reader, served_files(), 0, LIMITS) as site, Browser(tmp_path) as browser:
        hours = list(memory_by_hour(browser, site, HOURS))
        assert reader.seconds > HOURS * 3600 * 0.9
        assert browser.run("page.chart.candles.length") == pytest.approx(reader.seconds / 60, abs=2)
        assert browser.problems == []
    first, last = hours[0], hours[-1]
    assert last.heap_bytes - first.heap_bytes < GROWTH_BYTES, hours
    assert last.nodes < first.nodes * 1.5 and last.listeners < first.listeners * 1.5, hours
