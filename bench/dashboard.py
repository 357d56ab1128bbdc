"""The dashboard's page in a real Chromium: 10,000 candles, their frames, and a day of ticks."""

from __future__ import annotations

import resource
import statistics
import tempfile
from pathlib import Path

from cryptoctl.dashboard.page import served_files
from cryptoctl.dashboard.server import serving
from dashboard.conftest import LIMITS, FakeReader
from dashboard.endurance import EMPTY, prepare, smoothness
from dashboard.played_day import DayReader, memory_by_hour
from kit.browser import Browser

CANDLES = 10_000
HOURS = 8


def main() -> None:
    """Prints the figures."""
    reader = FakeReader()
    reader.answer = EMPTY
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        serving(reader, served_files(), 0, LIMITS) as site,
        Browser(Path(profile)) as browser,
    ):
        browser.size(1400, 1000)
        prepare(browser, site.url)
        for width in (300, CANDLES):
            drawing = smoothness(browser, CANDLES, width)
            p50, p95 = statistics.median(drawing.frames_ms), sorted(drawing.frames_ms)[-15]
            print(f"{CANDLES:,} candles: drawn in {drawing.first_ms:.0f} ms", end="; ")
            print(f"two frames with {width:,} in view: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    _day()


def _day() -> None:
    day = DayReader()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        serving(day, served_files(), 0, LIMITS) as site,
        Browser(Path(profile)) as browser,
    ):
        browser.size(1400, 1000)
        for hour, memory in enumerate(memory_by_hour(browser, site, HOURS), 1):
            rss = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
            print(
                f"after {hour} h, {day.seconds:,} refreshes: heap {memory.heap_bytes / 2**20:.2f} MiB, "
                f"{memory.nodes:,} nodes, {memory.listeners} listeners; this process {rss / 2**20:.1f} MiB",
                flush=True,
            )
