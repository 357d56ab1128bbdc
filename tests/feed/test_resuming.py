"""Where a feed begins, and goes on: behind what the table has, as far back as the exchange reaches."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.core.items import StoredPrice
from cryptoctl.feed.resuming import StartPoint, start_after
from cryptoctl.feed.tape import BACK_MS, Tape
from cryptoctl.feed.trade import Fetch, TapeRules, Trade
from feed.exchange_tape import BEGIN_MS, UNNUMBERED, trade

SECOND_MS = BEGIN_MS


def price(at_ms: int, id_: str | None) -> StoredPrice:
    return StoredPrice(
        symbol="ETH/USD", key=Decimal(at_ms), price=Decimal(5), volume=Decimal(1), exchange="kraken", id=id_
    )


def test_behind_nothing_the_newest_trade_is_the_first() -> None:
    assert start_after([]) == StartPoint(since_ms=None)


@given(st.lists(st.integers(0, 5_000), min_size=1), st.sampled_from([1, 1_000]))
def test_behind_prices_with_ids_all_of_them_are_asked_for_again(after_ms: list[int], unit_ms: int) -> None:
    times = sorted((SECOND_MS + after * unit_ms for after in after_ms), reverse=True)
    begin = start_after([price(at_ms, f"t{number}") for number, at_ms in enumerate(times)])
    assert begin == StartPoint(since_ms=times[-1], stored_ids=[f"t{number}" for number in range(len(times))])


def test_what_is_not_asked_for_behind_a_price_sent_by_hand_is_known() -> None:
    by_hand, fed, dumped = price(SECOND_MS + 9_000, None), price(SECOND_MS, "t1"), price(SECOND_MS - 1, None)
    assert start_after([by_hand, fed, dumped]).skipped_from_ms == SECOND_MS
    assert start_after([fed, dumped]).skipped_from_ms is None
    assert start_after([by_hand, dumped]).skipped_from_ms is None


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1).filter(
        lambda pairs: not all(named for _, named in pairs)
    ),
    st.sampled_from([1, 1_000]),
)
def test_no_trade_that_a_dump_without_ids_may_have_is_sent_again(
    found: list[tuple[int, bool]], unit_ms: int
) -> None:
    """The dump's times are cut to its unit; the exchange's trades have milliseconds."""
    stored = sorted(
        (price(SECOND_MS + at * unit_ms, f"t{at}" if named else None) for at, named in found),
        key=lambda entry: -entry.timestamp_ms,
    )
    begin = start_after(stored)
    dumped_ms = [entry.timestamp_ms for entry in stored if not entry.id]
    assert begin.without_ids and begin.since_ms is not None
    cut_to_seconds = not any(time_ms % 1000 for time_ms in dumped_ms)
    assert begin.since_ms == dumped_ms[0] + (1000 if cut_to_seconds else 1)
    tape = Tape(TapeRules(reaches_back=True), since_ms=begin.since_ms, stored_ids=begin.stored_ids)
    trades = [
        Trade(id=f"x{at_ms}", timestamp_ms=at_ms, price="5", volume="1")
        for at_ms in {SECOND_MS, *dumped_ms, dumped_ms[0] + 999 * cut_to_seconds, begin.since_ms}
    ]
    tape.receive_page(Fetch(since_ms=begin.since_ms), trades, 0.0)
    assert [trade.timestamp_ms for trade in tape.take(9)] == [begin.since_ms]


def only_the_newest(tape: Tape, newest: list[Trade], looks: int = len(BACK_MS) + 1) -> list[int | None]:
    """From when on pages are asked for; an exchange answers each with those of its newest trades."""
    since_ms = []
    for look in range(looks):
        fetch = tape.next_fetch(look * 10.0)
        if fetch is None or tape.ready:
            break
        since_ms.append(fetch.since_ms)
        tape.receive_page(
            fetch, [trade for trade in newest if trade.timestamp_ms >= (fetch.since_ms or 0)], look * 10.0
        )
    return since_ms


def test_an_exchange_that_does_not_reach_back_to_the_beginning_has_a_hole_there() -> None:
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS)
    since_ms = only_the_newest(tape, [trade(5, 7_200_000), trade(6, 7_200_001)])
    assert since_ms == [BEGIN_MS, BEGIN_MS - 60_000, BEGIN_MS - 3_600_000, BEGIN_MS - 3_600_000]
    assert [entry.id for entry in tape.take(9)] == ["5", "6"]
    assert tape.counts.missing == 1


@pytest.mark.parametrize(("before_ms", "looks"), [(0, 1), (1, 2), (60_000, 2), (60_001, 3), (3_600_000, 3)])
def test_a_trade_from_before_the_beginning_shows_that_nothing_is_missing(before_ms: int, looks: int) -> None:
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS)
    tape_before = trade(4, -before_ms)
    since_ms = only_the_newest(tape, [tape_before, trade(5, 7_200_000), trade(6, 7_200_001)])
    assert len(since_ms) == looks
    ids = [entry.id for entry in tape.take(9)]
    assert ids == ["4", "5", "6"][before_ms > 0 :]
    assert tape.counts.missing == 0


def test_a_trade_that_an_earlier_connection_had_told_joins_no_new_one() -> None:
    a, b, c, d = (trade(number, number, name) for number, name in enumerate("abcd", start=1))
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS + 1)
    tape.receive([b], 0.0)
    tape.note_loss()
    tape.receive([b], 0.1)  # a repeat: what came in between, nobody has told
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 1), [a, b], 0.1)
    tape.receive([d], 0.2)
    assert [entry.id for entry in tape.take(9)] == ["a", "b"]
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 2), [b, c, d], 0.3)
    assert [entry.id for entry in tape.take(9)] == ["c", "d"]
    assert tape.joined
