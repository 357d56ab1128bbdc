"""The dashboard's page in a real Chromium: 10,000 candles, their frames, and a day of ticks."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from cryptoctl.dashboard.page import served
from cryptoctl.dashboard.server import serving
from dashboard.conftest import LIMITS, ToldReader
from dashboard.endurance import heap_by_hour, prepare, smoothness
from dashboard.test_endures import EMPTY
from kit.browser import Browser

CANDLES = 10_000


def main() -> None:
    """Prints the figures."""
    reader = ToldReader()
    reader.answer = EMPTY
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        serving(reader, served(), 0, LIMITS) as site,
        Browser(Path(profile)) as browser,
    ):
        browser.size(1400, 1000)
        prepare(browser, site.url)
        for width in (300, CANDLES):
            found = smoothness(browser, CANDLES, width)
            p50, p95 = statistics.median(found.frames_ms), sorted(found.frames_ms)[-15]
            print(f"{CANDLES:,} candles: drawn in {found.first_ms:.0f} ms", end="; ")
            print(f"two frames with {width:,} in view: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
        held = [each / 2**20 for each in heap_by_hour(browser, 8)]
        print("heap after each of 8 hours of ticks, MiB: " + " ".join(f"{each:.2f}" for each in held))
