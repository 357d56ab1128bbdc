"""`symbols`, `chart` and `candles` on the engine."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest

from cli.conftest import Cli, put_price
from live import Live


@pytest.fixture
def env_cli(without_functions: Live, elsewhere: Path) -> Cli:
    """cryptoctl on an environment with some prices in it."""
    for symbol, seconds, price in (
        ("ONE", 0, "1.10"),
        ("ONE", 1, "0.90"),
        ("ONE", 65, "1.00"),
        ("TWO", 0, "7"),
    ):
        put_price(without_functions, symbol, (1_790_000_040 + seconds) * 1000, price, volume="0.1")
    return Cli("--local", "--env", without_functions.session.environment)


def test_every_symbol_is_listed_however_old(env_cli: Cli) -> None:
    symbols = env_cli.ok("symbols", "-o", "json").json["symbols"]
    assert [(symbol["symbol"], symbol["price"]) for symbol in symbols] == [("ONE", "1"), ("TWO", "7")]
    assert [line.split()[0] for line in env_cli.ok("symbols").out.splitlines()] == ["symbol", "ONE", "TWO"]


def test_candles_are_the_same_as_table_json_and_csv(env_cli: Cli) -> None:
    first, second = env_cli.ok("candles", "one", "-o", "json").json["candles"]
    assert (first["open"], first["high"], first["low"], first["close"]) == ("1.1", "1.1", "0.9", "0.9")
    assert (first["volume"], first["trades"], second["trades"]) == ("0.2", 2, 1)
    rows = list(csv.DictReader(io.StringIO(env_cli.ok("candles", "ONE", "-o", "csv").out)))
    assert rows == [{name: str(value) for name, value in candle.items()} for candle in (first, second)]
    head, *lines = env_cli.ok("candles", "ONE", "--interval", "1h").out.splitlines()
    assert head.split() == ["time", "open", "high", "low", "close", "volume", "trades"]
    assert [Decimal(cell) for cell in lines[0].split()[2:]] == list(
        map(Decimal, ("1.1", "1.1", "0.9", "1", "0.3", "3"))
    )
    assert env_cli.ok("candles", "ONE", "--last", "1", "-o", "json").json["candles"] == [second]


def test_a_chart_is_drawn_and_where_there_is_nothing_that_is_said(env_cli: Cli) -> None:
    result = env_cli.ok("chart", "ONE")
    assert result.out.startswith("ONE here  1  ▼ -9.09 %  ━ price  ┅ ma_20")
    assert "2026-09-21 14:14:00 to 14:15:05 UTC  3 prices, " in result.out
    assert env_cli.ok("chart", "NONE").out == ""
    assert "No prices of NONE" in env_cli.ok("chart", "NONE").err
    assert "the newest is from 2026-09-21" in env_cli.ok("candles", "ONE", "--since", "1m").err
