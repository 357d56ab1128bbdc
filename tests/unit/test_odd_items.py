"""What somebody else has stored is shown as it is, and costs no other price its display."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.items import StoredPrice
from cryptoctl.ops.candles import Interval, candle_document, candles
from cryptoctl.ops.dead_letters.repair import RepairSearch, incorrect
from cryptoctl.ops.prices import row
from cryptoctl.ops.times import iso_of_ms, iso_of_text, time_text
from cryptoctl.ops.trace.events import Stage, Timeline, TraceEvent
from cryptoctl.ops.trace.timeline import indicators_text
from cryptoctl.ui.chart import chart
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.trace import _show_timeline
from cryptoctl.wording import MAX_NUMBER_LENGTH, number_text
from unit.answers import STACK, Answers

ODD_KEYS = (
    "1e25",
    "-1e17",
    "253402300800000",
    "-62135596800001",
    "1700000000000000000.5",
    "9.9e125",
    "-1e-130",
)


def price(key: str) -> StoredPrice:
    number = Decimal(1)
    return StoredPrice(
        symbol="TS", key=Decimal(key), price=number, volume=number, exchange="x", processed=True
    )


@given(st.integers(-(10**130), 10**130) | st.integers(-(10**15), 10**15))
def test_every_time_has_a_text_and_keeps_its_number_where_no_calendar_has_it(milliseconds: int) -> None:
    text, is_json = time_text(milliseconds), iso_of_ms(milliseconds)
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", text):
        assert is_json == f"{text.replace(' ', 'T')}Z"
        assert (
            time_text(milliseconds, "minutes") == text[:16]
            and time_text(milliseconds, "seconds") == text[:19]
        )
    else:
        assert (text, is_json) == (f"{number_text(Decimal(milliseconds))} ms", str(milliseconds))
        assert len(text) <= MAX_NUMBER_LENGTH + len(" ms"), "which leaves the other columns their room"


def test_the_first_and_last_millisecond_of_the_calendar_have_a_date() -> None:
    assert (time_text(253402300799999), time_text(253402300800000)) == (
        "9999-12-31 23:59:59.999",
        "253402300800000 ms",
    )
    assert (time_text(-62135596800000)[:10], time_text(-62135596800001)) == (
        "0001-01-01",
        "-62135596800001 ms",
    )


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-11-27T10:00:00.123+00:00", "2026-11-27T10:00:00.123Z"),
        ("2026-11-27 10:00+02:00", "2026-11-27T08:00:00.000Z"),
        ("2026-11-27T10:00:00", "2026-11-27T10:00:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("yesterday", "yesterday"),
        ("", ""),
    ],
)
def test_a_stored_time_is_written_in_utc_and_what_is_none_as_it_is(stored: str, shown: str) -> None:
    assert iso_of_text(stored) == shown


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_price_of_any_time_is_in_the_table_the_chart_and_the_candles(key: str) -> None:
    odd, plain = price(key), price("1700000000000")
    assert row(odd)[0] == time_text(odd.timestamp_ms)
    assert row(odd)[1:] == row(plain)[1:]
    assert time_text(odd.timestamp_ms, "seconds") in chart([odd, odd], 400, 20)[-1].plain
    [candle] = candles([odd], Interval.MINUTE)
    assert candle_document(candle)["time"] == iso_of_ms(candle.begin_ms)


@pytest.mark.parametrize("time_ms", [-62135596800001, 253402300800000, 9 * 10**125])
def test_a_time_that_no_calendar_has_stands_whole_in_a_timeline(
    time_ms: int, capsys: pytest.CaptureFixture[str]
) -> None:
    event = TraceEvent(time_ms=time_ms, component="here", stage=Stage.STORED)
    unknown = dict.fromkeys(("arrival_ms", "storing_ms", "enriching_ms", "total_ms"))
    timeline = Timeline(events=(event,), requests=(), **unknown)
    _show_timeline(Screen(colour=False), timeline, "dev")
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith("time (UTC)") and line.startswith(f"{time_text(time_ms)}  ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"S": "x"}, "too little history"),
        ({"N": "1"}, "ma_5=1"),
        ({"N": "1.234567891"}, "ma_5=1.2345679"),
        ({"NULL": True}, "too little history"),
    ],
)
def test_an_indicator_that_is_no_number_is_none(value: dict[str, Any], shown: str) -> None:
    item = {"symbol": {"S": "A"}, "timestamp": {"N": "1"}, "price": {"N": "1"}, "ma_5": value}
    assert indicators_text(item) == shown


def test_verifying_a_symbol_reads_prices_from_before_1970_too() -> None:
    item = {"symbol": {"S": "V"}, "timestamp": {"N": "-5"}, "price": {"N": "1"}, "processed": {"BOOL": True}}
    wrong = {**item, "ma_5": {"N": "777"}}
    aws = Answers({"Query": {"Items": [wrong]}})
    assert list(incorrect(aws, STACK.prices, RepairSearch(symbol="V", verify=True))) == [("V", Decimal(-5))]  # type: ignore[arg-type]
    [(_, request)] = aws.requests
    assert request["KeyConditionExpression"] == "#symbol = :symbol"
    assert set(request["ExpressionAttributeValues"]) == {":symbol"}
