"""An exchange's market and a webhook processor in memory, and a feed between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptoctl.feed.followed_symbol import FollowedSymbol, TradeSourceError
from cryptoctl.feed.following import Feed
from cryptoctl.feed.source import FeedSource
from cryptoctl.feed.tape import Tape
from cryptoctl.feed.trade import Fetch, TapeRules, Trade
from cryptoctl.files.outgoing import OutgoingPrice
from feed.harness import FastClock

BEGIN_MS = 1_700_000_000_000


def trade(number: int, price: str = "1.5") -> Trade:
    return Trade(id=str(number), timestamp_ms=BEGIN_MS + number, price=price, volume="2")


@dataclass
class MarketInMemory:
    """Answers pages from `tape`, or with the next of `troubles`; its websocket says what is in `live`."""

    tape: list[Trade]
    troubles: Iterator[TradeSourceError | None] = field(default_factory=lambda: iter(()))
    watch_trouble: TradeSourceError | None = None
    can_watch: bool = False
    source: FeedSource = FeedSource(exchange="here", symbol="A/B")  # noqa: RUF009 - frozen
    rules: TapeRules = TapeRules(consecutive=True, from_id=True, reaches_back=True)  # noqa: RUF009 - frozen
    restarts: int = 0
    asked_s: list[float] = field(default_factory=list)
    clock: FastClock = field(default_factory=lambda: FastClock(100))

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Its websocket is never lost."""

    async def page(self, fetch: Fetch) -> list[Trade]:
        self.asked_s.append(self.clock.now_s())
        if (trouble := next(self.troubles, None)) is not None:
            raise trouble
        return [trade for trade in self.tape if int(trade.id) >= (fetch.from_id or 0)]

    async def watch(self) -> list[Trade] | None:
        if self.watch_trouble is not None:
            raise self.watch_trouble
        await asyncio.Event().wait()
        return None

    def restart(self) -> None:
        self.restarts += 1


def stored(prices: Sequence[OutgoingPrice]) -> list[str]:
    return ["stored"] * len(prices)


def feed(market: MarketInMemory, send: Callable[[Sequence[OutgoingPrice]], Sequence[str]]) -> Feed:
    stop = asyncio.Event()
    line = FollowedSymbol(
        market,
        Tape(market.rules, since_ms=BEGIN_MS),
        clock=market.clock,
        stop=stop,
        now_ms=lambda: BEGIN_MS + 60_000,
        resume_at_s={},
    )
    return Feed(lines=[line], send=send, clock=market.clock, stop=stop, now_ms=lambda: BEGIN_MS + 60_000)


def run(following: Feed, until: Callable[[], bool]) -> None:
    async def ran() -> None:
        running = asyncio.ensure_future(following.run())
        async with asyncio.timeout(20):
            while not running.done() and not until():
                await asyncio.wait([running], timeout=0.01)
        following.stop.set()
        await running

    asyncio.run(ran())
