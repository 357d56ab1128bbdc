"""What is typed after `feed`."""

from __future__ import annotations

import pytest

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.feed.source import parse_sources


def parsed(typed: str) -> list[tuple[str, str]]:
    return [(source.exchange, source.symbol) for source in parse_sources(typed.split())]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("binance BTC/USDT", [("binance", "BTC/USDT")]),
        ("Binance BTC/USDT ETH/USDT", [("binance", "BTC/USDT"), ("binance", "ETH/USDT")]),
        ("binance BTC/USDT kraken:ETH/USD", [("binance", "BTC/USDT"), ("kraken", "ETH/USD")]),
        ("binance:BTC/USDT kraken:BTC/USDT", [("binance", "BTC/USDT"), ("kraken", "BTC/USDT")]),
        ("binance BTC/USDT:USDT", [("binance", "BTC/USDT:USDT")]),
        ("kraken:BTC/USD bybit:BTC/USDT:USDT", [("kraken", "BTC/USD"), ("bybit", "BTC/USDT:USDT")]),
        ("mexc 币安人生/USDT", [("mexc", "币安人生/USDT")]),
    ],
)
def test_exchanges_and_symbols(typed: str, expected: list[tuple[str, str]]) -> None:
    assert parsed(typed) == expected


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("binance", "at least one symbol"),
        ("BTC/USDT", "names no exchange"),
        ("BTC/USDT:USDT binance:BTC/USDT", "names no exchange"),
        ("kraken:ETH/USD binance:", "is empty"),
        ("binance BTC/USDT binance:BTC/USDT", "given twice"),
        ("binance BTC/‮USDT", "cannot be seen"),
    ],
)
def test_what_cannot_be_meant_is_refused(typed: str, message: str) -> None:
    with pytest.raises(Failure, match=message) as raised:
        parsed(typed)
    assert raised.value.exit_code is ExitCode.USAGE
    assert raised.value.hint
