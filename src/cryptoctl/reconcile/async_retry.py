"""Waiting inside an event loop, where `retry` would stop everything else: the same clock, to be awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Protocol


class AsyncClock(Protocol):
    """Time for an event loop, so that a test can bring its own."""

    def now_s(self) -> float:
        """Seconds on a clock that never goes back."""

    async def sleep(self, seconds: float, until: asyncio.Event) -> bool:
        """Lets time pass; returns at once when the event is set. Whether it is."""


class RealAsyncClock(AsyncClock):
    """The machine's clock."""

    def now_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float, until: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            pass
        return until.is_set()


def doubling(first_s: float, max_s: float) -> Iterator[float]:
    """Pauses after failures, in seconds: each twice the one before, up to the longest, without end."""
    pause_s = first_s
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, max_s)
