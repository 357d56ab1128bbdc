"""One symbol at one exchange being followed: its tape, and the two tasks that feed it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from cryptoctl.feed.resuming import StartPoint
from cryptoctl.feed.source import FeedSource
from cryptoctl.feed.tape import MAX_POLL_S, QUIET_S, Tape
from cryptoctl.feed.trade import Fetch, TapeRules, Trade
from cryptoctl.ops.times import duration_text, iso_of_ms
from cryptoctl.reconcile.async_retry import AsyncClock, doubling

POLL_EVERY_S = 0.1
FIRST_PAUSE_S, MAX_PAUSE_S = 1.0, 60.0
RATE_OVER_S = 10.0


class TradeSourceError(Exception):
    """An exchange did not answer, or not with what was asked; it may next time.

    `pause_s` is what the exchange asked to wait; `lasting` says that asking again is of no use.
    """

    def __init__(self, message: str, *, pause_s: float = 0.0, lasting: bool = False) -> None:
        super().__init__(message)
        self.message, self.pause_s, self.lasting = message, pause_s, lasting


class TradeSource(Protocol):
    """A symbol at an exchange, as the network brings it."""

    source: FeedSource

    @property
    def rules(self) -> TapeRules:
        """What its trades keep to."""

    @property
    def can_watch(self) -> bool:
        """Whether it can be followed through a websocket."""

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Has `callback` called whenever a connection ends that the symbol's trades may have come through."""

    async def page(self, fetch: Fetch) -> list[Trade]:
        """Trades through REST. Raises TradeSourceError."""

    async def watch(self) -> list[Trade] | None:
        """The next trades of the websocket; None where some may be lost. Raises TradeSourceError."""

    def restart(self) -> None:
        """Ends the websocket: the next `watch` opens another."""


class FollowedSymbol:
    """The state of one symbol, for whoever shows it, and the tasks that keep it."""

    def __init__(
        self,
        market: TradeSource,
        tape: Tape,
        *,
        clock: AsyncClock,
        stop: asyncio.Event,
        now_ms: Callable[[], int],
        resume_at_s: dict[str, float],
    ) -> None:
        self.market, self.tape = market, tape
        self._clock, self._stop, self._now_ms = clock, stop, now_ms
        self._resume_at_s = resume_at_s
        self.fetching = self.watching = ""
        """what REST and the websocket failed with last; empty while they work"""
        self.ended = ""
        """why it is not followed any more, while others are"""
        self.stored = self.duplicate = self.differing = self.refused = 0
        """what became of the prices; the differing ones are among the duplicates"""
        self.last_sent: Trade | None = None
        self.lag_ms: int | None = None
        """how old the last price was when it was stored, by this machine's clock"""
        self._sent: deque[tuple[float, int]] = deque()
        self._losses = 0

    @property
    def source(self) -> FeedSource:
        """What is followed."""
        return self.market.source

    @property
    def rate_per_s(self) -> float:
        """Prices sent per second, over the last ten seconds."""
        self._drop_old_counts()
        return sum(count for _, count in self._sent) / RATE_OVER_S

    @property
    def state(self) -> str:
        """Following the websocket, polling REST at the tape's end, filling what is before it, or ended."""
        if self.ended:
            return "ended"
        if self.tape.joined:
            return "following"
        return "polling" if self.tape.at_end else "filling"

    @property
    def trouble(self) -> str:
        """What does not work just now; empty where all does."""
        return self.ended or self.fetching or self.watching

    def note_sent(self, trades: list[Trade]) -> None:
        """These were acknowledged."""
        self.last_sent = trades[-1]
        self.lag_ms = max(0, self._now_ms() - trades[-1].timestamp_ms)
        self._sent.append((self._clock.now_s(), len(trades)))
        self._drop_old_counts()

    def _drop_old_counts(self) -> None:
        while self._sent and self._sent[0][0] < self._clock.now_s() - RATE_OVER_S:
            self._sent.popleft()

    async def fill(self) -> None:
        """Asks for pages as long as the tape wants any. Raises TradeSourceError where that is of no use."""
        pauses = doubling(FIRST_PAUSE_S, MAX_PAUSE_S)
        while not self._stop.is_set():
            # What an exchange asks one of its symbols to wait, it asks all of them.
            banned_s = self._resume_at_s.get(self.source.exchange, 0.0) - self._clock.now_s()
            fetch = None if banned_s > 0 else self.tape.next_fetch(self._clock.now_s())
            if fetch is None:
                await self._clock.sleep(max(POLL_EVERY_S, banned_s), self._stop)
                continue
            try:
                trades = await self.market.page(fetch)
            except TradeSourceError as error:
                self.fetching = self._error_text(error)
                await self._wait_out(error, pauses)
                continue
            self.fetching, pauses = "", doubling(FIRST_PAUSE_S, MAX_PAUSE_S)
            self.tape.receive_page(fetch, trades, self._clock.now_s())

    async def watch(self) -> None:
        """Follows the websocket, connecting anew. Raises TradeSourceError where that is of no use."""
        if not self.market.can_watch:
            return
        self.market.on_lost(self._on_lost)
        pauses, connected_s = doubling(FIRST_PAUSE_S, MAX_PAUSE_S), self._clock.now_s()
        while not self._stop.is_set() and not self.tape.sources_differ:
            losses = self._losses
            try:
                trades = await self._next_trades()
            except TradeSourceError as error:
                self.tape.note_loss()
                self.watching = self._error_text(error)
                # One that tells trades and fails each time soon after is a failing one still.
                if self._clock.now_s() - connected_s >= QUIET_S:
                    pauses = doubling(FIRST_PAUSE_S, MAX_PAUSE_S)
                await self._wait_out(error, pauses)
                connected_s = self._clock.now_s()
                continue
            self.watching = ""
            # The last words of a connection that has ended meanwhile would join the next before it is there.
            if trades is None or losses != self._losses:
                self.tape.note_loss()
            else:
                self.tape.receive(trades, self._clock.now_s())
        if self.tape.sources_differ:
            self.watching = "the websocket tells trades otherwise than the pages, so these alone are followed"

    def _on_lost(self) -> None:
        self._losses += 1
        self.tape.note_loss()

    async def _next_trades(self) -> list[Trade] | None:
        """The websocket's next trades. One that is silent while REST has new ones is restarted."""
        future, over = asyncio.ensure_future(self.market.watch()), asyncio.Event()
        future.add_done_callback(lambda _: over.set())
        try:
            while True:
                at_end, last = self.tape.at_end, self.tape.last
                if await self._clock.sleep(QUIET_S + 2 * MAX_POLL_S, over):
                    return await future
                self.watching = ""  # no trade, but no failure either
                if at_end and self.tape.last is not last:
                    self.market.restart()
        finally:
            future.cancel()

    def _error_text(self, error: TradeSourceError) -> str:
        if error.pause_s <= MAX_PAUSE_S:  # no longer than without being asked: not told anew each time
            return error.message
        pause_ms = round(error.pause_s * 1000)
        until = iso_of_ms(self._now_ms() + pause_ms)
        asks = f"{self.source.exchange} asks to wait {duration_text(pause_ms)}, until {until}"
        return f"{error.message}; {asks}"

    async def _wait_out(self, error: TradeSourceError, pauses: Iterator[float]) -> None:
        if error.lasting:
            raise error
        exchange, resume_at_s = self.source.exchange, self._clock.now_s() + error.pause_s
        self._resume_at_s[exchange] = max(self._resume_at_s.get(exchange, 0.0), resume_at_s)
        await self._clock.sleep(max(error.pause_s, next(pauses)), self._stop)


def followed_symbols(
    markets: Sequence[TradeSource],
    start_points: Mapping[FeedSource, StartPoint],
    *,
    clock: AsyncClock,
    stop: asyncio.Event,
    now_ms: Callable[[], int],
) -> list[FollowedSymbol]:
    """One for each of the markets. What an exchange asks one of its symbols to wait, all of them wait."""
    resume_at_s: dict[str, float] = {}

    def follow(market: TradeSource) -> FollowedSymbol:
        start = start_points[market.source]
        tape = Tape(market.rules, since_ms=start.since_ms, stored_ids=start.stored_ids)
        return FollowedSymbol(market, tape, clock=clock, stop=stop, now_ms=now_ms, resume_at_s=resume_at_s)

    return [follow(market) for market in markets]
