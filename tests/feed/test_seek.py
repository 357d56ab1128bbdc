"""A time is found in a tape that can only be asked for by id."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoctl.feed.tape import Tape
from cryptoctl.feed.trade import Trade
from feed.exchange_tape import BEGIN_MS, NUMBERED_BY_ID, trade


@settings(max_examples=30)
@given(
    count=st.integers(1, 3_000_000),
    first=st.integers(0, 50_000),
    late=st.floats(0, 1),
    pace_ms=st.integers(1, 90_000),
)
def test_a_time_is_found_among_millions_of_trades_with_few_pages(
    count: int, first: int, late: float, pace_ms: int
) -> None:
    """Trades come at an even pace, some in the same millisecond as the one before."""

    def trade_number(number: int) -> Trade:
        return trade(number, (number - first) // 2 * pace_ms)

    since_ms = trade_number(first).timestamp_ms + int(late * (count // 2) * pace_ms)
    tape, pages = Tape(NUMBERED_BY_ID, since_ms=since_ms), 0
    while not tape.ready and pages < 60:
        fetch = tape.next_fetch(pages * 10.0)
        assert fetch is not None
        begin = first + count - 500 if fetch.from_id is None else fetch.from_id
        begin = max(first, begin)
        trades = [trade_number(number) for number in range(begin, min(begin + 1000, first + count))]
        tape.receive_page(fetch, trades, pages * 10.0)
        pages += 1
        if not trades:
            break
    expected = first + 2 * -(-(since_ms - BEGIN_MS) // pace_ms)
    assert [entry.number for entry in tape.take(1)] == ([expected] if expected < first + count else [])
    assert pages <= 40
