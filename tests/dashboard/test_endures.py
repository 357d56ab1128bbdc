"""A page that is left open for a working day holds no more at its end than after its first hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cryptoctl.dashboard.site import Site
from dashboard.conftest import ToldReader
from dashboard.endurance import heap_by_hour, prepare
from kit.browser import Browser

EMPTY: dict[str, Any] = {
    "state": None,
    "names": [],
    "names_known": False,
    "empty": "",
    "location": "here",
    "trouble": "",
}
GROWTH_BYTES = 2 * 2**20  # seven hours of candles, a minute each, are about 0.8 MiB


@pytest.mark.torture
def test_eight_hours_of_ticks_leave_nothing_behind(site: Site, reader: ToldReader, tmp_path: Path) -> None:
    reader.answer = EMPTY
    with Browser(tmp_path) as browser:
        prepare(browser, site.url)
        held = heap_by_hour(browser, 8)
        assert browser.run("page.chart.candles.length") == 8 * 60
        assert held[-1] - held[0] < GROWTH_BYTES, held
        assert browser.problems == []
