"""What `status` and the dashboard take their symbols from: whatever the webhook processor logged of them."""

from __future__ import annotations

import json

import pytest

from cryptoctl.local.logs.patterns import compile_pattern
from cryptoctl.ops.logs import Line
from cryptoctl.ops.recent_symbols import PATTERN, stored_symbols
from handlers.events import GOOD, http, send, send_prices
from handlers.fake_aws import FakeAws, FaultError

matches = compile_pattern(PATTERN)


def symbols_logged(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The symbols in what was printed since the last look."""
    printed = capsys.readouterr().out.splitlines()
    lines = [
        Line(id=str(number), time_ms=number, function="webhook", text=text)
        for number, text in enumerate(printed)
        if matches(text)
    ]
    return stored_symbols(lines)


def test_symbols_are_found_whatever_became_of_the_other_prices_of_their_request(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    send(GOOD)
    assert symbols_logged(capsys) == ["BTC"]
    assert send_prices({"symbol": "NEW"}, {"price": "-1"})[0] == 207
    assert symbols_logged(capsys) == ["NEW"]
    again = {"symbol": "NEW", "id": "7"}
    send_prices(again)
    symbols_logged(capsys)
    send_prices(again, {"symbol": "ETH", "price": "none"})
    assert symbols_logged(capsys) == ["NEW"], "a repeat, beside one that is refused"


def test_what_is_not_stored_names_no_symbol(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    send_prices({"symbol": "BAD", "price": "-1"})
    send({**GOOD, "price": "-1"})
    send({**GOOD, "symbol": '"symbols":["X"]', "price": "-1"})

    def down(operation: str, moment: str) -> None:
        raise FaultError("InternalServerError")

    aws.fault = down
    send(http(json.dumps(GOOD)))
    assert symbols_logged(capsys) == []


def test_all_symbols_of_a_request_are_found_however_many(
    aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"S{number}" for number in range(50)]
    send_prices(*({"symbol": name} for name in names))
    assert symbols_logged(capsys) == sorted(names)


def test_the_one_with_the_newest_price_comes_first_whatever_the_order_of_lines() -> None:
    def line(at_ms: int, **fields: object) -> Line:
        return Line(id=str(at_ms), time_ms=at_ms, function="webhook", text=json.dumps(fields))

    lines = [
        line(1, keys={"A": ["1700000000000.5"], "B": ["9"]}),
        line(3, keys={"C": ["1600000000000"]}, repeated={"A": ["5"]}),
        line(2, repeated={"D": ["1700000000000.123456789012345678"]}),
        line(4, keys="odd", symbols=None),
        line(5, keys={"E": [None, "NaN", {}, "x"], "F": 5}),
    ]
    assert stored_symbols(lines) == stored_symbols(lines[::-1]) == ["A", "D", "C", "B", "E", "F"]
