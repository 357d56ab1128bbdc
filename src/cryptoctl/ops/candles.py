"""Candles: a symbol's prices by interval of time, computed exactly from what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from cryptoctl.core.items import StoredPrice
from cryptoctl.core.numbers import EXACT, plain
from cryptoctl.ops.times import iso_of_ms

MEMBERS = ("time", "open", "high", "low", "close", "volume", "trades")


class Interval(StrEnum):
    """How long a candle is."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def ms(self) -> int:
        """The same in milliseconds."""
        return {"1m": 60_000, "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000}[self.value]

    def begin_ms(self, time_ms: int) -> int:
        """When the interval of a moment began: a whole number of intervals since 1970, in UTC."""
        return time_ms - time_ms % self.ms


@dataclass(frozen=True, kw_only=True)
class Candle:
    """The prices of one interval; `begin_ms` is its beginning in milliseconds since 1970."""

    begin_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int


def candles(newest_first: Iterable[StoredPrice], interval: Interval) -> Iterator[Candle]:
    """The candle of each interval that has prices, the newest first, as the prices are.

    Open and close are the first and the last price in key order; nothing is rounded.
    """
    for begin_ms, group in groupby(newest_first, key=lambda price: interval.begin_ms(price.timestamp_ms)):
        yield _candle(begin_ms, group)


def _candle(begin_ms: int, newest_first: Iterator[StoredPrice]) -> Candle:
    newest = next(newest_first)
    opening = high = low = newest.price
    volume, trades = newest.volume, 1
    for price in newest_first:
        opening, high, low = price.price, max(high, price.price), min(low, price.price)
        volume, trades = EXACT.add(volume, price.volume), trades + 1
    return Candle(
        begin_ms=begin_ms, open=opening, high=high, low=low, close=newest.price, volume=volume, trades=trades
    )


def candle_document(candle: Candle) -> Mapping[str, str | int]:
    """A candle for a machine: numbers as text, with all their digits."""
    return {
        "time": iso_of_ms(candle.begin_ms),
        "open": plain(candle.open),
        "high": plain(candle.high),
        "low": plain(candle.low),
        "close": plain(candle.close),
        "volume": plain(candle.volume),
        "trades": candle.trades,
    }
