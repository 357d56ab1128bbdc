"""Candles as a table and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from cryptoctl.ops.candles import MEMBERS, Candle, candle_document
from cryptoctl.ops.times import time_text
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.tables import Column
from cryptoctl.wording import MAX_NUMBER_LENGTH, number_text

# How dispensable a column is where the terminal is narrow.
RANKS = {"high": 1, "low": 2, "trades": 3, "volume": 4, "open": 5}


def show_candles(screen: Screen, candles: Sequence[Candle]) -> None:
    """A row for each candle; its time is when it began."""
    columns = [
        Column(
            name,
            right=name != "time",
            rank=RANKS.get(name, 0),
            cut=None if name in ("time", "trades") else MAX_NUMBER_LENGTH,
        )
        for name in MEMBERS
    ]
    screen.table(columns, [_row(each) for each in candles])


def _row(candle: Candle) -> list[str]:
    numbers = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return [time_text(candle.begin_ms, "minutes"), *map(number_text, numbers), str(candle.trades)]


def write_candles(screen: Screen, candles: Sequence[Candle]) -> None:
    """CSV with a header, the members as in JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, MEMBERS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(candle_document(each) for each in candles)
    screen.raw(text.getvalue())
