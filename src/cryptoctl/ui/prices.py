"""Stored prices and candles, as tables and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.candles import MEMBERS as CANDLE_MEMBERS
from cryptoctl.ops.candles import Candle, candle_document
from cryptoctl.ops.prices import COLUMNS, MEMBERS, document, row
from cryptoctl.ops.times import time_text
from cryptoctl.ui.screen import Screen, printable
from cryptoctl.ui.tables import Column
from cryptoctl.wording import MAX_NUMBER_LENGTH, number_text

NUMBERS = COLUMNS[3:8]
# How dispensable a column is where the terminal is narrow. The symbol was asked for.
RANKS = {"symbol": 7, "processed": 6, "volume": 5, "exchange": 4, "volatility": 3, "ma_5": 2, "ma_20": 1}
CANDLE_RANKS = {"high": 1, "low": 2, "trades": 3, "volume": 4, "open": 5}
TEXT_MEMBERS = ("symbol", "exchange", "id", "enriched_at")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def show_prices(screen: Screen, prices: Sequence[StoredPrice]) -> None:
    """A table."""
    ranks = {**RANKS, "processed": 0} if any(not price.processed for price in prices) else RANKS
    columns = [
        Column(
            name,
            right=name in NUMBERS,
            rank=ranks.get(name, 0),
            cut=MAX_NUMBER_LENGTH if name in NUMBERS[:2] else None,
        )
        for name in COLUMNS
    ]
    screen.table(columns, [row(price) for price in prices])


def show_candles(screen: Screen, candles: Sequence[Candle]) -> None:
    """A row for each candle; its time is when it began."""
    columns = [
        Column(
            name,
            right=name != "time",
            rank=CANDLE_RANKS.get(name, 0),
            cut=None if name in ("time", "trades") else MAX_NUMBER_LENGTH,
        )
        for name in CANDLE_MEMBERS
    ]
    screen.table(columns, [_candle_row(candle) for candle in candles])


def _candle_row(candle: Candle) -> list[str]:
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return [time_text(candle.begin_ms, "minutes"), *map(number_text, numbers), str(candle.trades)]


def write_csv(screen: Screen, prices: Sequence[StoredPrice]) -> None:
    """CSV with a header, the members as in JSON; text can neither command a terminal nor be a formula."""
    _write_csv(screen, MEMBERS, map(_csv_row, prices))


def _csv_row(price: StoredPrice) -> dict[str, Any]:
    members = document(price)
    texts = {name: _csv_text(members[name]) for name in TEXT_MEMBERS}
    return {**members, **texts, "processed": json.dumps(price.processed)}


def write_candles(screen: Screen, candles: Sequence[Candle]) -> None:
    """CSV with a header, the members as in JSON."""
    _write_csv(screen, CANDLE_MEMBERS, map(candle_document, candles))


def _write_csv(screen: Screen, members: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, members, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    screen.raw(text.getvalue())


def _csv_text(text: str | None) -> str | None:
    """The text with control characters escaped; with an apostrophe where a spreadsheet would calculate.

    An apostrophe of the text's own gets one as well, so that whoever takes the first one off has the text.
    """
    if text is None:
        return None
    return f"'{printable(text)}" if text.startswith((*FORMULA_SIGNS, "'")) else printable(text)
