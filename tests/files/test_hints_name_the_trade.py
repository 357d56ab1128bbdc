"""Of several times, prices and names, a hint suggests those of the trade, and so stores no other as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from files.reading import MS, refusal


def records(**members: Any) -> str:
    """Two records with these members; of a pair, each has one."""
    return json.dumps(
        [
            {name: value[place] if isinstance(value, tuple) else value for name, value in members.items()}
            for place in (0, 1)
        ]
    )


@pytest.mark.parametrize(
    ("members", "hint"),
    [
        (
            {"ath_date": "2024-03-14T07:10:36Z", "last_updated": "2024-04-07T16:49:31Z", "price": 1},
            "timestamp=last_updated --ignore ath_date",
        ),
        (
            {"date_added": "2013-04-28T00:00:00Z", "last_updated": "2018-08-09T21:56:28Z", "price": 1},
            "timestamp=last_updated --ignore date_added",
        ),
        (
            {"expiry_date": "2025-12-26T08:00:00Z", "trade_date": "2025-01-02T03:04:05Z", "price": 1},
            "timestamp=trade_date --ignore expiry_date",
        ),
        (
            {"local_time": "2023-11-15T02:02:03Z", "utc_time": "2023-11-15T01:02:03Z", "price": 1},
            "timestamp=utc_time --ignore local_time",
        ),
        (
            {"received_at": "2023-11-15T01:02:04Z", "traded_at": "2023-11-15T01:02:03Z", "price": 1},
            "timestamp=traded_at --ignore received_at",
        ),
        (
            {"ts_recv": "2023-11-15T01:02:04Z", "ts_event": "2023-11-15T01:02:03Z", "price": 1},
            "timestamp=ts_event --ignore ts_recv",
        ),
        (
            {"timestamp": 1700000000, "Limit Price": 38000, "Stop Price": 36000, "Fill Price": 37000},
            "--map 'price=Fill Price'",
        ),
        (
            {"timestamp": 1700000000, "avg_price": 2, "open_price": 1, "high_price": 5, "close_price": 3},
            "--map price=close_price",
        ),
        (
            {"timestamp": 1700000000, "price": 1, "publisher_id": 1, "sequence": 305},
            "--map id=sequence",
        ),
    ],
)
def test_what_is_not_of_the_trade_comes_last(tmp_path: Path, members: dict[str, Any], hint: str) -> None:
    assert hint in refusal(tmp_path, records(**members), "prices.json")


@pytest.mark.parametrize(
    ("members", "hint"),
    [
        ({"instType": "SWAP", "instId": ("BTC-USDT-SWAP", "ETH-USDT-SWAP")}, "--map symbol=instId."),
        ({"contract_type": "PERPETUAL", "pair": ("BTCUSD", "ETHUSD")}, "--map symbol=pair."),
        ({"s": ("SELL", "BUY")}, "--symbol BTC,"),
        ({"s": ("b", "s")}, "--symbol BTC,"),
        ({"s": ("BTCUSDT", "ETHUSDT")}, "--map symbol=s."),
    ],
)
def test_a_kind_or_a_side_is_no_symbol(tmp_path: Path, members: dict[str, Any], hint: str) -> None:
    content = records(price=1, timestamp=1700000000, **members)
    assert hint in refusal(tmp_path, content, "prices.json", symbol=None).replace("; map", ".")


def test_a_text_that_several_trades_have_is_an_instrument_and_no_id(tmp_path: Path) -> None:
    names = ["BTC_USDT", "BTC_USDT", "ETH_USDT"]
    trades = [
        {"s": "BUY", "p": "1.5", "q": "2", "t": MS + number, "d": str(7 + number), "i": name}
        for number, name in enumerate(names)
    ]
    for given in (None, "BTC"):
        message = refusal(tmp_path, json.dumps(trades), "prices.json", symbol=given)
        assert "Add --map timestamp=t,volume=q,symbol=i,price=p;" in message
    ids = json.dumps([{**trade, "i": f"a-{trade['d']}"} for trade in trades])
    assert "id=i,price=p" in refusal(tmp_path, ids, "prices.json", symbol="BTC")
