"""The symbols with their last prices."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from rich.text import Text

from cryptoctl.ops.symbols import SymbolState
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.sparklines import sparkline
from cryptoctl.ui.styles import BAD, BARS, GOOD
from cryptoctl.ui.tables import Column
from cryptoctl.ui.text import age, percent_text
from cryptoctl.wording import number_text

COLUMNS = (
    Column("symbol", cut=12),
    Column("exchange", rank=4, cut=10),
    Column("last", right=True),
    Column("5 min", right=True, rank=3),
    Column("1 h", right=True, rank=2),
    Column("last 60 prices", rank=5),
    Column("age", right=True, rank=1),
)
SPARK_WIDTH = 20


def show_symbols(screen: Screen, symbols: Sequence[SymbolState], now_ms: int) -> None:
    """A row for each symbol."""
    screen.table(COLUMNS, [symbol_row(symbol, now_ms) for symbol in symbols])


def symbol_row(state: SymbolState, now_ms: int) -> list[object]:
    """The cells of a symbol's row."""
    return [
        state.symbol,
        state.last.exchange,
        number_text(state.last.price),
        change(state.change_5m),
        change(state.change_1h),
        Text(sparkline(state.recent, SPARK_WIDTH), style=BARS),
        age(now_ms - state.last.timestamp_ms),
    ]


def change(percent: Decimal | None) -> Text:
    """A change with its sign, and a colour besides."""
    if percent is None:
        return Text("")
    text = percent_text(percent)
    return Text(text, style="" if text in ("+0.00 %", "-0.00 %") else GOOD if percent > 0 else BAD)
