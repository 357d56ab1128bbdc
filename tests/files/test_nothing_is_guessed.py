"""Columns and ids: what a file leaves open is asked for, never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.cli.file_options import given_files
from cryptoctl.errors import Failure
from cryptoctl.files.column_names import columns_like
from cryptoctl.files.layout import parse_mapping
from cryptoctl.files.records import FileOptions
from files.reading import MS, NOW_MS, read, refusal, refused, rows, sent

COLUMN_LOOKS = [
    ("time", "timestamp"),
    ("transact_time", "timestamp"),
    ("tradeTime", "timestamp"),
    ("Date", "timestamp"),
    ("snapped_at", "timestamp"),
    ("ts_event", "timestamp"),
    ("T", "timestamp"),
    ("qty", "volume"),
    ("Quantity", "volume"),
    ("base_volume", "volume"),
    ("Volume BTC", "volume"),
    ("lastSize", "volume"),
    ("amount", "volume"),
    ("trade_id", "id"),
    ("tradeId", "id"),
    ("tid", "id"),
    ("pair", "symbol"),
    ("instrument_name", "symbol"),
    ("product_id", "symbol"),
    ("venue", "exchange"),
    ("user_trade_id", "id"),
    ("order_trade_id", "id"),
    ("exchange_trade_id", "id"),
    ("market_trade_id", "id"),
    ("volumefrom", "volume"),
    ("base", "symbol"),
    ("base_currency", "symbol"),
    ("token", "symbol"),
    ("name", "symbol"),
    ("Currency", "symbol"),
    ("code", "symbol"),
    ("nanos", "timestamp"),
]


@pytest.mark.parametrize(("column", "field"), COLUMN_LOOKS)
def test_a_column_that_looks_like_a_field_refuses_the_file_until_mapped_or_ignored(
    tmp_path: Path, column: str, field: str
) -> None:
    value = {"timestamp": str(MS), "volume": "5", "id": "9", "symbol": "ABC", "exchange": "here"}[field]
    arguments: dict[str, Any] = {"symbol": None if field == "symbol" else "S"}
    arguments["exchange"] = None if field == "exchange" else "X"
    content = f"price,side,{column}\n1,buy,{value}\n"
    message = refusal(tmp_path, content, now=field != "timestamp", **arguments)
    assert repr(column) in message
    assert f"{field}={column}" in message
    mapped = sent(read(tmp_path, content, mapping={field: column}, now=field != "timestamp", **arguments))
    assert str(mapped[0][field]) == value
    ignored = read(tmp_path, content, ignore=(column,), now=True, symbol="S", exchange="X")
    assert rows(ignored) == [(NOW_MS, None, 1, 0)]


def test_several_coins_do_not_become_the_one_that_is_given(tmp_path: Path) -> None:
    content = f"Currency,timestamp,price\ntezos,{MS},1.29\nbitcoin,{MS},5269.57\n"
    assert "'Currency' looks like a symbol" in refusal(tmp_path, content)
    prices = sent(read(tmp_path, content, mapping={"symbol": "Currency"}))
    assert [price["symbol"] for price in prices] == ["TEZOS", "BITCOIN"]


@pytest.mark.parametrize("beside", ["currency", "name", "Code", "slug"])
@pytest.mark.parametrize("symbol", ["coin", "pair", "base", "symbol"])
def test_the_currency_of_the_price_is_not_taken_for_the_coin(
    tmp_path: Path, beside: str, symbol: str
) -> None:
    content = f"{beside},{symbol},timestamp,price\nUSD,BTC,{MS},1\n"
    mapping = {"symbol": symbol}
    if symbol != "symbol":
        assert f"Add --map symbol={symbol};" in refusal(tmp_path, content, symbol=None)
    [price] = sent(read(tmp_path, content, symbol=None, mapping=mapping if symbol != "symbol" else {}))
    assert price["symbol"] == "BTC"


def test_dollars_are_no_coin(tmp_path: Path) -> None:
    content = f"currency,timestamp,price\nUSD,{MS},1\nusd,{MS + 1},2\n"
    message = refusal(tmp_path, content, symbol=None)
    assert "nothing says the symbol" in message and "symbol=currency" not in message
    assert [price["symbol"] for price in sent(read(tmp_path, content, symbol="BTC"))] == ["BTC", "BTC"]


def test_what_stands_beside_a_mapped_member_is_asked_for_too(tmp_path: Path) -> None:
    trade = {"s": "ETHUSDT", "t": 7, "p": "2500", "q": "5", "T": MS, "trade id": 9, "book": {"ts": 1}}
    content = json.dumps({"stream": "ethusdt@trade", "data": trade})
    mapping = {"price": "data.p", "timestamp": "data.T"}
    message = refusal(tmp_path, content, mapping=mapping)
    assert "'data.s' looks like a symbol" in message
    assert "'data.q' looks like a quantity" in message
    assert 'id=data."trade id"' in message
    assert "--ignore data.t,data.s" in message  # of time and symbol something is said already
    mapping |= {"symbol": "data.s", "volume": "data.q", "id": 'data."trade id"'}
    assert rows(read(tmp_path, content, mapping=mapping, ignore=("data.t",))) == [(MS, "9", 2500, 5)]


@pytest.mark.parametrize("column", ["order_id", "orderId", "exchange_id", "account_id", "maker_order_id"])
def test_an_id_of_something_else_is_not_suggested_as_the_trade_s(tmp_path: Path, column: str) -> None:
    content = f"timestamp,price,{column},match_id\n{MS},1,77,5\n"
    assert f"id={column}" not in refusal(tmp_path, content, exchange=None)
    assert "id=match_id" in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "mapping"),
    [
        (f"price,x\n1,{MS}\n", "timestamp=x"),
        ("price,x\n1,2023-02-02T09:20:00.138Z\n", "timestamp=x"),
        (f'{{"price": 1, "x": {MS}}}\n', "timestamp=x"),
        (",price\n2023-02-02 09:20:00.138+00:00,1\n", "'timestamp=unnamed time 1'"),
        (f"price,,side\n1,{MS},buy\n", "'timestamp=unnamed time 2'"),
    ],
)
def test_values_that_may_be_times_are_asked_for_where_nothing_says_the_time(
    tmp_path: Path, content: str, mapping: str
) -> None:
    assert f"--map {mapping}" in refusal(tmp_path, content)
    column = mapping.strip("'").partition("=")[2]
    assert rows(read(tmp_path, content, mapping={"timestamp": column})) == [(MS, None, 1, 0)]


@pytest.mark.parametrize("column", ["side", "note", "is_buyer_maker", "cost", "fee", "type", "isTime", "xyz"])
def test_a_column_that_looks_like_nothing_may_be_there(tmp_path: Path, column: str) -> None:
    assert rows(read(tmp_path, f"price,timestamp,{column}\n1,{MS},x\n")) == [(MS, None, 1, 0)]
    assert not any(
        columns_like(field, [column]) for field in ("timestamp", "volume", "id", "symbol", "exchange")
    )


def test_a_member_that_shows_up_late_refuses_the_file_as_well(tmp_path: Path) -> None:
    line = f'{{"price": 1, "timestamp": {MS}}}\n'
    content = line * 200 + line.replace("}", ', "qty": 5}')
    assert "--map volume=qty" in refusal(tmp_path, content)
    assert len(read(tmp_path, content, ignore=("qty",))) == 201


def test_no_time_is_refused_until_now_is_said(tmp_path: Path) -> None:
    content = "price\n1\n2\n"
    assert "--now" in refusal(tmp_path, content)
    assert rows(read(tmp_path, content, now=True)) == [(NOW_MS, None, 1, 0), (NOW_MS, None, 2, 0)]


@pytest.mark.parametrize(
    ("content", "file_options", "message"),
    [
        (f"price,timestamp\n1,{MS}\n", {"now": True}, "--now cannot apply"),
        (f"price,timestamp\n1,{MS}\n", {"time_zone": "UTC"}, "--time-zone cannot apply"),
        (f"price,timestamp\n1,{MS}\n", {"columns": ("price", "timestamp")}, "Leave --columns out"),
        (f"price,timestamp\n1,{MS}\n", {"records": "data"}, "--records cannot apply"),
        (f"price,timestamp\n1,{MS}\n", {"preset": "kraken"}, "has not the columns of Kraken trades"),
        (f"price,timestamp\n1,{MS}\n", {"preset": "nosuch"}, "no preset 'nosuch'"),
        (f"price,timestamp\n1,{MS}\n", {"ignore": ("qty",)}, "no column 'qty'"),
        (f"price,timestamp\n1,{MS}\n", {"mapping": {"volume": "qty"}}, "no column 'qty'"),
        (f"price,timestamp\n1,{MS}\n", {"exchange": None}, "--exchange"),
        (f"price,timestamp\n1,{MS}\n", {"symbol": None}, "--symbol"),
        (f"price,timestamp\n1,{MS}\n", {"separator": ";;"}, "cannot separate"),
        (f'{{"price": 1, "timestamp": {MS}}}\n', {"separator": ";"}, "--separator cannot apply"),
        (f'{{"price": 1, "timestamp": {MS}}}\n', {"columns": ("price",)}, "--columns cannot apply"),
        (f'{{"price": 1, "timestamp": {MS}}}\n', {"mapping": {"volume": "a["}}, "nor a JMESPath expression"),
        (f"1,{MS}\n", {"columns": ("price",)}, "names 1 column,"),
        (f"1,{MS}\n", {"preset": "kraken"}, "has 2 columns"),
        (f"price,price,timestamp\n1,2,{MS}\n", {}, "more than one column 'price'"),
        (f"price,Price,timestamp\n1,2,{MS}\n", {}, "--map price=price --ignore Price"),
        (f"close,timestamp\n1,{MS}\n", {}, "--map price=close"),
        (f"value_usd,what,timestamp\n1,2,{MS}\n", {"mapping": {"price": "x"}}, "It has: value_usd, what"),
        ("price,timestamp\n1,2022-03-01 10:00\n", {}, "--time-zone UTC"),
        ("price,timestamp\n1,2022-03-01 10:00\n", {"time_zone": "Mars/Olympus"}, "not a time zone"),
        ('price;timestamp\n"1,555";1646092800\n', {}, "--decimal ,"),
        (f"# made today\nprice,timestamp\n1,{MS}\n", {}, "Take out the comments"),
    ],
)
def test_what_cannot_be_or_is_open_is_refused_with_what_to_type(
    tmp_path: Path, content: str, file_options: dict[str, Any], message: str
) -> None:
    assert message in refusal(tmp_path, content, **file_options)


def test_what_prices_writes_is_read_as_it_was(tmp_path: Path) -> None:
    content = (
        "symbol,timestamp,sort_key,exchange,price,volume,ma_5,ma_20,volatility,processed,enriched_at,id\n"
        f"'@107,{MS},{MS},'=x,1,2,,,,True,2026-01-01T00:00:00Z,\n"
        f"A,{MS},{MS},''x,1,2,,,,True,2026-01-01T00:00:00Z,7\n"
    )
    first, second = sent(read(tmp_path, content, symbol=None, exchange=None))
    assert (first["symbol"], first["exchange"], first.get("id")) == ("@107", "=x", None)
    assert (second["symbol"], second["exchange"], second.get("id")) == ("A", "'x", "7")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["price=close"], {"price": "close"}),
        (["price=close,volume=Volume BTC"], {"price": "close", "volume": "Volume BTC"}),
        (["price=a,b", "id=x"], {"price": "a,b", "id": "x"}),
        (["price=p[?x=='1,2'].v | [0]"], {"price": "p[?x=='1,2'].v | [0]"}),
    ],
)
def test_a_mapping_is_field_and_column(texts: list[str], expected: dict[str, str]) -> None:
    assert parse_mapping(texts) == expected


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        (["a"], ["a"]),
        (["a, b", "c"], ["a", "b", "c"]),
        (["Volume, USD"], ["Volume, USD"]),
        (["a,Volume, USD ,b,Volume, USD"], ["a", "Volume, USD", "b", "Volume, USD"]),
        (["Volume, BTC"], ["Volume", "BTC"]),
        ([" time "], [" time "]),
        ([" time"], ["time"]),
        (["x,y,z"], ["x,y,z"]),
        (["x,y"], ["x", "y"]),
        (["", ",a"], ["", "", "a"]),
    ],
)
def test_the_columns_to_be_ignored_may_have_commas_in_their_names(
    ignored: list[str], expected: list[str]
) -> None:
    names = ["a", "b", "c", "Volume, USD", " time ", "time", "x,y,z", "x"]
    assert FileOptions(ignore=ignored).for_columns(names).ignore == expected


def test_a_hint_to_ignore_a_column_with_a_comma_can_be_followed(tmp_path: Path) -> None:
    content = f'price,timestamp,"Volume, BTC","Volume, USD"\n1,{MS},5,6\n'
    message = refusal(tmp_path, content)
    assert "--map 'volume=Volume, BTC' --ignore 'Volume, USD'" in message
    arguments = given_files(map_=["volume=Volume, BTC"], ignore=["Volume, USD"]).options
    lines = read(tmp_path, content, mapping=arguments.mapping, ignore=arguments.ignore)
    assert rows(lines) == [(MS, None, 1, 5)]


@pytest.mark.parametrize("text", ["close", "close=price", "price=", "price=a,price=b", ""])
def test_a_mapping_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        parse_mapping([text])


def test_no_message_quotes_more_than_a_little_of_a_file(tmp_path: Path) -> None:
    long = "x" * 5_000
    assert len(refused(read(tmp_path, f"price,timestamp\n{long},{MS}\n1,{long}\n"))[3]) < 300
    assert len(refusal(tmp_path, f"price{long},timestamp\n1,{MS}\n")) < 2_500


def test_an_id_that_all_have_does_not_make_different_prices_one(tmp_path: Path) -> None:
    content = f"id,price,timestamp\n0,1,{MS}\n0,2,{MS}\n0,2,{MS + 1}\n"
    message = refusal(tmp_path, content)
    assert "Every 'id' of prices.csv is '0', and line 3 has another price at the time" in message
    assert message.endswith("Add --ignore id.")
    assert len(rows(read(tmp_path, content, ignore=("id",)))) == 3


@pytest.mark.parametrize(("column", "value"), [("n", 0), ("n.of", {"of": 0})])
def test_an_id_that_was_mapped_and_that_all_have_is_taken_out_of_the_mapping(
    tmp_path: Path, column: str, value: object
) -> None:
    content = json.dumps([{"n": value, "price": price, "timestamp": MS} for price in (1, 2)])
    message = refusal(tmp_path, content, mapping={"id": column})
    assert message.endswith(f"as their id, that would make them one. Take id={column} out of --map.")
    assert len(rows(read(tmp_path, content))) == 2


@pytest.mark.parametrize(
    "lines",
    [
        [("0", 1, MS), ("0", 2, MS + 1)],
        [("0", 1, MS), ("0", 1, MS)],
        [("0", 1, MS), ("0", 2, MS), ("1", 3, MS)],
        [("1", 3, MS), ("0", 1, MS), ("0", 2, MS)],
    ],
)
def test_one_id_of_several_times_or_for_some_only_is_taken(
    tmp_path: Path, lines: list[tuple[str, int, int]]
) -> None:
    content = "id,price,timestamp\n" + "".join(f"{','.join(map(str, line))}\n" for line in lines)
    assert rows(read(tmp_path, content)) == [(ms, identity, price, 0) for identity, price, ms in lines]
