"""When prices are sent: by number, by size or by time. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_PRICES = 200
MAX_WAIT_S = 0.25


@dataclass(kw_only=True, slots=True)
class Batching:
    """Decides when what waits is sent."""

    since_s: float | None = None
    """when the oldest price began to wait"""

    def due(self, waiting: int, now_s: float, *, ending: bool = False) -> bool:
        """Whether `waiting` prices are to be sent now. At the end, whatever there is."""
        if not waiting:
            self.since_s = None
            return False
        if self.since_s is None:
            self.since_s = now_s
        if ending or waiting >= MAX_PRICES or now_s - self.since_s >= MAX_WAIT_S:
            self.since_s = None
            return True
        return False


def shares(waiting: Sequence[int], limit: int) -> list[int]:
    """How many of each symbol's prices go into a request of at most `limit`: none starves another."""
    granted = [0] * len(waiting)
    remaining = limit
    while remaining and any(count > share for count, share in zip(waiting, granted, strict=True)):
        unserved = [index for index, count in enumerate(waiting) if count > granted[index]]
        portion = max(1, remaining // len(unserved))
        for index in unserved:
            extra = min(portion, waiting[index] - granted[index], remaining)
            granted[index] += extra
            remaining -= extra
    return granted
