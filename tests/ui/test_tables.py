"""A table fits its terminal: it leaves out columns, and never wraps a row or ends it with spaces."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from cryptoctl.core.indicators import Indicators
from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.candles import Candle
from cryptoctl.ui.prices import show_candles, show_prices
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.symbols import show_symbols
from cryptoctl.ui.tables import BETWEEN, Column, fitted
from ui.overviews import HEALTHY

COLUMNS = [Column("a"), Column("b", right=True, rank=2), Column("c", rank=1, cut=4), Column("d", cut=3)]
CELL = st.text("xyz界 ", max_size=12)
ROWS = st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=5)


@given(rows=ROWS, width=st.integers(1, 60))
def test_no_row_is_wider_than_the_terminal_unless_what_must_stay_is(
    rows: list[list[str]], width: int
) -> None:
    lines, left_out = fitted(COLUMNS, [list(map(Text, row)) for row in rows], width)
    least = max(1, *(Text(row[0]).cell_len for row in rows), 0) + len(BETWEEN) + 3
    assert all(line.cell_len <= max(width, least) for line in lines)
    assert all(line.plain == line.plain.rstrip() for line in lines)
    assert left_out in ([], ["b"], ["b", "c"])


@given(rows=ROWS)
def test_in_a_pipe_every_column_is_there_whole(rows: list[list[str]]) -> None:
    lines, left_out = fitted(COLUMNS, [list(map(Text, row)) for row in rows], None)
    assert left_out == []
    for row, line in zip(rows, lines[1:], strict=True):
        assert all(cell.strip() in line.plain for cell in row)


def test_a_column_is_left_out_only_for_want_of_width() -> None:
    rows = [[Text("x" * 5)] * 4]
    width = 4 * 5 + 3 * len(BETWEEN)
    assert fitted(COLUMNS, rows, width)[1] == []
    assert fitted(COLUMNS, rows, width - 3)[1] == []
    assert fitted(COLUMNS, rows, width - 4)[1] == ["b"]


def price(*, processed: bool, price: str = "51754.69") -> StoredPrice:
    return StoredPrice(
        symbol="BTC",
        key=Decimal(1_700_000_000_000),
        exchange="binance",
        price=Decimal(price),
        volume=Decimal("0.00120000"),
        indicators=Indicators(
            ma_5=Decimal("51754.6912"), ma_20=Decimal("51604.70"), volatility=Decimal("12.345678")
        ),
        processed=processed,
    )


@pytest.mark.parametrize("absurd", ["9.99E125", "1E-130", f"{'9' * 38}E80", f"0.{'7' * 38}"])
def test_an_absurd_number_takes_no_column_of_the_others(absurd: str) -> None:
    text, messages = io.StringIO(), io.StringIO()
    screen = Screen(colour=False)
    screen.terminal.out = Console(file=text, width=132, force_terminal=True, soft_wrap=True, no_color=True)
    screen.terminal.err = Console(file=messages, soft_wrap=True)
    show_prices(screen, [price(processed=True), price(processed=True, price=absurd)])
    assert messages.getvalue() == ""
    assert "51754.691" in text.getvalue()


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("width", [200, 120, 80, 60, 50])
def test_prices_fit(width: int, processed: bool) -> None:
    text, messages = io.StringIO(), io.StringIO()
    screen = Screen(colour=False)
    screen.terminal.out = Console(file=text, width=width, force_terminal=True, soft_wrap=True, no_color=True)
    screen.terminal.err = Console(file=messages, soft_wrap=True)
    show_prices(screen, [price(processed=processed)])
    head, row = Text.from_ansi(text.getvalue()).plain.splitlines()
    assert max(len(head), len(row)) <= width
    assert "51754.69" in row
    assert ("not yet" in row) == (not processed)
    left_out = messages.getvalue()
    assert ("Not shown, for want of width" in left_out) == (width < 120)


@pytest.mark.parametrize(("width", "digits"), [(80, "9" * 25), (40, "51754.69"), (200, "9" * 25)])
def test_candles_fit(width: int, digits: str) -> None:
    text = io.StringIO()
    screen = Screen(colour=False)
    screen.terminal.out = Console(file=text, width=width, force_terminal=True, soft_wrap=True, no_color=True)
    screen.terminal.err = Console(file=io.StringIO())
    number = Decimal(digits)
    candle = Candle(begin_ms=0, open=number, high=number, low=number, close=number, volume=number, trades=1)
    show_candles(screen, [candle])
    lines = Text.from_ansi(text.getvalue()).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert "close" in lines[0]


@pytest.mark.parametrize("width", [200, 80, 40])
def test_symbols_fit(width: int) -> None:
    text = io.StringIO()
    screen = Screen(colour=False)
    screen.terminal.out = Console(file=text, width=width, force_terminal=True, soft_wrap=True, no_color=True)
    screen.terminal.err = Console(file=io.StringIO())
    first = (HEALTHY.symbols or ())[0]
    last = replace(first.last, symbol="X" * 60, exchange="x" * 60, price=Decimal("9" * 30))
    show_symbols(screen, [replace(first, last=last, symbol=last.symbol)], 2**40)
    lines = Text.from_ansi(text.getvalue()).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert "9.99" in lines[1]
