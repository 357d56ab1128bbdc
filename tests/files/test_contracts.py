"""Derivatives: a size that is a number of contracts is not taken for one of what is traded in silence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from files.reading import MS, opened, read, refusal, rows

COIN_M = f"id,price,qty,base_qty,time,is_buyer_maker\n7,42000.5,10,0.0238,{MS},true\n"
KRAKEN_FUTURES = (
    '{"result":"success","history":[{"time":"2024-01-31T09:20:00.000Z","trade_id":100,"price":42000.5,'
    '"size":10,"side":"buy","type":"fill","uid":"aa-1"}],"serverTime":"2024-01-31T09:20:05.000Z"}'
)


@pytest.mark.parametrize(
    "content",
    [
        f"trade_id,side,price,size,created_time\n7,buy,42000.5,10,{MS}\n",
        f"instrument_name,trade_id,side,price,size,created_time\nBTC-USDT-SWAP,7,buy,42000.5,10,{MS}\n",
        f'[{{"instId":"BTC-USDT-SWAP","side":"sell","sz":"10","px":"42000.5","tradeId":"7","ts":"{MS}"}}]',
        f"timestamp,symbol,side,size,price,trdMatchID\n{MS},XBTUSD,Buy,10,42000.5,7\n",
        f"agg_trade_id,price,quantity,transact_time\n7,42000.5,10,{MS}\n",
        f"7,42000.5,10,4500000001,4500000001,{MS},true\n",
        KRAKEN_FUTURES,
    ],
)
def test_what_it_is_recognised_as_says_that_sizes_may_be_numbers_of_contracts(
    tmp_path: Path, content: str
) -> None:
    shape = opened(tmp_path, content).layout.shape
    assert shape is not None
    assert "numbers of contracts)" in shape.preset.title


def test_trades_of_kraken_futures_are_known_by_the_id_that_each_has(tmp_path: Path) -> None:
    file = opened(tmp_path, KRAKEN_FUTURES)
    assert file.layout.shape is not None
    assert file.layout.shape.preset.name == "kraken-futures-api"
    assert rows(read(tmp_path, KRAKEN_FUTURES)) == [(1706692800000, "aa-1", Decimal("42000.5"), Decimal(10))]


def test_fills_without_their_own_ids_are_not_taken_for_trades_of_coinbase(tmp_path: Path) -> None:
    message = refusal(tmp_path, KRAKEN_FUTURES.replace(',"uid":"aa-1"', ""))
    assert "--map timestamp=time,volume=size,id=trade_id" in message


def test_of_a_quantity_in_contracts_and_one_in_what_is_traded_the_second_is_suggested(tmp_path: Path) -> None:
    assert "--map timestamp=time,volume=base_qty --ignore qty;" in refusal(tmp_path, COIN_M)


def test_what_takers_have_bought_is_not_suggested_as_the_volume(tmp_path: Path) -> None:
    names = "time,price,quantity,taker_buy_base_quantity"
    assert "volume=quantity --ignore taker" in refusal(tmp_path, f"{names}\n{MS},42000.5,10,4\n")
