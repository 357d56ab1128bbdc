"""What the page is told of a symbol's prices is what the table holds, whatever came late, changed or went."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.items import StoredPrice
from cryptoctl.dashboard.documents import PageCandle, page_candles, prices
from cryptoctl.dashboard.price_series import LOOKBACK_PRICES, PriceSeries
from cryptoctl.ops.candles import Interval
from dashboard.prices_of import AT_MS, stored

INTERVAL = Interval.MINUTE
MAX_PRICES = 40

times = st.integers(0, 20).map(lambda tens: AT_MS + tens * 10_000)
tables = st.dictionaries(times, st.tuples(st.sampled_from(["1", "2", "3"]), st.booleans()), max_size=15)


def in_order(table: dict[int, tuple[str, bool]]) -> list[StoredPrice]:
    return [stored(time, price, processed=done) for time, (price, done) in sorted(table.items())]


def on_the_page(shown: list[PageCandle], newer: list[PageCandle], since_ms: int | None) -> list[PageCandle]:
    """As chart.js takes candles."""
    return [candle for candle in shown if since_ms is not None and candle["time_ms"] < since_ms] + newer


@given(st.lists(tables, min_size=1, max_size=5), st.data())
def test_a_page_that_takes_only_what_changed_shows_what_the_table_holds(
    tables_in_time: list[dict[int, tuple[str, bool]]], data: st.DataObject
) -> None:
    series = PriceSeries(MAX_PRICES, 1000)
    shown: list[PageCandle] = []
    revision = 0
    for table in tables_in_time:
        # The table is read as a whole: what a shorter reading leaves out is another test's.
        series.take(in_order(table), None)
        if data.draw(st.booleans()):
            continue  # this page was not looked at
        answer = prices("BTC", series, INTERVAL, revision)
        shown = on_the_page(shown, answer["candles"], answer["since_ms"])
        revision = answer["revision"]
        assert shown == page_candles(in_order(table), INTERVAL)


@given(tables, tables)
def test_a_reading_from_the_last_prices_on_replaces_exactly_those(
    before: dict[int, tuple[str, bool]], later: dict[int, tuple[str, bool]]
) -> None:
    series = PriceSeries(MAX_PRICES)
    series.take(in_order(before), None)
    since_ms = series.since_ms
    before_window = {
        time: price for time, price in before.items() if since_ms is not None and time < since_ms
    }
    read = {time: price for time, price in later.items() if since_ms is None or time >= since_ms}
    series.take(in_order(read), since_ms)
    assert list(series.prices) == in_order(before_window | read)


def test_a_reading_goes_back_to_the_oldest_that_waits_for_its_averages() -> None:
    series = PriceSeries(10_000)
    many = [stored(AT_MS + number, processed=number != 50) for number in range(400)]
    series.take(many, None)
    assert series.since_ms == AT_MS + 50
    series.take([stored(price.timestamp_ms) for price in many[50:]], AT_MS + 50)
    assert series.since_ms == AT_MS + 400 - LOOKBACK_PRICES


def test_the_same_reading_again_is_no_change() -> None:
    series = PriceSeries(10)
    series.take([stored(AT_MS)], None)
    revision = series.revision
    series.take([stored(AT_MS)], series.since_ms)
    assert series.revision == revision
    assert prices("BTC", series, INTERVAL, revision)["candles"] == []


def test_a_revision_of_another_tape_gets_everything() -> None:
    series = PriceSeries(10, 5000)
    series.take([stored(AT_MS)], None)
    for other in (0, 4999, 5000, 6000):
        assert prices("BTC", series, INTERVAL, other)["since_ms"] is None
        assert len(prices("BTC", series, INTERVAL, other)["candles"]) == 1


def test_where_not_all_prices_are_kept_the_oldest_candle_that_may_lack_some_is_left_out() -> None:
    series = PriceSeries(3)
    series.take([stored(AT_MS + 20_000 * number) for number in range(3)], None)
    series.take([stored(AT_MS + 20_000 * number) for number in range(3, 6)], AT_MS + 60_000)
    assert len(series.prices) == 3
    answer = prices("BTC", series, INTERVAL, 0)
    assert not answer["complete"]
    first = INTERVAL.begin_ms(series.prices[0].timestamp_ms)
    assert [candle["time_ms"] for candle in answer["candles"]] == [first + INTERVAL.ms]
    # A late price pushes the oldest one out, whose candle is not sent again with less in it.
    late = [*series.prices[1:], stored(series.prices[-1].timestamp_ms + 1)]
    series.take(late, None)
    oldest = INTERVAL.begin_ms(series.prices[0].timestamp_ms)
    sent = prices("BTC", series, INTERVAL, answer["revision"])["candles"]
    assert sent and all(candle["time_ms"] > oldest for candle in sent)
