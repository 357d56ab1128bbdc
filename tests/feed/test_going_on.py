"""How a feed that has not sent everything is gone on with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from cryptoctl.cli.feed import _how_to_go_on
from cryptoctl.feed.following import Feed
from cryptoctl.feed.resuming import StartPoint
from cryptoctl.feed.source import FeedSource
from cryptoctl.feed.trade import Trade

KNOWN, NEW = FeedSource(exchange="kraken", symbol="BTC/USD"), FeedSource(exchange="kraken", symbol="ETH/USD")
STORED, EMPTY = StartPoint(since_ms=1), StartPoint(since_ms=None)


@dataclass
class Line:
    """A symbol of which nothing is stored yet by this feed."""

    source: FeedSource
    stored: int = 0
    duplicate: int = 0


@dataclass
class Unsent:
    """A feed, as far as what it has not sent."""

    unsent: list[tuple[Line, Trade]] = field(default_factory=list)


def how_to_go_on(unsent: dict[FeedSource, int], start: StartPoint, since_ms: int | None = None) -> str:
    trades = [
        (Line(source), Trade(id="1", timestamp_ms=ms, price="1", volume="1")) for source, ms in unsent.items()
    ]
    starts = {KNOWN: STORED, NEW: start}
    return _how_to_go_on([cast("Feed", Unsent(trades))], starts, since_ms)


def test_where_all_symbols_are_stored_the_same_command_does_it() -> None:
    hint = "Run the same command again: it begins where the table ends"
    assert how_to_go_on({KNOWN: 60_000, NEW: 90_000}, STORED) == hint
    assert how_to_go_on({}, EMPTY) == hint


def test_the_time_named_for_a_new_symbol_leaves_out_nothing_of_the_others() -> None:
    hint = "Run the same command again with `--since 1970-01-01T00:01:00.000Z`: it begins there"
    assert how_to_go_on({KNOWN: 60_000, NEW: 90_000}, EMPTY) == hint


def test_what_began_at_a_given_time_begins_there_again() -> None:
    """One that was given as an age would be later by now."""
    start = StartPoint(since_ms=30_000)
    hint = "Run the same command again with `--since 1970-01-01T00:00:30.000Z`: it begins there"
    assert how_to_go_on({KNOWN: 60_000, NEW: 90_000}, start, 30_000) == hint
