"""The newest prices of one symbol, as far as they are known, and what has changed since when."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from operator import attrgetter

from cryptoctl.core.items import StoredPrice

# How far behind the newest price each reading begins: there, prices may come late or be enriched later.
LOOKBACK_PRICES = 100
LOOKBACK_PRICES_FOR_UNENRICHED = 500
MAX_CHANGES = 1000


class PriceSeries:
    """At most `max_prices` prices in the order of their keys. Every change of them is a new revision."""

    def __init__(self, max_prices: int, first_revision: int = 0) -> None:
        self._max_prices, self._first_revision = max_prices, first_revision
        self.prices: list[StoredPrice] = []
        """the oldest first"""
        self._changes: deque[tuple[int, int]] = deque(maxlen=MAX_CHANGES)
        self.revision = first_revision
        self.complete = True
        """whether there is none before the oldest"""

    @property
    def is_read(self) -> bool:
        """Whether it has been read at all."""
        return self.revision > self._first_revision

    @property
    def since_ms(self) -> int | None:
        """From when on the next reading has to be, in milliseconds since 1970; None for all of them."""
        if not self.prices:
            return None
        recent = self.prices[-LOOKBACK_PRICES_FOR_UNENRICHED:]
        waiting_ms = next((price.timestamp_ms for price in recent if not price.processed), None)
        begin_ms = self.prices[-min(LOOKBACK_PRICES, len(self.prices))].timestamp_ms
        return begin_ms if waiting_ms is None else min(begin_ms, waiting_ms)

    def take(self, prices: Sequence[StoredPrice], since_ms: int | None) -> None:
        """Takes a reading of every price since then, the oldest first: what it does not have is gone."""
        begin = 0 if since_ms is None else bisect_left(self.prices, since_ms, key=attrgetter("timestamp_ms"))
        previous = self.prices[begin:]
        if since_ms is None:
            self.complete = len(prices) < self._max_prices
        changed = next(
            (index for index, pair in enumerate(zip(previous, prices, strict=False)) if pair[0] != pair[1]),
            min(len(previous), len(prices)),
        )
        if self.is_read and changed == len(previous) == len(prices):
            return
        differing = [
            price.timestamp_ms for part in (previous, prices) for price in part[changed : changed + 1]
        ]
        self.prices[begin:] = prices
        if len(self.prices) > self._max_prices:
            del self.prices[: -self._max_prices]
            self.complete = False
        self.revision += 1
        self._changes.append((self.revision, min(differing, default=0)))

    def changed_since_ms(self, revision: int) -> int | None:
        """From when on something differs from that revision; None for everything."""
        if not self._first_revision < revision <= self.revision or self._changes[0][0] > revision + 1:
            return None
        return min((since_ms for number, since_ms in self._changes if number > revision), default=_NEVER)


_NEVER = 10**18
