"""The dumps that people hold: each arrives exactly, or is refused with what to type."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.files.outgoing import FIELDS, OutgoingPrice
from cryptoctl.files.presets import presets
from files.reading import CASES, MS, opened, read, refusal, refused, rows, sent

D = Decimal
Row = tuple[int, Any, Any, Any]


def case(name: str) -> bytes:
    [file] = CASES.glob(f"{name}_*")
    return file.read_bytes()


# As in the public record from which each file is.
EXACT: dict[str, list[Row]] = {
    "f02": [
        (1735689600012, "4358823101", D("93576"), D("0.00012")),
        (1735689600012, "4358823102", D("93576.01"), D("0.002")),
    ],
    "f03": [
        (1704067200011, "5812345671", D("42283.1"), D("0.012")),
        (1704067200057, "5812345672", D("42283.2"), D("0.5")),
        (1704067200057, "5812345673", D("42283.2"), D("0.5")),
    ],
    "f04": [
        (1704067200011, "1999000001", D("42283.1"), D("0.012")),
        (1704067200057, "1999000002", D("42283.2"), D("1")),
    ],
    "f08": [
        (1675329600138, "1206419187", D("1666.8"), D("26.062")),
        (1675329600214, "1206419188", D("1666.79"), D("0.152")),
    ],
    "f11": [
        (1704164645678, "586012345", D("43250.01"), D("0.00215")),
        (1704164646000, "586012346", D("43250.02"), D("0.1")),
    ],
    "f13": [(1646092800000, None, D("43221.71"), D("0.5"))],
    "f15": [(1570752011620, "13519807", D("0.00141342"), D("23"))],
    "f15f": [
        (1570752011620, "13519807", D("0.00141342"), D("23")),
        (1570752017964, "13519809", D("0.00141266"), D("8")),
    ],
}


@pytest.mark.parametrize("name", EXACT)
def test_a_dump_arrives_exactly(tmp_path: Path, name: str) -> None:
    suffix = ".json" if case(name)[:1] in b"[{" else ".csv"
    assert rows(read(tmp_path, case(name), f"a{suffix}")) == EXACT[name]


@pytest.mark.parametrize(
    ("name", "hint", "file_options", "expected"),
    [
        (
            "f01",
            "--preset kraken",
            {"preset": "kraken"},
            [
                (1672679821000, None, D("93.7"), D("0.213538")),
                (1672679821000, None, D("93.7"), D("0.213538")),
                (1672679822000, None, D("93.69"), D("0.1")),
            ],
        ),
        (
            "f15c",
            "--now",
            {"now": True},
            [(1_790_000_000_000, None, D("43221.71"), D("0"))],
        ),
    ],
)
def test_a_file_that_is_refused_arrives_exactly_with_what_the_hint_says(
    tmp_path: Path, name: str, hint: str, file_options: dict[str, Any], expected: list[Row]
) -> None:
    assert hint in refusal(tmp_path, case(name))
    assert rows(read(tmp_path, case(name), **file_options)) == expected


@pytest.mark.parametrize(
    ("name", "lines", "reason"),
    [
        ("f08b", {3}, "scientific notation"),
        ("f09c", {2, 3, 4}, "scientific notation"),
        ("f15b", {2}, "id: is null"),
        ("f27", {2}, "not closed on this line"),
        ("f28", {3, 4}, ""),
        ("f29", {1}, "timestamp: is null"),
    ],
)
def test_a_faulty_line_is_refused_alone(tmp_path: Path, name: str, lines: set[int], reason: str) -> None:
    read_lines = read(tmp_path, case(name))
    assert set(refused(read_lines)) == lines
    assert all(reason in message for message in refused(read_lines).values())
    total = len([line for line in case(name).splitlines() if line.strip()])
    assert len(read_lines) == total - (case(name)[:1] not in b"{[")


def test_a_member_that_a_shape_calls_otherwise_is_asked_for_wherever_it_comes(tmp_path: Path) -> None:
    content = case("f15b").replace(b'"volume": null', b'"volume": 3')
    assert "--map volume=amount --ignore volume" in refusal(tmp_path, content)
    late = case("f15b").splitlines(keepends=True)[0] * 60 + content
    assert "--map volume=amount --ignore volume" in refusal(tmp_path, late)
    lines = read(tmp_path, content, mapping={"volume": "amount"}, ignore=("volume",))
    assert [line.price.volume for line in lines if isinstance(line, OutgoingPrice)] == [D(23)]
    assert refused(lines) == {2: "id: is null: leave it out where there is none"}


def test_the_hint_for_an_unused_time_is_followed_and_then_the_bad_line_is_named(tmp_path: Path) -> None:
    assert "--map timestamp=time" in refusal(tmp_path, case("f30"))
    lines = read(tmp_path, case("f30"), mapping={"timestamp": "time"})
    assert refused(lines) == {3: "price: not a finite decimal number: 'abc'"}


def test_no_case_is_left_out() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    names = [file.name.partition("_")[0] for file in CASES.iterdir()]
    assert len(names) > 15
    assert [name for name in names if f'"{name}' not in source] == []


def test_equal_trades_of_a_second_are_numbered(tmp_path: Path) -> None:
    content = (CASES / "kraken_BCHEUR_tail341.csv").read_text(encoding="utf-8")
    prices = sent(read(tmp_path, content))
    lines = content.splitlines()[1:]
    assert [price.get("occurrence", 1) for price in prices] == [
        lines[: position + 1].count(line) for position, line in enumerate(lines)
    ]
    assert max(price.get("occurrence", 1) for price in prices) > 2


RECOGNISED = {
    "binance-klines": (
        "1646092800000,43160,43200.5,43100,43150.1,12.5,1646092859999,539376.2,100,6,258900,0\n",
        [(1646092859999, None, D("43150.1"), D("12.5"))],
    ),
    "binance-futures-aggtrades": (
        "1999000001,42283.1,0.012,4500000001,4500000001,1704067200011,true\n",
        [(1704067200011, "1999000001", D("42283.1"), D("0.012"))],
    ),
    "binance-stream-trades": (
        '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}\n',
        [(1672515782136, "12345", D("0.001"), D("100"))],
    ),
    "kraken-api": (
        '{"error":[],"result":{"XXBTZUSD":[["30243.4","0.345",1688669597.8277369,"b","m","",61044952]],"last":"1688"}}',
        [(1688669597827, "61044952", D("30243.4"), D("0.345"))],
    ),
    "kraken-ohlc": (
        "1672531200,93.7,94,93.5,93.9,12.5,31\n1672531260,93.9,94,93.9,94,1,2\n",
        [(1672531200000, None, D("93.9"), D("12.5")), (1672531260000, None, D("94"), D("1"))],
    ),
    "coinbase-advanced": (
        (
            '{"trades":[{"trade_id":"34b0","product_id":"BTC-USD","price":"140.91","size":"4",'
            '"time":"2021-05-31T09:59:59Z","side":"SELL"}]}'
        ),
        [(1622455199000, "34b0", D("140.91"), D("4"))],
    ),
    "bitstamp": (
        '[{"date":"1646092800","tid":"7","price":"43160.1","amount":"0.5","type":"0"}]',
        [(1646092800000, "7", D("43160.1"), D("0.5"))],
    ),
    "bitfinex": (
        "[[401597395,1574694478808,0.005,7245.3],[401597393,1574694478723,-0.03,7245.9]]",
        [
            (1574694478808, "401597395", D("7245.3"), D("0.005")),
            (1574694478723, "401597393", D("7245.9"), D("0.03")),
        ],
    ),
    "bybit": (
        (
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
            "1585180700.0647,BTCUSDT,Buy,0.042,6698.5,PlusTick,0f3a-11,2.8e10,0.042,281.337\n"
        ),
        [(1585180700064, "0f3a-11", D("6698.5"), D("0.042"))],
    ),
    "okx-candles": (
        (
            '{"code":"0","msg":"","data":[["1597026383085","3.721","3.743","3.677","3.708","8422410",'
            '"22698348.04","12698348.04","1"]]}'
        ),
        [(1597026383085, None, D("3.708"), D("8422410"))],
    ),
    "okx-api": (
        (
            '{"code":"0","data":[{"instId":"BTC-USDT","side":"sell","sz":"0.1","px":"29963.2","tradeId":"242720720",'
            '"ts":"1654161646974"}]}'
        ),
        [(1654161646974, "242720720", D("29963.2"), D("0.1"))],
    ),
    "cryptodatadownload": (
        (
            "https://www.CryptoDataDownload.com\n"
            "unix,date,symbol,open,high,low,close,Volume ETH,Volume USD\n"
            "1646092800,2022-03-01 00:00:00,ETH/USD,2919.1,2930,2900,2925.5,49,143349.5\n"
        ),
        [(1646092800000, None, D("2925.5"), D("49"))],
    ),
    "tardis": (
        (
            "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
            "bitmex,XBTUSD,1588291201099000,1588291201234268,83f8fb28,sell,8624.5,4500\n"
        ),
        [(1588291201099, "83f8fb28", D("8624.5"), D("4500"))],
    ),
    "candles-timestamp": (
        "[[1646092800000,2919.1,2930,2900,2925.5,49],[1646092860000,2925.5,2926,2920,2921,1]]",
        [(1646092800000, None, D("2925.5"), D("49")), (1646092860000, None, D("2921"), D("1"))],
    ),
    "bitfinex-candles": (
        "[[1646092800000,2919.1,2925.5,2930,2900,49],[1646092860000,2925.5,2921,2926,2920,1]]",
        [(1646092800000, None, D("2925.5"), D("49")), (1646092860000, None, D("2921"), D("1"))],
    ),
    "candles-date": (
        "Date,Open,High,Low,Close,Adj Close,Volume\n2022-03-01T00:00:00Z,1,2,0.5,1.5,1.4,100\n",
        [(1646092800000, None, D("1.5"), D("100"))],
    ),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_a_shape_is_recognised_by_its_header_or_its_cells(tmp_path: Path, name: str) -> None:
    content, expected = RECOGNISED[name]
    file = opened(tmp_path, content)
    assert file.layout.shape is not None
    assert file.layout.shape.preset.name == name
    assert rows(read(tmp_path, content)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # Without a negative amount, amount and price could be exchanged.
        ("[[401597395,1574694478808,0.005,7245.3]]", "--preset bitfinex"),
        # High, low and close are one: two kinds of candles fit, with the close in different places.
        ("[[1646092800000,5,5,5,5,49]]", "--columns"),
        ("1672679821,93.7,0.21353800\n", "--preset kraken (timestamp, price, volume)"),
        ("1,2,3\n", "Name its 3 columns in order"),
    ],
)
def test_a_shape_that_is_not_certain_is_asked_for(tmp_path: Path, content: str, message: str) -> None:
    assert message in refusal(tmp_path, content)


def cryptodatadownload(symbol: str, first: str, second: str) -> str:
    return (
        "https://www.CryptoDataDownload.com\n"
        f"unix,date,symbol,open,high,low,close,Volume {first},Volume {second}\n"
        f"1646092800,2022-03-01 00:00:00,{symbol},43221.71,43626.49,43185.48,43312.27,2251237.14,51.97\n"
    )


@pytest.mark.parametrize("symbol", ["BTC/USD", "BTCUSD", "btc-usd", "XBT/USD", "XBTUSD"])
def test_of_two_volumes_that_of_what_is_traded_is_taken(tmp_path: Path, symbol: str) -> None:
    for arguments in ({}, {"preset": "cryptodatadownload"}):
        [price] = sent(read(tmp_path, cryptodatadownload(symbol, "USD", "BTC"), **arguments))
        assert price["volume"] == D("51.97")


@pytest.mark.parametrize(
    ("symbol", "first", "second"),
    [("XBT/EUR", "USD", "BTC"), ("ETH/EUR", "USD", "BTC"), ("USDTUSD", "USD", "USDT")],
)
def test_of_two_volumes_that_the_symbol_leaves_open_one_is_asked_for(
    tmp_path: Path, symbol: str, first: str, second: str
) -> None:
    message = refusal(tmp_path, cryptodatadownload(symbol, first, second))
    assert f"'Volume {first}' looks like a quantity and is used for nothing" in message
    message = refusal(tmp_path, cryptodatadownload(symbol, first, second), preset="cryptodatadownload")
    assert (
        f"has Volume {first}, Volume {second}, and its symbols ({symbol}) do not tell which is the" in message
    )


def test_the_volume_that_is_left_is_not_taken_for_several_symbols(tmp_path: Path) -> None:
    content = cryptodatadownload("XBT/USD", "USD", "BTC")
    other = content.splitlines(keepends=True)[-1].replace("XBT", "ETH")
    assert "'Volume USD' looks like a quantity and is used for nothing" in refusal(tmp_path, content + other)


def test_the_only_volume_that_is_of_nothing_in_the_symbol_is_not_taken(tmp_path: Path) -> None:
    content = cryptodatadownload("XBT/USD", "EUR", "BTC").replace(",Volume BTC", "").replace(",51.97", "")
    for only in ("EUR", "USD"):
        message = refusal(tmp_path, content.replace("EUR", only))
        assert f"'Volume {only}' looks like a quantity and is used for nothing" in message


def test_no_preset_throws_away_a_column_with_the_name_of_a_field() -> None:
    """Where one has, `fields` names it, or has the same in a better unit."""
    same = {("bitstamp-stream", "price"), ("bitstamp-stream", "timestamp")}
    symbols = {
        (preset.name, name)
        for preset in presets()
        for name in {column.lower() for column in preset.optional} & set(FIELDS) - set(preset.fields.values())
    }
    assert symbols == same


def test_the_exchange_that_a_line_says_is_its_exchange(tmp_path: Path) -> None:
    content = (
        "trade_id,price,size,time,exchange,side\n"
        "1,42000,0.5,2023-11-14T22:13:20Z,kraken,buy\n2,42000,0.25,2023-11-14T22:13:21Z,binance,buy\n"
    )
    assert [price["exchange"] for price in sent(read(tmp_path, content, exchange="coinbase"))] == [
        "kraken",
        "binance",
    ]


@pytest.mark.parametrize("cell", ["", "  ", None])
@pytest.mark.parametrize("field", ["symbol", "exchange"])
def test_a_line_whose_exchange_or_symbol_is_empty_has_the_one_that_is_given(
    tmp_path: Path, field: str, cell: str | None
) -> None:
    records = [
        {"trade_id": n, "price": 1, "size": 2, "time": MS, field: value}
        for n, value in ((1, cell), (2, "own"))
    ]
    lines = "".join(f"{json.dumps(record)}\n" for record in records)
    assert [price[field].upper() for price in sent(read(tmp_path, lines, **{field: "given"}))] == [
        "GIVEN",
        "OWN",
    ]
    table = f"price,timestamp,{field}\n1,{MS},{cell or ''}\n1,{MS},own\n"
    assert [price[field].upper() for price in sent(read(tmp_path, table, **{field: "given"}))] == [
        "GIVEN",
        "OWN",
    ]
    without: dict[str, Any] = {field: None}
    for content in (lines, table):
        [why] = refused(read(tmp_path, content, **without)).values()
        assert f"add --{field} for the lines that say none" in why


def test_a_volume_beside_an_amount_is_asked_for(tmp_path: Path) -> None:
    content = "id,timestamp,price,volume,amount\n1,1700000000,42000,0.5,21000\n"
    for arguments in ({}, {"preset": "ccxt"}):
        assert "--map volume=amount --ignore volume, or the other" in refusal(tmp_path, content, **arguments)
    for used, ignored, volume in (("amount", "volume", D(21000)), ("volume", "amount", D("0.5"))):
        [price] = sent(read(tmp_path, content, mapping={"volume": used}, ignore=(ignored,)))
        assert price["volume"] == volume


def test_ids_that_are_null_are_ignored_in_a_known_shape(tmp_path: Path) -> None:
    content = (
        '[{"id":null,"price":"23","qty":"0.478468","quoteQty":"11.004764","time":1640830579240,'
        '"isBuyerMaker":true,"isBestMatch":true}]'
    )
    assert "is empty, null or" in refusal(tmp_path, content)
    for arguments in ({}, {"preset": "binance-trades"}):
        lines = read(tmp_path, content, ignore=("id",), **arguments)
        assert rows(lines) == [(1640830579240, None, D(23), D("0.478468"))]


TRADED = '"23200","23210","23190","23205"'


@pytest.mark.parametrize(
    "row",
    [
        f'[1640804880000,{TRADED},"3.55",1640804940000,"168387"]',  # MEXC: volume, close time, quote volume
        f'["1659323280000",{TRADED},"12.5","290000","290000"]',  # Bitget: volume, and two of quotes
        f'["1659323280000",{TRADED},"0","290000","290000"]',
    ],
)
def test_candles_whose_average_is_no_price_are_not_kraken_s(tmp_path: Path, row: str) -> None:
    assert "Name its 8 columns in order" in refusal(tmp_path, f"[{row},{row}]")


def test_cells_whose_third_is_no_type_are_not_freqtrade_s(tmp_path: Path) -> None:
    trade = f"{MS},1,{{}},sell,2500,0.5,1250\n"
    assert rows(read(tmp_path, trade.format(""))) == [(MS, "1", 2500, Decimal("0.5"))]
    assert "Name its 7 columns" in refusal(tmp_path, trade.format("ETH/USDT"))


def test_a_candle_of_kraken_s_without_trades_has_no_average(tmp_path: Path) -> None:
    traded = f'[1688671200,{TRADED},"23200.5","3.39",23]'
    without = '[1688671260,"23205","23205","23205","23205","0","0.0000",0]'
    prices = rows(read(tmp_path, f"[{traded},{without}]"))
    assert prices == [(1688671200000, None, D(23205), D("3.39")), (1688671260000, None, D(23205), 0)]


def test_contracts_are_not_taken_for_the_volume_of_a_trade(tmp_path: Path) -> None:
    by_coin = "1,42000.1,10,0.02380946,1700000000000,true\n2,42000.1,10,0.02380946,1700000000000,true\n"
    assert "Name its 6 columns in order" in refusal(tmp_path, by_coin)
    by_money = "1,42000.1,10,420001,1700000000000,true\n"
    assert rows(read(tmp_path, by_money)) == [(1700000000000, "1", D("42000.1"), D(10))]
