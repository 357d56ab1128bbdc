"""The tasks of a feed with an exchange and a webhook processor in memory: what ends it, and what is left."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from cryptoctl.aws_errors import AwsError
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.feed.followed_symbol import FollowedSymbol, TradeSourceError
from cryptoctl.feed.following import is_transient
from cryptoctl.feed.trade import Fetch, TapeRules, Trade
from cryptoctl.files.outgoing import OutgoingPrice
from cryptoctl.ops.sending import DIFFERING
from feed.harness import FastClock, MemoryTable
from feed.market_in_memory import BEGIN_MS, MarketInMemory, feed, run, stored, trade


def test_an_exchange_without_a_websocket_is_polled() -> None:
    market = MarketInMemory([trade(1)])
    following = feed(market, stored)
    line = following.lines[0]

    def until() -> bool:
        if line.stored == 1 and line.state == "polling":
            market.tape += [trade(2), trade(3)]
        return line.stored == 3

    run(following, until)
    assert (line.last_sent, line.lag_ms, line.duplicate) == (trade(3), 59_997, 0)


def test_a_failing_exchange_is_asked_less_and_less_often_and_said() -> None:
    market = MarketInMemory([trade(1)], iter([TradeSourceError("no answer")] * 4))
    following = feed(market, stored)
    run(following, lambda: following.lines[0].stored == 1)
    pauses_s = [b - a for a, b in zip(market.asked_s, market.asked_s[1:], strict=False)][:4]
    assert [pause_s >= least_s for pause_s, least_s in zip(pauses_s, (1, 2, 4, 8), strict=True)] == [True] * 4
    assert following.lines[0].trouble == ""


def test_lines_that_come_later_stand_where_they_were_typed() -> None:
    markets = [MarketInMemory([trade(1)]) for _ in range(3)]
    at_once, first, second = (feed(market, stored).lines[0] for market in markets)
    following = feed(markets[0], stored)

    async def opens_last() -> Sequence[FollowedSymbol]:
        while second not in following.lines:
            await asyncio.sleep(0)
        return [first]

    async def opens_first() -> Sequence[FollowedSymbol]:
        return [second]

    following.lines, following.opening = [at_once], [opens_last(), opens_first()]
    run(following, lambda: all(line.stored for line in (at_once, first, second)))
    assert [[at_once, first, second].index(line) for line in following.lines] == [0, 1, 2]


@pytest.mark.parametrize(
    ("pause_s", "message"),
    [(7200, "429; here asks to wait 2 h 0 min, until 2023-11-15T00:14:20.000Z"), (1, "429")],
)
def test_until_when_an_exchange_asks_to_wait_is_said_where_it_is_long(pause_s: float, message: str) -> None:
    market = MarketInMemory([trade(1)], iter([TradeSourceError("429", pause_s=pause_s)]))
    following = feed(market, stored)
    run(following, lambda: bool(following.lines[0].trouble))
    assert following.lines[0].trouble == message


@pytest.mark.parametrize("watching", [False, True])
def test_what_does_not_pass_ends_the_feed_and_names_the_symbol(watching: bool) -> None:
    lasting = TradeSourceError("the symbol is gone", lasting=True)
    market = (
        MarketInMemory([], can_watch=True, watch_trouble=lasting)
        if watching
        else MarketInMemory([], iter([lasting]))
    )
    with pytest.raises(Failure, match="The feed cannot go on: here:A/B: the symbol is gone") as raised:
        run(feed(market, stored), lambda: False)
    assert "leave that symbol out" in raised.value.hint


@pytest.mark.parametrize("late", [False, True])
def test_what_does_not_pass_ends_its_own_symbol_alone_where_others_are_followed(late: bool) -> None:
    gone = MarketInMemory([], iter([TradeSourceError("the symbol is gone", lasting=True)]))
    other = MarketInMemory([trade(1)], clock=gone.clock)
    following, [line] = feed(other, stored), feed(gone, stored).lines
    [other_line] = following.lines
    if late:

        async def opens() -> Sequence[FollowedSymbol]:
            return [line]

        following.opening = [opens()]
    else:
        following.lines.insert(0, line)

    def until() -> bool:
        if line.ended and len(other.tape) < 2:
            other.tape.append(trade(2))
        return other_line.stored == 2 and bool(line.ended)

    run(following, until)
    assert (line.state, line.trouble) == ("ended", "the symbol is gone")


def test_a_websocket_that_says_nothing_while_rest_has_trades_is_restarted() -> None:
    market = MarketInMemory([trade(1)], can_watch=True)
    following = feed(market, stored)

    def until() -> bool:
        if following.lines[0].state == "polling":
            market.tape.append(trade(len(market.tape) + 1))
        return market.restarts > 0

    run(following, until)
    assert following.lines[0].stored > 1


def test_a_websocket_that_tells_other_times_than_the_pages_is_left_for_them() -> None:
    @dataclass
    class TwoTimes(MarketInMemory):
        async def watch(self) -> list[Trade] | None:
            await self.clock.sleep(1, asyncio.Event())
            return [replace(trade(number), timestamp_ms=BEGIN_MS) for number in (1, 2, 3)]

    market = TwoTimes([trade(1), trade(2)], can_watch=True, rules=TapeRules())
    table = MemoryTable()
    following = feed(market, table.send)
    line = following.lines[0]

    def until() -> bool:
        if line.stored == 2 and line.trouble and len(market.tape) == 2:
            market.tape += [trade(3), trade(4)]
        return line.stored == 4

    run(following, until)
    assert [json.loads(text)["timestamp"] for text in table.texts("here", "A/B")] == [
        BEGIN_MS + number for number in (1, 2, 3, 4)
    ]
    assert "tells trades otherwise than the pages, so these alone are followed" in line.trouble


def test_a_websocket_that_fails_after_each_trade_is_connected_to_less_and_less_often() -> None:
    @dataclass
    class Failing(MarketInMemory):
        watched_s: list[float] = field(default_factory=list)

        async def watch(self) -> list[Trade] | None:
            self.watched_s.append(self.clock.now_s())
            if len(self.watched_s) % 2:
                return [trade(1)]
            raise TradeSourceError("an answer that cannot be read")

    market = Failing([trade(1)], can_watch=True)
    run(feed(market, stored), lambda: len(market.watched_s) > 7)
    pauses_s = [b - a for a, b in zip(market.watched_s[1::2], market.watched_s[2::2], strict=False)]
    assert [pause_s >= least_s for pause_s, least_s in zip(pauses_s, (1, 2, 4), strict=False)] == [True] * 3


def test_a_connection_that_ends_before_its_last_trade_is_taken_does_not_join_the_next_one() -> None:
    """The trade is in REST too; the next connection may begin after trades that no page had yet."""

    @dataclass
    class Ending(MarketInMemory):
        on_lost_callback: Callable[[], None] = lambda: None
        connections: int = 0

        def on_lost(self, callback: Callable[[], None]) -> None:
            self.on_lost_callback = callback

        async def watch(self) -> list[Trade] | None:
            self.connections += 1
            if self.connections > 1:
                await asyncio.Event().wait()
            self.on_lost_callback()
            return [trade(2)]

    market = Ending([trade(1)], can_watch=True, rules=TapeRules())
    following = feed(market, stored)
    line = following.lines[0]

    def until() -> bool:
        if market.connections > 1 and len(market.tape) == 1:
            market.tape.append(trade(2))
        return line.stored == 2 and line.tape.at_end

    run(following, until)
    assert line.state == "polling"


def test_what_cannot_be_sent_before_the_end_is_counted_and_nothing_after_it_is_sent() -> None:
    sent: list[int] = []

    def fails(prices: Sequence[OutgoingPrice]) -> list[str]:
        sent.append(len(prices))
        raise Failure(ExitCode.FAILED, "the function failed")

    following = feed(MarketInMemory([trade(n) for n in range(1, 301)]), fails)
    run(following, lambda: len(sent) > 2)
    assert len(following.unsent) == 300
    assert set(sent) == {200}
    assert following.sending == "the function failed"


def test_the_end_waits_half_a_minute_for_a_request_that_hangs() -> None:
    called, answered = threading.Event(), threading.Event()

    def hangs(prices: Sequence[OutgoingPrice]) -> list[str]:
        called.set()
        answered.wait(5)
        return stored(prices)

    following = feed(MarketInMemory([trade(n) for n in range(1, 301)]), hangs)
    run(following, called.is_set)
    answered.set()
    assert (len(following.unsent), following.lines[0].stored) == (300, 0)
    assert following.sending == "30 s were not enough."


def test_the_end_waits_half_a_minute_for_all_of_many_slow_requests() -> None:
    market, sent = MarketInMemory([trade(n) for n in range(1, 2001)]), list[int]()

    def takes_twelve_seconds(prices: Sequence[OutgoingPrice]) -> list[str]:
        sent.append(len(prices))
        end_s = market.clock.now_s() + 12
        while market.clock.now_s() < end_s:
            threading.Event().wait(0.001)
        return stored(prices)

    following = feed(market, takes_twelve_seconds)
    run(following, lambda: bool(sent))
    assert len(sent) < 6
    assert len(following.unsent) + following.lines[0].stored == 2000


def test_a_throttled_webhook_function_is_sent_the_same_prices_again_and_that_is_said_once() -> None:
    sent: list[list[str]] = []
    notices: list[str] = []

    def throttles(prices: Sequence[OutgoingPrice]) -> list[str]:
        sent.append([price.text for price in prices])
        if len(sent) < 4:
            raise AwsError(
                service="lambda", operation="Invoke", code="TooManyRequestsException", message="Wait."
            )
        return stored(prices)

    following = feed(MarketInMemory([trade(1), trade(2)]), throttles)
    following.notify = notices.append
    run(following, lambda: following.lines[0].stored == 2)
    assert sent == [sent[0]] * 4
    assert [notice.split(":")[0] for notice in notices] == [
        "Sending failed and is repeated",
        "Sending works again.",
    ]


def test_a_trade_that_is_stored_with_another_price_is_counted_as_such() -> None:
    following = feed(
        MarketInMemory([trade(1), trade(2), trade(3)]), lambda _: ["stored", "duplicate", DIFFERING]
    )
    line = following.lines[0]
    run(following, lambda: line.stored == 1)
    assert (line.duplicate, line.differing, line.refused) == (2, 1, 0)


def test_an_error_that_does_not_pass_ends_the_feed() -> None:
    denied = AwsError(service="lambda", operation="Invoke", code="AccessDeniedException", message="No.")

    def refuses(_: Sequence[OutgoingPrice]) -> list[str]:
        raise denied

    notices: list[str] = []
    following = feed(MarketInMemory([trade(1)]), refuses)
    following.notify = notices.append
    with pytest.raises(AwsError):
        run(following, lambda: False)
    assert (len(following.unsent), notices) == (1, [])  # nothing is said to be sent first


def test_an_error_that_does_not_pass_is_told_also_while_the_connections_are_closed() -> None:
    called, asked, closing = threading.Event(), threading.Event(), threading.Event()

    class Closing(MarketInMemory):
        async def page(self, fetch: Fetch) -> list[Trade]:
            if not called.is_set():
                return await super().page(fetch)
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                closing.set()
                await asyncio.sleep(0.1)
            return []

    def refuses(_: Sequence[OutgoingPrice]) -> list[str]:
        called.set()
        closing.wait(30)
        raise AwsError(service="lambda", operation="Invoke", code="AccessDeniedException", message="No.")

    # What is left to be sent at the end has 30 s of this clock: on a busy machine a few seconds are needed.
    following = feed(Closing([trade(1)], clock=FastClock(5)), refuses)
    with pytest.raises(AwsError):
        run(following, asked.is_set)
    assert len(following.unsent) == 1


def test_a_trade_that_is_no_price_is_named_and_the_others_are_sent() -> None:
    notices: list[str] = []
    following = feed(MarketInMemory([trade(1), trade(2, "0"), trade(3)]), stored)
    following.notify = notices.append
    run(following, lambda: following.lines[0].stored == 2)
    assert following.lines[0].refused == 1
    assert notices == ["here:A/B: trade 2 is not accepted: price: must be greater than 0"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AwsError(service="lambda", operation="Invoke", code="TooManyRequestsException", message=""), True),
        (AwsError(service="lambda", operation="Invoke", code="ResponseLost", message=""), True),
        (AwsError(service="lambda", operation="Invoke", code="ServiceException", message=""), True),
        (AwsError(service="lambda", operation="Invoke", code="ExpiredTokenException", message=""), False),
        (Failure(ExitCode.FAILED, "The function failed."), True),
        (Failure(ExitCode.CREDENTIALS, "No credentials."), False),
    ],
)
def test_which_errors_of_sending_pass(error: AwsError | Failure, expected: bool) -> None:
    assert is_transient(error) is expected
