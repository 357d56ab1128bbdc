"""Ids, numbers and what an expression gives: each is what its text says, digit by digit, or a fault."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pytest

from cryptoctl.errors import Failure
from cryptoctl.files import times
from cryptoctl.files.outgoing import OutgoingPrice
from cryptoctl.files.preview import Preview
from files.reading import MS, read, refusal, refused, rows, sent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1206419187.0", "1206419187"),
        ("7", "7"),
        ("0012", "0012"),
        ("5e10", "5e10"),
        ("12e5", "12e5"),
        ("4a6e7", "4a6e7"),
        ("20231114E-001", "20231114E-001"),
        ("1206E+06", "1206E+06"),
        ("a-1", "a-1"),
        ('"12345,6"', "12345,6"),
        ("1.11.123", "1.11.123"),
        ("nano", "nano"),
    ],
)
def test_an_id_is_what_it_says(tmp_path: Path, text: str, expected: str) -> None:
    assert rows(read(tmp_path, f"price,timestamp,id\n1,{MS},{text}\n")) == [(MS, expected, 1, 0)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.20642E+09", "scientific notation"),
        ("12.06E+08", "scientific notation"),
        ("12.06E8", "scientific notation"),
        ("121E+07", "scientific notation"),
        ("-1.2e9", "scientific notation"),
        ("1e+12", "scientific notation"),
        ("9007199254740993.0", "lost digits"),
        ('"1,206,419,187"', "as a spreadsheet shows it"),
        ('"1,20,64,187"', "as a spreadsheet shows it"),
        ("1'206'419", "as a spreadsheet shows it"),
        ('"=""1206419187"""', "as a spreadsheet shows it"),
        ("nan", "is empty (nan)"),
        *((text, f"is empty ({text})") for text in ("NA", "n/a", "#NA", "none", "NIL", "null", "<na>", "-")),
    ],
)
def test_an_id_that_lost_digits_or_is_none_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in refused(read(tmp_path, f"price,timestamp,id\n1,{MS},{text}\n"))[2]


def test_a_symbol_may_be_called_what_an_id_may_not(tmp_path: Path) -> None:
    prices = sent(read(tmp_path, f"price,timestamp,symbol\n1,{MS},NIL\n1,{MS},NA\n", symbol=None))
    assert [price["symbol"] for price in prices] == ["NIL", "NA"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,20642E+09", "scientific notation"),
        ("9007199254740993,0", "lost digits"),
        ("1.206.419.187", "has a point"),
        ("1.000", "has a point"),
    ],
)
def test_an_id_that_a_decimal_comma_shows_to_be_none_is_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    lines = read(tmp_path, f"price;timestamp;id\n1,5;{MS};{text}\n2,5;{MS};1206419187,0\n", decimal=",")
    assert reason in refused(lines)[2]
    assert [price.price.id for price in lines if isinstance(price, OutgoingPrice)] == ["1206419187"]


@pytest.mark.parametrize(
    ("text", "file_options", "expected"),
    [
        ('"43221,71"', {"decimal": ","}, "43221.71"),
        ("1e-08", {}, "1e-8"),
        (".5", {}, "0.5"),
        ("5.", {}, "5"),
        ("+5", {}, "5"),
        ("0.1000000000000000055511", {}, "0.1000000000000000055511"),
    ],
)
def test_a_number_is_read_from_its_text(
    tmp_path: Path, text: str, file_options: dict[str, Any], expected: str
) -> None:
    assert rows(read(tmp_path, f"price;timestamp\n{text};{MS}\n", **file_options)) == [
        (MS, None, Decimal(expected), 0)
    ]


def test_a_point_among_decimal_commas_is_refused(tmp_path: Path) -> None:
    lines = read(tmp_path, f"price;timestamp\n1.234;{MS}\n2,5;{MS}\n", decimal=",")
    assert "has a point" in refused(lines)[2]


def test_what_bitmex_has_added_is_known(tmp_path: Path) -> None:
    content = (
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,trdType\n"
        "2023-11-14D22:13:20.123456000,XBTUSD,Sell,100,35000,PlusTick,0f3a-11,285700,0.002857,100,Regular\n"
    )
    lines = read(tmp_path, content, time_zone="UTC")
    assert rows(lines) == [(1700000000123, "0f3a-11", 35000, 100)]


def test_jmespath_leads_into_a_record(tmp_path: Path) -> None:
    content = f'{{"d": {{"p": "1.10", "t": {MS}}}, "s": "btc", "trade id": 1206419187.0}}\n'
    prices = sent(
        read(tmp_path, content, mapping={"price": "d.p", "timestamp": "d.t", "symbol": "s", "id": "trade id"})
    )
    assert prices[0]["symbol"] == "BTC"
    assert (prices[0]["price"], prices[0]["id"]) == (Decimal("1.1"), "1206419187")
    assert (
        "timestamp: is null"
        in refused(
            read(
                tmp_path,
                content,
                mapping={"price": "d.p", "timestamp": "d.x", "symbol": "s", "id": "trade id"},
                ignore=("d.t",),
            )
        )[1]
    )


@pytest.mark.parametrize(
    "function", ["to_number(p)", "avg([a, b])", "sum([a, b])", "join('', [to_number(p)])"]
)
def test_a_function_that_loses_digits_is_refused(tmp_path: Path, function: str) -> None:
    content = f'{{"p": "0.12345678901234567890123", "a": 1.5, "b": 2, "timestamp": {MS}}}\n'
    assert "would lose digits" in refusal(tmp_path, content, mapping={"price": function})
    assert rows(read(tmp_path, content, mapping={"price": "p"}))[0][2] == Decimal("0.12345678901234567890123")


@pytest.mark.parametrize(
    "mapping", [{"timestamp": "join('T', [date, time])"}, {"price": "join('', [price])"}]
)
def test_an_expression_that_fails_on_a_record_is_that_records_fault(
    tmp_path: Path, mapping: dict[str, str]
) -> None:
    record = '{"date": "2023-02-02", "time": "09:20:00.138Z", "price": "1"}\n'
    bad = record.replace('"09:20:00.138Z"' if "timestamp" in mapping else '"1"', "null")
    arguments: dict[str, Any] = {"mapping": mapping, "ignore": ("date", "time")}
    arguments["now"] = "timestamp" not in mapping
    for content in (record + bad, bad + record):
        lines = read(tmp_path, content, **arguments)
        assert len(lines) == 2
        assert ["cannot be evaluated" in reason for reason in refused(lines).values()] == [True]


def test_a_null_does_not_hide_that_day_and_time_are_in_two_members(tmp_path: Path) -> None:
    record = '{"date": "2023-02-02", "time": "09:20:00", "price": "1"}\n'
    message = refusal(tmp_path, record + record.replace('"09:20:00"', "null") + record)
    assert "join" in message
    assert "join" not in refusal(tmp_path, record.replace('"09:20:00"', "null"))


def test_utc_is_known_where_no_other_zone_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(times, "ZoneInfo", unknown)
    monkeypatch.setattr(times, "available_timezones", set)
    assert times.zone("UTC") is UTC and str(UTC) == "UTC"
    with pytest.raises(Failure) as raised:
        times.zone("Europe/Berlin")
    assert "pip install tzdata" in raised.value.hint


@pytest.mark.parametrize(
    "content",
    [
        f'{{"timestamp":[{MS},{MS}],"price":[1,2]}}',
        f'[{{"timestamp":{MS},"price":{{"amount":"1.5","currency":"USD"}}}}]',
    ],
)
def test_a_list_or_an_object_is_no_number_with_a_comma(tmp_path: Path, content: str) -> None:
    assert "and no plain price" in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("$42000.10", "price: not a finite decimal number: '$42000.10'"),
        ("42'00.10", 'price: not a finite decimal number: "42\'00.10"'),
        ("-5", "price: must be greater than 0: '-5'"),
        ("1" * 39, f"price: more than 38 significant digits: '{'1' * 39}'"),
    ],
)
def test_a_price_that_is_none_is_shown(tmp_path: Path, number: str, reason: str) -> None:
    assert refused(read(tmp_path, f"price;timestamp\n{number};{MS}\n")) == {2: reason}


def test_prices_that_are_none_for_one_reason_are_told_once(tmp_path: Path) -> None:
    lines = ["price;timestamp", *(f"{n}{mark}000.10;{MS}" for n in range(1, 9) for mark in "_#$")]
    preview = Preview()
    preview.add(read(tmp_path, "\n".join(lines)))
    assert [group.count for group in preview.reasons.values()] == [24]
