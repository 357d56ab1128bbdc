"""Downloads that no preset knows: what the hint says, typed as it stands, stores what the file says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.files.layout import parse_mapping
from cryptoctl.files.outgoing import OutgoingPrice
from cryptoctl.files.records import listing, shell_word
from cryptoctl.wording import is_seen
from files.reading import MS, opened, read, refusal, refused, rows, sent
from files.test_shapes_that_people_hold import Row

D = Decimal
TWO_HINTS = {"the day and the time of day, in JSON", "the fills of an account's orders"}
DOWNLOADS: dict[str, tuple[str, list[Row]]] = {
    "a history of CoinGecko": (
        "snapped_at,price,market_cap,total_volume\n2013-04-28 00:00:00 UTC,135.3,1500517590.0,12.5\n",
        [(1367107200000, None, D("135.3"), D("12.5"))],
    ),
    "a history of CoinMarketCap": (
        (
            "\ufefftimeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp\n"
            '"2024-01-02T00:00:00.000Z";"2024-01-02T23:59:59.999Z";"2024-01-02T15:00:00.000Z";'
            '"2024-01-02T00:01:00.000Z";"2781";44187.1;45899.7;44176.9;44957.9;39335274536.1;880777442811.7;'
            '"2024-01-02T23:59:59.999Z"\n'
        ),
        [(1704239999999, None, D("44957.9"), D("39335274536.1"))],
    ),
    "candles with a weighted average": (
        (
            "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price\n"
            "1325317920,4.4,4.9,4.1,4.39,0.45558087,2.0000000193,4.5\n"
        ),
        [(1325317920000, None, D("4.39"), D("0.45558087"))],
    ),
    "the volume in money before that in coins": (
        "trade_id,timestamp,price,side,volume(quote),size(base)\n1111111111,1704067200123,42283.1,buy,5.07,0.00012\n",
        [(1704067200123, "1111111111", D("42283.1"), D("0.00012"))],
    ),
    "the volume in dollars before that in coins": (
        "time,price,Volume USD,Volume BTC\n1704067200123,42283.1,5.07,0.00012\n",
        [(1704067200123, None, D("42283.1"), D("0.00012"))],
    ),
    "a time and the nanoseconds within it": (
        "timestamp,timestampNanoseconds,price,size\n1704067200123,0,42283.1,0.5\n",
        [(1704067200123, None, D("42283.1"), D("0.5"))],
    ),
    "two times and a guid": (
        (
            "time_exchange;time_api;guid;price;base_amount;taker_side\n"
            "2022-03-01T00:00:00.1230000Z;2022-03-01T00:00:00.1530000Z;1f7e8b7c-0000;43160.1;0.5;BUY\n"
        ),
        [(1646092800123, "1f7e8b7c-0000", D("43160.1"), D("0.5"))],
    ),
    "the day and the time of day, in JSON": (
        '[{"date":"2022-03-01","time":"10:20:30","price":1.5,"volume":2}]',
        [(1646130030000, None, D("1.5"), D(2))],
    ),
    "a plotted average of volumes": (
        "time,open,high,low,close,Volume,Volume MA\n1646092800,43160.1,43200.2,43100.0,43150.5,12.5,11.9\n",
        [(1646092800000, None, D("43150.5"), D("12.5"))],
    ),
    "the id of a deal between the time and the price": (
        "1646092800.123456,3367512399,43160.1,0.0123,1\n1646092801.000001,3367512400,43160.2,0.5,2\n",
        [
            (1646092800123, "3367512399", D("43160.1"), D("0.0123")),
            (1646092801000, "3367512400", D("43160.2"), D("0.5")),
        ],
    ),
    "one letter each, of which s is a number": (
        '[{"t":"2024-01-31T09:20:00.123456789Z","p":42000.1,"s":0.5,"tks":"B","i":5}]',
        [(1706692800123, "5", D("42000.1"), D("0.5"))],
    ),
    "one letter each, of which s is a text": (
        (
            '{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick",'
            '"i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false}\n'
        ),
        [(1672304486865, "20f43950-d8dd-5b31-9112-a178eb6023af", D("16578.5"), D("0.001"))],
    ),
    "a time in seconds and in milliseconds": (
        (
            "create_time,create_time_ms,id,price,amount,currency_pair\n"
            "1548000000,1548000000123.456,1,0.03,0.15,ETH_BTC\n"
        ),
        [(1548000000123, "1", D("0.03"), D("0.15"))],
    ),
    "a time with the field's name, and a finer one": (
        (
            '[{"timestamp":1706692800,"timestampms":1706692800123,"tid":5,"price":"42000.1","amount":"0.5",'
            '"exchange":"gemini","type":"buy"}]'
        ),
        [(1706692800123, "5", D("42000.1"), D("0.5"))],
    ),
    "a price at something, and what it is in": (
        (
            "Timestamp,Asset,Quantity Transacted,Spot Price Currency,Spot Price at Transaction\n"
            "2024-01-31T09:20:00Z,BTC,0.5,USD,42000.10\n"
        ),
        [(1706692800000, None, D("42000.10"), D("0.5"))],
    ),
    "prices whose name comes after one that is no number": (
        "time,last,rate_usd\n1706692800123,kraken,42000.1\n",
        [(1706692800123, None, D("42000.1"), 0)],
    ),
    "the id of an account beside that of a trade": (
        ("UID,time,price,sequence\n9,2024-01-31T09:20:00Z,42000.1,5\n9,2024-01-31T09:20:00Z,42000.2,6\n"),
        [(1706692800000, "5", D("42000.1"), 0), (1706692800000, "6", D("42000.2"), 0)],
    ),
    "the id of an account alone": (
        "UID,time,price\n9,2024-01-31T09:20:00Z,42000.1\n9,2024-01-31T09:20:01Z,42000.2\n",
        [(1706692800000, None, D("42000.1"), 0), (1706692801000, None, D("42000.2"), 0)],
    ),
    "one trade twice": (
        "tid,time,price\n9,2024-01-31T09:20:00Z,42000.1\n9,2024-01-31T09:20:00Z,42000.1\n",
        [(1706692800000, "9", D("42000.1"), 0)] * 2,
    ),
    "the fills of an account's orders": (
        (
            "UID,Account Type,Order ID,Order Created Time(UTC),Symbol,Side,Order Price,Order Amount,"
            "Avg. Filled Price,Filled Amount,Filled Volume,Filled Volume (USDT),Filled Time(UTC),Fee\n"
            "7,main,65a1,2024-01-31 09:00:00,BTC-USDT,BUY,42001,0.9,42000.1,0.5,21000.05,21000.05,"
            "2024-01-31 09:20:00,21\n"
            "7,main,65a2,2024-01-31 09:00:00,BTC-USDT,BUY,0,0.1,42000.2,0.1,4200.02,4200.02,"
            "2024-01-31 09:20:01,4\n"
        ),
        [(1706692800000, None, D("42000.1"), D("0.5")), (1706692801000, None, D("42000.2"), D("0.1"))],
    ),
    "candles whose id is their time": (
        (
            '{"ch":"market.btcusdt.kline.1min","status":"ok","ts":1706692860123,"data":['
            '{"id":1706692860,"open":42001,"close":42002,"low":41999,"high":42003,"amount":4,"vol":168006,"count":9},'
            '{"id":1706692800,"open":42000,"close":42001,"low":41999,"high":42003,"amount":3,"vol":126002,"count":7}]}'
        ),
        [(1706692860000, None, D(42002), D(4)), (1706692800000, None, D(42001), D(3))],
    ),
    "candles whose prices have a word before": (
        '[{"time_open":"2024-01-31T09:20:00Z","price_open":4,"price_high":6,"price_low":3,"price_close":5}]',
        [(1706692800000, None, D(5), 0)],
    ),
    "what has changed before what was traded last": (
        (
            "priceChange,prevClosePrice,lastPrice,bidPrice,openPrice,highPrice,lowPrice,closeTime\n"
            "-9,4,5,4,3,6,2,1706692800123\n"
        ),
        [(1706692800123, None, D(5), 0)],
    ),
    "the time at which a candle is opened, before that of its close": (
        "Open time,Open,High,Low,Close,Close time\n1706692800000,4,6,3,5,1706692859999\n",
        [(1706692859999, None, D(5), 0)],
    ),
    "a price that is reckoned, before that of the last trade": (
        "timestamp,index_price,mark_price,last_price\n1706692800123,3,4,5\n",
        [(1706692800123, None, D(5), 0)],
    ),
    "candles whose close is the price of a trade": (
        '[{"timestamp":1706692800123,"opening_price":4,"high_price":6,"low_price":3,"trade_price":5}]',
        [(1706692800123, None, D(5), 0)],
    ),
    "what is called an id and is the same for several trades": (
        "time,price,i\n1706692800123,5,BTC\n1706692800123,5,ETH\n1706692800123,6,BTC\n",
        [(1706692800123, None, D(5), 0), (1706692800123, None, D(5), 0), (1706692800123, None, D(6), 0)],
    ),
    "an id with the name of who gives it": (
        "market,time,coin_metrics_id,price\nx-btc,1706692800123,7,5\nx-btc,1706692800123,8,6\n",
        [(1706692800123, "7", D(5), 0), (1706692800123, "8", D(6), 0)],
    ),
    "an id that is called t, beside a time called T": (
        '{"p":"5","q":"2","T":1706692800123,"t":7,"m":true}\n{"p":"5","q":"2","T":1706692800123,"t":8,"m":true}\n',
        [(1706692800123, "7", D(5), D(2)), (1706692800123, "8", D(5), D(2))],
    ),
    "ids that are called #": (
        "#,PAIR,AMOUNT,PRICE,DATE\n7,BTC/USD,0.5,42000.1,2024-01-31T09:20:00Z\n",
        [(1706692800000, None, D("42000.1"), D("0.5"))],
    ),
    "an account's own trades": (
        (
            "txid,ordertxid,pair,time,type,ordertype,price,cost,fee,vol,margin,misc,ledgers\n"
            "TQ5-A,OB5-B,XXBTZUSD,2024-01-31 09:20:00.1234Z,buy,limit,42000.1,210,0.5,0.005,0,,L1\n"
        ),
        [(1706692800123, "TQ5-A", D("42000.1"), D("0.005"))],
    ),
    "ids first, no header": (
        "102523573486,1646092800123,43160.1,0.5,buy\n",
        [(1646092800123, "102523573486", D("43160.1"), D("0.5"))],
    ),
}


def hinted_options(message: str) -> dict[str, Any]:
    """The options that a hint says, as the command line reads them."""
    options = re.split(
        r"; | if | \((?=[a-z]+,)|\.(?: --dry-run|$)",
        message.partition("Add ")[2] or message.partition(" add ")[2],
    )[0]
    words = shlex.split(options)
    values = dict(zip(words[::2], words[1::2], strict=True))
    read_as: dict[str, Callable[[str], Any]] = {
        "mapping": lambda text: parse_mapping([text]),
        "ignore": lambda text: tuple(text.split(",")),
    }
    names = {"--map": "mapping"}
    arguments = {names.get(option, option[2:].replace("-", "_")): value for option, value in values.items()}
    return {name: read_as.get(name, str)(value) for name, value in arguments.items()}


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_hint_typed_as_it_stands_stores_what_the_file_says(tmp_path: Path, name: str) -> None:
    content, expected = DOWNLOADS[name]
    arguments = hinted_options(refusal(tmp_path, content))
    if name in TWO_HINTS:
        arguments |= hinted_options(refusal(tmp_path, content, **arguments))
    assert rows(read(tmp_path, content, **arguments)) == expected


@pytest.mark.parametrize(
    ("column", "field"), [("pair", "symbol"), ("Asset_ID", "symbol"), ("venue", "exchange")]
)
@pytest.mark.parametrize("before", [1, 60])
def test_several_symbols_or_exchanges_do_not_become_the_given_one(
    tmp_path: Path, column: str, field: str, before: int
) -> None:
    lines = [f"{MS + number},{'b' if number == before else 'a'},5" for number in range(before + 1)]
    content = "\n".join([f"timestamp,{column},price", *lines, ""])
    message = refusal(tmp_path, content)
    assert f"Add --map {field}={column};" in message
    prices = [price[field].lower() for price in sent(read(tmp_path, content, **hinted_options(message)))]
    assert prices == ["a"] * before + ["b"]


@pytest.mark.parametrize("path", ["data", "tick.data"])
def test_messages_around_lists_are_told_how_their_lists_are_read(tmp_path: Path, path: str) -> None:
    def message(number: int) -> str:
        inner: Any = [{"price": 5, "timestamp": MS + number}]
        for name in reversed(path.split(".")):
            inner = {name: inner}
        return json.dumps({"channel": "trade", **inner})

    content = f'{{"channel":"heartbeat"}}\n{message(0)}\n{message(1)}\n'
    hint = refusal(tmp_path, content)
    assert f"add --records {path}. Else, say which column" in hint
    lines = read(tmp_path, content, records=path)
    assert refused(lines) == {1: f"has no list at '{path}'"}
    assert [price.price.timestamp_ms for price in lines if isinstance(price, OutgoingPrice)] == [MS, MS + 1]


@pytest.mark.parametrize(
    "column",
    ["exchange_rate", "exchange_order_id", "market-price", "fee_asset", "quote_coin", "commissionAsset"],
)
def test_what_is_said_of_an_exchange_or_a_fee_does_not_become_the_symbol(tmp_path: Path, column: str) -> None:
    content = f"timestamp,{column},price\n{MS},1,5\n{MS + 1},2,6\n"
    prices = sent(read(tmp_path, content))
    assert [(price["symbol"], price["exchange"]) for price in prices] == [("S", "X")] * 2


def test_several_symbols_inside_of_members_do_not_become_the_given_one(tmp_path: Path) -> None:
    trades = [{"s": "B" if number == 60 else "A", "p": 5, "T": MS + number} for number in range(61)]
    content = "".join(f"{json.dumps({'stream': 'x', 'data': trade})}\n" for trade in trades)
    message = refusal(tmp_path, content, mapping={"price": "data.p", "timestamp": "data.T"})
    assert "Add --map symbol=data.s;" in message


def test_one_symbol_that_a_file_calls_otherwise_may_be_the_given_one(tmp_path: Path) -> None:
    content = json.dumps([{"pair": "XETHZ", "price": 5, "timestamp": MS + number} for number in range(60)])
    message = refusal(tmp_path, content)
    assert {price["symbol"] for price in sent(read(tmp_path, content, **hinted_options(message)))} == {"S"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<DATE>,<TIME>,<CLOSE>\n20220301,000000,5\n", "'<DATE>' has the day and '<TIME>' the time of day"),
        ("Date\tTime\tPrice\n2022.03.01\t9:30\t5\n", "Join them into one column"),
        ("Price,Close,High\nTicker,BTC-USD,BTC-USD\nDate,,\n2024-01-01,4,5\n", "column names in three lines"),
        ('[0,[["5541.2","0.1","1534614057.3"]],"trade","XBT/USD"]\n' * 2, "has no records of prices"),
        (
            '{"stream":"x","data":{"p":"1","T":1672515782136}}\n' * 2,
            "Its columns: stream, data.p, data.T. Say which column is the price and which the time",
        ),
        (f"Transactions\nprice,timestamp\n5,{MS}\n", "Line 1 of prices.csv has 1 column (Transactions)"),
        (f"price,timestamp\n5,{MS},1\n5,{MS},1\n", "has 2 columns (price, timestamp), and none of the lines"),
        (f"All trades\nprice;timestamp\n5;{MS}\n", "If it is a title, take it out"),
        (f'price,timestamp\n"4,957,900",{MS}\n', "'4,957,900'. Export the file without the marks between"),
        (f'price,timestamp\n"6,512,345",{MS}\n', "Export the file without the marks between thousands."),
        ("\0" * 5000, "holds nothing but zero bytes"),
    ],
)
def test_what_no_option_can_answer_says_what_to_do_with_the_file(
    tmp_path: Path, content: str, message: str
) -> None:
    assert message in refusal(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        (
            "time,symbol,sum_open_interest,sum_open_interest_value,sum_taker_long_short_vol_ratio\n"
            "2024-01-02 00:05:00,BTCUSDT,80000.1,3500000000.5,0.9\n"
        ),
        "time,funding_interval_hours,last_funding_rate\n1704067200000,8,0.00037409\n",
    ],
)
def test_no_rate_ratio_or_open_interest_is_suggested(tmp_path: Path, content: str) -> None:
    message = refusal(tmp_path, content)
    assert "Say which column is the price: --map timestamp=time --map price=COLUMN" in message


@pytest.mark.parametrize("price", ["1.0002", "0.9", "1e99999", "0"])
def test_of_two_quantities_that_the_price_does_not_tell_apart_the_name_says_which(
    tmp_path: Path, price: str
) -> None:
    message = refusal(tmp_path, f"time,price,vol,amount\n2024-01-31T09:20:00Z,{price},100,100.02\n")
    assert "volume=vol --ignore amount" in message


def test_no_option_that_is_shown_for_nameless_columns_could_be_typed_by_mistake(tmp_path: Path) -> None:
    message = refusal(tmp_path, "5,1646092800.123,9,43160.1,0.0123\n")
    assert "Name its 5 columns in order" in message
    assert "timestamp,price" not in message


def test_now_is_no_answer_while_a_column_may_have_the_time(tmp_path: Path) -> None:
    message = refusal(tmp_path, "Zeit;price\n01.03.2022 00:00:00;5\n")
    assert "--map timestamp=COLUMN or, if none has it, --now" in message
    assert "Its columns: Zeit." in message


def test_members_of_members_whose_names_are_no_words_are_listed_as_an_expression(tmp_path: Path) -> None:
    content = '{"info":{"trade-id":"7","trade time":1672515782136,"größe":"2"},"price":"1"}\n'
    message = refusal(tmp_path, content * 2)
    listed = ['info."trade-id"', 'info."trade time"', 'info."größe"']
    assert f"Its columns: {', '.join(listed)}. Say" in message
    id_, time, size = listed
    mapping = {"id": id_, "timestamp": time, "volume": size}
    assert rows(read(tmp_path, content * 2, mapping=mapping)) == [(1672515782136, "7", D(1), D(2))] * 2


@pytest.mark.parametrize("ids", [(3367512360, 3367512420, 3367512421), (3367512360,) * 3])
def test_ids_with_as_many_digits_as_a_time_are_not_suggested_as_one(
    tmp_path: Path, ids: tuple[int, ...]
) -> None:
    message = refusal(
        tmp_path, "id,price\n" + "".join(f"{trade_id},{n}\n" for n, trade_id in enumerate(ids, 5))
    )
    assert "nothing says the time" in message and "timestamp=id" not in message


def test_what_is_called_number_sign_is_asked_for_as_an_id(tmp_path: Path) -> None:
    content = f"#\tprice\ttimestamp\n7\t5\t{MS}\n"
    assert "'#' looks like an id and is used for nothing" in refusal(tmp_path, content)
    assert rows(read(tmp_path, content, mapping={"id": "#"})) == [(MS, "7", 5, 0)]


def test_a_time_that_was_chosen_is_not_made_finer(tmp_path: Path) -> None:
    content = "timestamp,timestamp_ms,price\n1706692800,1706692800123,1\n"
    message = refusal(tmp_path, content, mapping={"timestamp": "timestamp"})
    assert "Add --ignore timestamp_ms;" in message
    assert "Add --map timestamp=timestamp_ms --ignore timestamp;" in refusal(tmp_path, content)


def test_an_ask_beside_a_bid_is_no_id(tmp_path: Path) -> None:
    assert rows(read(tmp_path, '{"price":"1","timestamp":1672515782136,"b":1,"a":2}\n'))
    assert "--map id=a" in refusal(tmp_path, '{"price":"1","timestamp":1672515782136,"a":2}\n')


def test_members_of_members_are_mapped_as_they_are_listed(tmp_path: Path) -> None:
    content = '{"stream":"x","data":{"p":"1.50","T":1672515782136}}\n'
    mapping = {"price": "data.p", "timestamp": "data.T"}
    assert rows(read(tmp_path, content * 2, mapping=mapping)) == [(1672515782136, None, D("1.50"), 0)] * 2


def test_a_file_whose_times_cannot_be_read_is_not_said_to_have_a_unit(tmp_path: Path) -> None:
    from cryptoctl.ui.files import recognised

    content = "timestamp,price\n1.67533E+12,1\n"
    assert "CSV with commas, no time that can be read;" in recognised(opened(tmp_path, content))
    assert list(refused(read(tmp_path, content))) == [2]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.process
@pytest.mark.parametrize("name", ["a b", "it's", "a\nb", "é\tü'\\x", "币\r\n✓ 5 stored", "BTC\u3164"])
def test_a_name_is_one_word_for_the_shell_and_one_line_for_the_reader(name: str) -> None:
    word = shell_word(name)
    assert is_seen(word) and listing([name]).isprintable()
    printed = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert printed.stdout.decode() == name
