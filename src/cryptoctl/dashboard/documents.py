"""What the page is given, as JSON: made of an overview and of prices by pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from cryptoctl.core.items import StoredPrice
from cryptoctl.core.numbers import plain
from cryptoctl.dashboard.price_series import PriceSeries
from cryptoctl.ops.candles import Interval, candles
from cryptoctl.ops.causes import cause_of
from cryptoctl.ops.overview import Overview, health, next_steps
from cryptoctl.ops.prices import document

NEWEST = 30
MAX_ERRORS = 50
# The parts of the pipeline: a name in the names of their resources.
PARTS = ("webhook-processor", "crypto-prices", "price-enricher")


class PageCause(TypedDict):
    """Errors of one cause in the last hour."""

    function: str
    cause: str
    count: int


class PageError(TypedDict):
    """An error as it was logged last, and how often in the last hour."""

    time_ms: int
    function: str
    text: str
    times: int


class PageState(TypedDict):
    """The environment as the page shows it.

    `overview` is what `status --output json` says, `next` the commands that go on from there, each once.
    """

    at_ms: int
    overview: Mapping[str, Any]
    next: list[str]
    health: Mapping[str, str]
    causes: list[PageCause]
    errors: list[PageError]
    older_errors: int
    """how many more there are, each counted once"""


class PageCandle(TypedDict):
    """A candle with the indicators of its last enriched price; numbers are text, with all their digits."""

    time_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    trades: int
    ma_5: str | None
    ma_20: str | None
    volatility: str | None


class PagePrices(TypedDict):
    """A symbol's prices: its candles since `since_ms` (None: all there are) and the newest prices."""

    symbol: str
    interval: str
    revision: int
    since_ms: int | None
    kept: int
    """how many prices are known"""
    complete: bool
    """whether they are all that there are"""
    candles: list[PageCandle]
    older_candles: int
    """how many candles before these are left out"""
    newest: list[Mapping[str, Any]]


def state(
    overview: Overview, status_document: Mapping[str, Any], hint: Callable[[str], str] = str
) -> PageState:
    """The environment; `status_document` is that of `status`, `hint` completes commands."""
    newest, older = errors(overview)
    return PageState(
        at_ms=overview.at_ms,
        overview=status_document,
        next=[hint(step) for step in next_steps(overview.concerns)],
        health={name: health(overview, name) for name in PARTS},
        causes=causes(overview),
        errors=newest,
        older_errors=older,
    )


def causes(overview: Overview) -> list[PageCause]:
    """The causes of each function's errors, the most frequent first."""
    counts = Counter((error.function, cause_of(error.text)) for error in overview.errors or ())
    return [
        PageCause(function=function, cause=cause, count=count)
        for (function, cause), count in counts.most_common()
    ]


def errors(overview: Overview) -> tuple[list[PageError], int]:
    """Each error once, as it was logged last, the newest first, and how many are left out."""
    distinct = overview.distinct_errors
    newest = [
        PageError(time_ms=error.time_ms, function=error.function, text=error.text, times=count)
        for error, count in reversed(distinct[-MAX_ERRORS:])
    ]
    return newest, len(distinct) - len(newest)


def prices(symbol: str, series: PriceSeries, interval: Interval, revision: int) -> PagePrices:
    """What has changed on a series since a revision; after a revision that is not known, everything."""
    stored = series.prices
    changed_ms = series.changed_since_ms(revision)
    since_ms = None if changed_ms is None else interval.begin_ms(changed_ms)
    if stored and not series.complete:
        # The oldest interval may have prices that are not known.
        whole_ms = interval.begin_ms(stored[0].timestamp_ms) + interval.ms
        since_ms = whole_ms if since_ms is None else max(since_ms, whole_ms)
    changed = stored if since_ms is None else [price for price in stored if price.timestamp_ms >= since_ms]
    return PagePrices(
        symbol=symbol,
        interval=interval.value,
        revision=series.revision,
        since_ms=None if changed_ms is None else since_ms,
        kept=len(stored),
        complete=series.complete,
        candles=page_candles(changed, interval),
        older_candles=0,
        newest=[document(price) for price in series.prices[: -NEWEST - 1 : -1]],
    )


def page_candles(oldest_first: Sequence[StoredPrice], interval: Interval) -> list[PageCandle]:
    """The candle of each interval that has prices, the oldest first."""
    indicators: dict[int, StoredPrice] = {}
    for price in reversed(oldest_first):
        if price.processed:
            indicators.setdefault(interval.begin_ms(price.timestamp_ms), price)
    newest_first = []
    for candle in candles(reversed(oldest_first), interval):
        enriched = indicators.get(candle.begin_ms)
        fields = document(enriched) if enriched else {}
        newest_first.append(
            PageCandle(
                time_ms=candle.begin_ms,
                open=plain(candle.open),
                high=plain(candle.high),
                low=plain(candle.low),
                close=plain(candle.close),
                volume=plain(candle.volume),
                trades=candle.trades,
                ma_5=fields.get("ma_5"),
                ma_20=fields.get("ma_20"),
                volatility=fields.get("volatility"),
            )
        )
    return newest_first[::-1]
