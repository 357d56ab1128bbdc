"""Many pages with a symbol each, a symbol that cannot be read, and an error that nobody has foreseen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from cryptoctl.aws import Aws, AwsError
from cryptoctl.dashboard.reader import (
    MAX_SYMBOLS_SHOWN,
    SYMBOLS_KEPT,
    TOO_MANY_SHOWN,
    WATCHED_FOR_S,
    ConnectedEnvironment,
    PageReader,
    ReaderIntervals,
)
from cryptoctl.ops.candles import Interval
from cryptoctl.ops.overview_reader import OverviewReader
from cryptoctl.ui.watch import Watch
from kit.waiting import eventually
from unit.answers import STACK, Answers

QUICK = ReaderIntervals(overview_s=0.01, prices_s=0.01, names_s=0.01)


class APriceEach(Answers):
    """Has one price of every symbol but for `unreadable`."""

    unreadable = ""

    def call(self, service: str, operation: str, **params: Any) -> Any:
        """Its item."""
        symbol = params["ExpressionAttributeValues"][":symbol"]
        if symbol["S"] == self.unreadable:
            raise AwsError(service=service, operation=operation, code="Teapot", message="short and stout")
        return {"Items": [{"symbol": symbol, "timestamp": {"N": "5"}, "price": {"N": "7"}}]}


def reader_of(aws: Answers, place: Callable[[], ConnectedEnvironment] | None = None) -> PageReader:
    typed = cast("Aws", aws)
    environment = ConnectedEnvironment(aws=typed, stack=STACK, overview_reader=OverviewReader(typed, STACK))
    return PageReader(place or (lambda: environment), lambda _: {}, str, {}, QUICK, 100)


@pytest.fixture
def aws() -> APriceEach:
    return APriceEach({"Query": {}})


def shown(reader: PageReader, *symbols: str) -> list[str]:
    """Those of the symbols whose prices a page gets that asks for them in this order."""
    return [symbol for symbol in symbols if reader.prices(symbol, Interval.DAY, 0) is not None]


@pytest.mark.parametrize("pages", [SYMBOLS_KEPT + 1, MAX_SYMBOLS_SHOWN])
def test_each_of_many_pages_that_ask_in_turn_gets_its_symbol(aws: APriceEach, pages: int) -> None:
    reader, symbols = reader_of(aws), [f"S{number}" for number in range(pages)]
    assert shown(reader, *symbols) == []
    reader.read_prices()
    for _ in range(3):
        assert shown(reader, *symbols) == symbols
    assert reader.state()["trouble"] == ""


def test_one_page_too_many_is_told_so_until_another_one_is_closed(
    aws: APriceEach, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    reader, symbols = reader_of(aws), [f"S{number}" for number in range(MAX_SYMBOLS_SHOWN)]
    shown(reader, *symbols, "LATE")
    reader.read_prices()
    assert shown(reader, *symbols, "LATE") == symbols
    assert reader.state()["trouble"] == TOO_MANY_SHOWN
    now_s += WATCHED_FOR_S
    assert shown(reader, symbols[-1], "LATE") == symbols[-1:]
    reader.read_prices()
    assert shown(reader, "LATE", symbols[-1], symbols[0]) == ["LATE", symbols[-1]]
    assert reader.state()["trouble"] == ""


def test_a_symbol_that_cannot_be_read_keeps_no_other_one_from_it(aws: APriceEach) -> None:
    reader, aws.unreadable = reader_of(aws), "BAD"
    shown(reader, "ONE", "BAD", "TWO")
    with pytest.raises(AwsError, match="short and stout"):
        reader.read_prices()
    assert shown(reader, "ONE", "BAD", "TWO") == ["ONE", "TWO"]


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_nobody_has_foreseen_is_said_and_reading_goes_on(aws: APriceEach) -> None:
    count = 0

    def odd() -> ConnectedEnvironment:
        nonlocal count
        count += 1
        raise KeyError("odd")

    reader = reader_of(aws, odd)
    reader.start()
    try:
        trouble = eventually(lambda: reader.state()["trouble"])
        assert trouble == "Reading failed: KeyError('odd')."
    finally:
        reader.stop()
    with Watch(lambda: cast("Any", odd())) as watch:
        assert eventually(lambda: watch.trouble) == "not refreshed: KeyError('odd')"
        assert watch._thread.is_alive()
