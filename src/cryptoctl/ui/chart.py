"""A symbol's prices as a chart of characters: price and ma_20 in braille dots, the volume below."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import fmean
from typing import TypeVar

from rich.text import Text

from cryptoctl.core.items import StoredPrice
from cryptoctl.core.numbers import EXACT, plain
from cryptoctl.ops.symbols import percent
from cryptoctl.ops.times import time_text
from cryptoctl.ui.sparklines import shares, sparkline
from cryptoctl.ui.styles import AVERAGE, BAD, GOOD
from cryptoctl.ui.text import percent_text, printable
from cryptoctl.wording import number_text

# The dots of a braille character, by row and column.
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
BLANK = 0x2800
LABEL_DIGITS = 10
VOLUME = "volume"
T = TypeVar("T")
MIN_PLOT = 10


def chart(prices: Sequence[StoredPrice], width: int, height: int) -> list[Text]:
    """The lines of the chart of at least one price, the oldest first, in `height` lines of `width` cells."""
    values = [price.price for price in prices]
    averages = [price.indicators.ma_20 for price in prices]
    plotted = [*values, *(value for value in averages if value is not None)]
    scale = _Scale(min(plotted), max(plotted), rows=max(2, height - 3))
    labels = scale.labels()
    margin = max(len(VOLUME), *map(len, labels))
    columns = max(MIN_PLOT, width - margin - 2)
    price_rows = _line(values, scale, columns, dotted=False)
    average_rows = _line(averages, scale, columns, dotted=True)
    lines = [_header(prices)]
    for row, label in enumerate(labels):
        plot = zip(price_rows[row], average_rows[row], strict=True)
        parts = [
            (chr(BLANK + (price_dots or average_dots)), AVERAGE if average_dots and not price_dots else "")
            for price_dots, average_dots in plot
        ]
        while parts and parts[-1][0] == chr(BLANK):
            parts.pop()
        lines.append(Text.assemble((label.rjust(margin) + (" ┤" if label else " │"), "dim"), *parts))
    # Of some prices more or fewer, by turns: sums would have heights that the volume has not.
    volumes = [fmean(share) for share in _stretch([price.volume for price in prices], columns)]
    volume = sparkline(volumes, columns, from_zero=True)
    lines.append(Text.assemble((VOLUME.rjust(margin), "dim"), "  ", (volume, "dim")))
    lines.append(Text(f"{' ' * margin}  {_period_text(prices)}", style="dim"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _header(prices: Sequence[StoredPrice]) -> Text:
    first, last = prices[0], prices[-1]
    exchanges = sorted({price.exchange for price in prices})
    exchange = exchanges[0] if len(exchanges) == 1 else f"{len(exchanges)} exchanges"
    change = percent(first.price, last.price)
    text = Text.assemble(
        (printable(last.symbol), "bold"), f" {printable(exchange)}  ", (number_text(last.price), "bold")
    )
    if change is not None:
        sign, style = ("▲", GOOD) if change > 0 else ("▼", BAD) if change < 0 else ("=", "")
        text.append(f"  {sign} {percent_text(change)}", style=style)
    return text.append("  ━ price").append("  ┅ ma_20", style=AVERAGE)


def _period_text(prices: Sequence[StoredPrice]) -> str:
    """From when to when, how many prices, and whether all are enriched."""
    begin, end = (time_text(price.timestamp_ms, "seconds") for price in (prices[0], prices[-1]))
    same_day = begin[:10] == end[:10] and begin[10:11] == " "  # else it is no date
    unenriched = sum(not price.processed for price in prices)
    enriched = "all enriched" if not unenriched else f"{unenriched} not enriched"
    count = f"{len(prices)} price{'s' * (len(prices) != 1)}"
    return f"{begin} to {end[11:] if same_day else end} UTC  {count}, {enriched}"


class _Scale:
    """From prices to rows of dots, the highest first. Exact: prices may differ in their last digit only."""

    def __init__(self, low: Decimal, high: Decimal, *, rows: int) -> None:
        self.low, self.high, self.rows = low, high, rows
        self._span = EXACT.subtract(high, low)

    def dot(self, value: Decimal) -> int:
        """The row of dots of a value."""
        last = self.rows * len(DOTS) - 1
        if not self._span:
            return last // 2
        below = EXACT.multiply(EXACT.subtract(self.high, value), Decimal(last))
        return int(below / self._span)

    def _label(self, value: Decimal, least: int = 1) -> str:
        """A value to a hundredth of what is between the bounds, and to `least` digits."""
        digits = value.adjusted() - self._span.adjusted() + 3 if self._span else 0
        rounded = Decimal(f"{value:.{max(least, digits)}g}")
        text = number_text(rounded)
        return plain(rounded) if "…" in text else text

    def labels(self) -> list[str]:
        """What stands before each row of characters: the bounds, and some values between."""
        labels = [""] * self.rows
        if not self._span:
            labels[self.dot(self.high) // len(DOTS)] = self._label(self.high, LABEL_DIGITS)
            return labels
        last = self.rows - 1
        for row in range(0, self.rows, max(1, last // 4)):
            share = Decimal(row) / Decimal(max(1, last))
            labels[row] = self._label(EXACT.subtract(self.high, EXACT.multiply(self._span, share)))
        labels[0] = self._label(self.high, LABEL_DIGITS)
        labels[-1] = self._label(self.low, LABEL_DIGITS)
        return labels


def _line(values: Sequence[Decimal | None], scale: _Scale, columns: int, *, dotted: bool) -> list[list[int]]:
    """The braille dots of a line, by row and column: each column of dots covers all of its prices."""
    cells = [[0] * columns for _ in range(scale.rows)]
    previous: int | None = None
    for column, share in enumerate(_stretch(values, columns * 2)):
        rows = [scale.dot(value) for value in share if value is not None]
        if not rows:
            previous = None
            continue
        if not dotted and previous is not None:
            rows.append(previous)
        previous = scale.dot(next(value for value in reversed(share) if value is not None))
        reached = [previous] if dotted else range(min(rows), max(rows) + 1)
        if dotted and column % 3 == 2:
            continue
        for row in reached:
            cells[row // len(DOTS)][column // 2] |= DOTS[row % len(DOTS)][column % 2]
    return cells


def _stretch(values: Sequence[T], count: int) -> list[Sequence[T]]:
    """The values in `count` shares; where there are fewer of them, each is repeated."""
    if len(values) >= count:
        return shares(values, count)
    return [[values[index * len(values) // count]] for index in range(count)]
