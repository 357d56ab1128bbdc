"""Whatever happens to the two sources, what is handed on is the tape: nothing missing, nothing doubled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptoctl.feed.tape import BACK_MS, MAX_LIVE, MAX_READY, QUIET_S, Tape
from cryptoctl.feed.trade import Fetch, TapeRules
from feed.exchange_tape import BEGIN_MS, NUMBERED_BY_ID, NUMBERED_BY_TIME, UNNUMBERED, Exchange, trade

ALL = pytest.mark.parametrize("rules", [NUMBERED_BY_TIME, NUMBERED_BY_ID, UNNUMBERED])


OPERATIONS = st.one_of(
    st.tuples(st.just("happen"), st.lists(st.sampled_from([0, 0, 1, 40, 5_000]), min_size=1, max_size=6)),
    st.tuples(st.just("happen"), st.just([7_300_000])),
    st.tuples(st.just("connect"), st.integers(0, 5)),
    st.tuples(st.just("disconnect")),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    st.tuples(st.just("repeat")),
    st.tuples(st.just("lose"), st.integers(1, 3)),
    st.tuples(st.just("shuffle")),
    st.tuples(st.just("answer"), st.integers(4, 9), st.integers(0, 3)),
    st.tuples(st.just("answer"), st.integers(4, 9), st.integers(0, 3)),
    st.tuples(st.just("pass_time"), st.sampled_from([0.2, 1.5, 40.0])),
    st.tuples(st.just("take"), st.integers(1, 5)),
)


def run(exchange: Exchange, operations: Sequence[tuple[Any, ...]], expected_from: int) -> None:
    for name, *arguments in operations:
        if name == "pass_time":
            exchange.now_s += arguments[0]
        else:
            getattr(exchange, name)(*arguments)
        # What is handed on is at every moment a beginning of the tape.
        expected = exchange.tape[expected_from:]
        assert exchange.released == expected[: len(exchange.released)]
    exchange.settle_down()
    assert exchange.released == exchange.tape[expected_from:]
    assert exchange.follower.counts.missing == 0
    assert exchange.follower.counts.settled == len(exchange.released)


@ALL
@settings(deadline=None)
@given(before=st.lists(st.sampled_from([0, 1, 40, 5_000]), min_size=3, max_size=30), data=st.data())
def test_from_a_time_on_the_tape_comes_whole_and_in_order(
    rules: TapeRules, before: list[int], data: st.DataObject
) -> None:
    exchange = Exchange(rules=rules, follower=Tape(rules, since_ms=BEGIN_MS))
    exchange.happen([1, *before])
    start = data.draw(st.integers(0, len(exchange.tape) - 1))
    since_ms = exchange.tape[start].timestamp_ms
    expected_from = next(n for n, trade in enumerate(exchange.tape) if trade.timestamp_ms >= since_ms)
    exchange.follower = Tape(rules, since_ms=since_ms)
    run(exchange, data.draw(st.lists(OPERATIONS, max_size=40)), expected_from)


@settings(deadline=None)
@given(operations=st.lists(OPERATIONS, max_size=40))
def test_trades_of_one_millisecond_whose_ids_are_in_no_order_all_come(
    operations: list[tuple[Any, ...]],
) -> None:
    exchange = Exchange(rules=UNNUMBERED, follower=Tape(UNNUMBERED, since_ms=BEGIN_MS), in_order=False)
    for name, *arguments in operations:
        if name == "pass_time":
            exchange.now_s += arguments[0]
        else:
            getattr(exchange, name)(*arguments)
    exchange.settle_down()
    assert sorted(exchange.released, key=lambda trade: trade.order) == sorted(
        exchange.tape, key=lambda trade: trade.order
    )


@ALL
@settings(deadline=None)
@given(stored=st.integers(1, 20), partly=st.sets(st.integers(0, 3)), data=st.data())
def test_after_what_is_stored_the_rest_comes(
    rules: TapeRules, stored: int, partly: set[int], data: st.DataObject
) -> None:
    """Of the last request, a process that died may have stored some prices and not others."""
    exchange = Exchange(rules=rules, follower=Tape(rules))
    exchange.happen([1, 0, 30, 1] * 6)
    stored_trades = [
        trade for number, trade in enumerate(exchange.tape[:stored]) if stored - number - 1 not in partly
    ]
    if not stored_trades:
        return
    since_ms = stored_trades[0].timestamp_ms
    exchange.follower = Tape(rules, since_ms=since_ms, stored_ids=[trade.id for trade in stored_trades])
    for name, *arguments in data.draw(st.lists(OPERATIONS, max_size=40)):
        if name == "pass_time":
            exchange.now_s += arguments[0]
        else:
            getattr(exchange, name)(*arguments)
    exchange.settle_down()
    expected = [
        trade for trade in exchange.tape if trade.timestamp_ms >= since_ms and trade not in stored_trades
    ]
    assert exchange.released == expected


@ALL
@settings(deadline=None)
@given(before=st.integers(1, 12), operations=st.lists(OPERATIONS, max_size=40))
def test_without_a_beginning_it_is_the_newest_trade(
    rules: TapeRules, before: int, operations: list[tuple[Any, ...]]
) -> None:
    exchange = Exchange(rules=rules, follower=Tape(rules))
    exchange.happen([1] * before)
    assert exchange.answer(9, 0)
    run(exchange, operations, before - 1)


@ALL
def test_a_trade_between_the_end_of_rest_and_the_beginning_of_the_websocket_is_not_lost(
    rules: TapeRules,
) -> None:
    exchange = Exchange(rules=rules, follower=Tape(rules, since_ms=BEGIN_MS + 1))
    exchange.happen([1, 1, 1])
    while exchange.answer(1000, 0):
        exchange.take(10)
    exchange.happen([1])  # neither in the page nor in the websocket
    exchange.connect(0)
    exchange.happen([1, 1])
    exchange.deliver(2)
    exchange.take(10)
    assert exchange.released == exchange.tape[:3]
    exchange.now_s += 2
    exchange.answer(1000, 0)
    exchange.take(10)
    assert exchange.released == exchange.tape
    assert exchange.follower.joined


@ALL
def test_a_joined_websocket_needs_no_pages(rules: TapeRules) -> None:
    exchange = Exchange(rules=rules, follower=Tape(rules, since_ms=BEGIN_MS + 1))
    exchange.connect(0)
    exchange.happen([1] * 5)
    exchange.deliver(5)
    while exchange.answer(1000, 0):
        pass
    assert exchange.follower.joined
    for _ in range(50):
        exchange.happen([100])
        exchange.deliver(1)
        exchange.now_s += 0.1
        assert exchange.follower.next_fetch(exchange.now_s) is None
    exchange.now_s += QUIET_S
    assert exchange.follower.next_fetch(exchange.now_s) is not None


def test_disorder_of_a_moment_asks_for_no_page() -> None:
    tape = Tape(NUMBERED_BY_ID)
    tape.receive_page(Fetch(), [trade(7)], 0.0)
    tape.receive([trade(8)], 0.0)
    tape.receive([trade(10)], 0.1)
    assert tape.next_fetch(0.5) is None
    tape.receive([trade(9)], 0.6)
    assert [entry.id for entry in tape.take(9)] == ["7", "8", "9", "10"]
    tape.receive([trade(12)], 1.0)
    assert tape.next_fetch(2.5) == Fetch(from_id=11)
    assert tape.counts.filled == 0
    tape.receive_page(Fetch(from_id=11), [trade(11), trade(12)], 2.5)
    assert (tape.counts.filled, tape.joined) == (1, True)


def test_a_hole_that_the_exchange_has_is_believed_after_some_pages_and_counted() -> None:
    tape = Tape(NUMBERED_BY_ID)
    tape.receive_page(Fetch(), [trade(7)], 0.0)
    for look in range(1, len(BACK_MS) + 2):
        fetch = tape.next_fetch(look * 10.0)
        assert fetch == Fetch(from_id=8)
        assert len(tape.ready) == 1
        tape.receive_page(fetch, [trade(10), trade(11)], look * 10.0)
    assert [entry.id for entry in tape.take(9)] == ["7", "10", "11"]
    assert tape.counts.missing == 2


def test_trades_that_the_exchange_does_not_give_any_more_are_counted_as_a_hole() -> None:
    """An exchange with the newest trades only, asked after a long night."""
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS, stored_ids=["a"])
    for look in range(len(BACK_MS) + 1):
        fetch = tape.next_fetch(look * 10.0)
        assert fetch is not None
        assert len(tape.ready) == 0
        tape.receive_page(fetch, [trade(5, 9_000, "x"), trade(6, 9_001, "y")], look * 10.0)
    assert [entry.id for entry in tape.take(9)] == ["x", "y"]
    assert tape.counts.missing == 1


def test_a_hole_inside_a_page_is_looked_at_again() -> None:
    tape = Tape(NUMBERED_BY_ID)
    tape.receive_page(Fetch(), [trade(7)], 0.0)
    tape.receive_page(Fetch(from_id=8), [trade(8), trade(10)], 1.0)
    assert [entry.id for entry in tape.take(9)] == ["7", "8"]
    assert tape.next_fetch(1.0) == Fetch(from_id=9)


def test_more_trades_of_one_millisecond_than_a_page_holds_stop_nothing_and_are_counted() -> None:
    exchange = Exchange(rules=NUMBERED_BY_TIME, follower=Tape(NUMBERED_BY_TIME, since_ms=BEGIN_MS))
    exchange.happen([1, 0, 0, 0, 0, 0, 5])
    for _ in range(40):
        exchange.now_s += 10
        exchange.answer(4, 0)
    exchange.take(10)
    assert exchange.released == [*exchange.tape[:4], exchange.tape[6]]
    assert exchange.follower.counts.missing == 2


def test_what_a_websocket_tells_from_before_the_beginning_is_left() -> None:
    tape = Tape(UNNUMBERED)
    tape.receive_page(Fetch(), [trade(2, 2, "b")], 0.0)
    tape.receive([trade(1, 1, "a"), trade(3, 3, "c")], 0.1)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 2), [trade(2, 2, "b"), trade(3, 3, "c")], 1.0)
    assert [entry.id for entry in tape.take(9)] == ["b", "c"]


def test_a_websocket_that_is_silent_while_rest_has_new_trades_is_not_trusted_any_more() -> None:
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS + 1)
    tape.receive([trade(1, 1, "a")], 0.0)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 1), [trade(1, 1, "a")], 0.0)
    fetch = tape.next_fetch(QUIET_S + 1)
    assert fetch is not None
    tape.receive_page(fetch, [trade(1, 1, "a"), trade(2, 2, "b")], QUIET_S + 1)
    assert not tape.joined
    assert tape.next_fetch(QUIET_S + 1) is not None
    assert tape.counts.filled == 1


def test_a_stale_repeat_of_a_new_connection_joins_nothing() -> None:
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS + 1)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 1), [trade(1, 1, "a"), trade(2, 2, "b")], 0.0)
    tape.receive([trade(1, 1, "a"), trade(4, 4, "d")], 0.1)
    fetch = tape.next_fetch(5.0)
    assert fetch == Fetch(since_ms=BEGIN_MS + 2)
    tape.receive_page(fetch, [trade(2, 2, "b"), trade(3, 3, "c"), trade(4, 4, "d")], 5.0)
    assert tape.joined
    assert [entry.id for entry in tape.take(9)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("other", "joined"),
    [
        ({"price": "2.50", "volume": "1.0"}, True),
        ({"timestamp_ms": BEGIN_MS + 3}, False),
        ({"price": "2.4"}, False),
        ({"volume": "3"}, False),
        ({"volume": "none"}, False),
    ],
)
def test_a_websocket_that_tells_trades_otherwise_than_the_pages_joins_nothing(
    other: dict[str, Any], joined: bool
) -> None:
    a, b, c, d = [trade(number, number, name) for number, name in enumerate("abcd", 1)]
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS + 1)
    tape.receive([replace(b, **other), replace(c, **other)], 0.1)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 1), [a, b], 0.2)
    assert (tape.joined, tape.sources_differ) == (joined, not joined)
    tape.receive([d], 0.3)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 1), [a, b, c, d], 1.0)
    assert tape.joined is joined
    assert joined or tape.take(9) == [a, b, c, d]


def test_what_a_new_connection_repeats_of_the_one_before_is_not_lost_between_its_other_trades() -> None:
    a, b, c, d = [trade(number, number, name) for number, name in enumerate("abcd", 1)]
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS + 1)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 1), [a], 0.0)
    tape.receive([c], 0.1)
    tape.note_loss()
    tape.receive([b, c, d], 0.2)  # the latest trades, as some exchanges tell them first
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 1), [a, b], 1.0)
    assert tape.joined
    assert tape.take(9) == [a, b, c, d]


def test_what_is_not_sent_is_bounded_and_fetched_later() -> None:
    tape = Tape(NUMBERED_BY_ID)
    tape.receive_page(Fetch(), [trade(0)], 0.0)
    for number in range(1, MAX_READY + 2_000):
        tape.receive([trade(number)], 0.0)
    assert len(tape.ready) == MAX_READY
    assert not tape.joined
    assert tape.next_fetch(1.0) is None
    assert len(tape.take(MAX_READY)) == MAX_READY
    assert tape.next_fetch(1.0) == Fetch(from_id=MAX_READY)


def test_what_waits_to_be_joined_is_bounded() -> None:
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS)
    tape.receive([trade(n, n, f"t{n}") for n in range(MAX_LIVE)], 0.0)
    tape.receive([trade(1, 1, "more")], 0.0)
    assert tape.next_fetch(0.0) is not None
    tape.receive_page(Fetch(since_ms=BEGIN_MS), [trade(0, 0, "t0")], 0.0)
    assert (len(tape.ready), tape.joined) == (1, False)


def test_where_only_the_newest_trades_are_given_none_of_them_is_lost_by_asking_again() -> None:
    newest = [trade(number, number) for number in range(12)]
    tape = Tape(UNNUMBERED, since_ms=BEGIN_MS)
    tape.receive_page(Fetch(since_ms=BEGIN_MS), newest[:3], 0.0)
    for look in range(len(BACK_MS) + 1):
        fetch = tape.next_fetch(look * 10.0)
        assert fetch is not None
        tape.receive_page(fetch, newest[5 + look : 8 + look], look * 10.0)
    assert (tape.take(99), tape.counts.missing) == (newest[:3] + newest[5:11], 1)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 10), newest[9:], 99.0)
    assert (tape.take(99), tape.counts.missing) == (newest[11:], 1)


def test_a_look_from_further_back_that_ends_before_the_last_one_skips_nothing_between_the_two() -> None:
    tape, trades = Tape(UNNUMBERED, since_ms=BEGIN_MS, stored_ids=["gone"]), [trade(n, n) for n in range(9)]
    looks = [trades[6:8], trades[6:8], trades[6:8], trades[1:3]]
    for look, newest in enumerate(looks):
        fetch = tape.next_fetch(look * 10.0)
        assert fetch is not None
        tape.receive_page(fetch, newest, look * 10.0)
    tape.receive_page(Fetch(since_ms=BEGIN_MS + 2), trades[2:], 99.0)
    assert (tape.take(99), tape.counts.missing) == (trades[1:], 1)
