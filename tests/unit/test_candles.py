"""Candles are exact: against the plainest definition, for any prices."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.items import StoredPrice
from cryptoctl.core.numbers import EXACT
from cryptoctl.ops.candles import Candle, Interval, candle_document, candles

NUMBERS = st.decimals(0, 10**12, allow_nan=False, places=20)
TRADES = st.lists(st.tuples(st.integers(0, 4 * 86_400_000), NUMBERS, NUMBERS), max_size=40)


def stored(trades: list[tuple[int, Decimal, Decimal]]) -> list[StoredPrice]:
    """The trades as prices in key order."""
    keys = sorted(Decimal(ms) + Decimal(number).scaleb(-24) for number, (ms, _, _) in enumerate(trades))
    return [
        StoredPrice(symbol="S", key=key, price=price, volume=volume, exchange="here")
        for key, (_, price, volume) in zip(keys, trades, strict=True)
    ]


@given(TRADES, st.sampled_from(Interval))
def test_a_candle_is_what_its_prices_are(
    trades: list[tuple[int, Decimal, Decimal]], interval: Interval
) -> None:
    prices = stored(trades)
    groups: dict[int, list[StoredPrice]] = defaultdict(list)
    for price in prices:
        groups[price.timestamp_ms // interval.ms * interval.ms].append(price)
    expected = []
    for begin_ms, group in groups.items():
        volume = Decimal(0)
        for trade in group:
            volume = EXACT.add(volume, trade.volume)
        values = [trade.price for trade in group]
        expected.append(
            Candle(
                begin_ms=begin_ms,
                open=values[0],
                high=max(values),
                low=min(values),
                close=values[-1],
                volume=volume,
                trades=len(group),
            )
        )
    assert list(candles(reversed(prices), interval))[::-1] == expected


def test_a_sum_of_volumes_keeps_every_digit() -> None:
    big, small = Decimal("1e20"), Decimal("1e-18")
    (candle,) = candles(reversed(stored([(0, big, big), (1, big, small)])), Interval.DAY)
    assert candle_document(candle)["volume"] == "100000000000000000000.000000000000000001"


@pytest.mark.parametrize(
    ("interval", "begin"),
    [("1m", "12:34:00"), ("5m", "12:30:00"), ("1h", "12:00:00"), ("1d", "00:00:00")],
)
def test_an_interval_begins_at_a_whole_one_in_utc(interval: str, begin: str) -> None:
    prices = [
        StoredPrice(
            symbol="S", key=Decimal(1_795_696_496_789), price=Decimal(1), volume=Decimal(1), exchange="x"
        )
    ]
    (candle,) = candles(prices, Interval(interval))
    assert candle_document(candle)["time"] == f"2026-11-26T{begin}.000Z"
