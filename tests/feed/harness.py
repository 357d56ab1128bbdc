"""A feed against the loopback exchanges, into a table in memory, on a clock that runs faster."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptoctl.feed.exchanges import Exchanges
from cryptoctl.feed.followed_symbol import FollowedSymbol, followed_symbols
from cryptoctl.feed.following import Feed
from cryptoctl.feed.resuming import StartPoint
from cryptoctl.feed.source import parse_sources
from cryptoctl.files.outgoing import OutgoingPrice
from feed.exchange_server import WireTrade

DATA = Path(__file__).parents[1] / "data" / "eth_usdt_trades.csv"


def real_trades(count: int) -> list[WireTrade]:
    """The first of a real tape."""
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        WireTrade(
            number=int(row["id"]),
            at=f"{row['timestamp'][:-3]}.{row['timestamp'][-3:]}",
            price=row["price"],
            volume=row["volume"],
        )
        for row in rows[:count]
    ]


class FastClock:
    """The machine's clock, `times` as fast."""

    def __init__(self, times: float) -> None:
        self._times = times

    def now_s(self) -> float:
        return time.monotonic() * self._times

    async def sleep(self, seconds: float, until: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(seconds / self._times):
                await until.wait()
        except TimeoutError:
            pass
        return until.is_set()


@dataclass
class MemoryTable:
    """What the webhook processor would store: the text of each price by its key. `fails` is asked first."""

    items: dict[tuple[str, str, str], str] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)
    fails: Callable[[], None] = lambda: None

    def send(self, prices: Sequence[OutgoingPrice]) -> list[str]:
        """As `send_batch`."""
        self.requests.append(len(prices))
        results = []
        for number, price in enumerate(prices):
            if number == len(prices) // 2:
                self.fails()  # in the middle: a part is stored
            key = (price.price.symbol, price.price.exchange, price.price.sort_key())
            results.append("duplicate" if key in self.items else "stored")
            self.items.setdefault(key, price.text)
        return results

    def texts(self, exchange: str, symbol: str) -> list[str]:
        """The texts of a symbol, in the order of their keys."""
        items = self.items.copy()  # another thread may store meanwhile
        entries = [(key, text) for key, text in items.items() if key[:2] == (symbol, exchange)]
        return [text for _, text in sorted(entries, key=lambda entry: _place(entry[0][2]))]


def _place(sort_key: str) -> tuple[int, str]:
    digits, _, fraction = sort_key.partition(".")
    return int(digits), fraction


def text(trade: WireTrade, exchange: str, symbol: str) -> str:
    """What is sent of a trade."""
    from decimal import Decimal

    from cryptoctl.core.numbers import plain

    return (
        f'{{"symbol": "{symbol}", "price": {plain(Decimal(trade.price))}, "exchange": "{exchange}", '
        f'"volume": {plain(Decimal(trade.volume))}, "timestamp": {trade.ms}, "id": "{trade.number}"}}'
    )


def texts(tape: Sequence[WireTrade], exchange: str, symbol: str) -> list[str]:
    """The same of a whole tape."""
    return [text(trade, exchange, symbol) for trade in tape]


class Told(dict[str, str]):
    """Why exchanges are not followed; each reason that is set is noted."""

    def __init__(self, reasons: Mapping[str, str], notices: list[str]) -> None:
        super().__init__(reasons)
        self.notices = notices

    def __setitem__(self, name: str, reason: str) -> None:
        super().__setitem__(name, reason)
        self.notices.append(f"{name}: {reason}")


@dataclass
class Run:
    """One run of a feed. `since_ms` for all of its symbols."""

    words: Sequence[str]
    table: MemoryTable = field(default_factory=MemoryTable)
    since_ms: int | None = None
    known: Sequence[str] = ()
    times: float = 20.0
    within_s: float = 60.0
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    notices: list[str] = field(default_factory=list)
    feed: Feed | None = None

    @property
    def line(self) -> FollowedSymbol:
        """The only symbol's, or the first's."""
        assert self.feed is not None
        return self.feed.lines[0]

    def until(self, meanwhile: Callable[[Run], bool]) -> Feed:
        """Runs until `meanwhile` says so; it is asked often, in a thread of its own."""
        return asyncio.run(self._until(meanwhile))

    async def _until(self, meanwhile: Callable[[Run], bool]) -> Feed:
        stop, clock, begun_s = asyncio.Event(), FastClock(self.times), time.monotonic()
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with Exchanges(parse_sources(self.words), clock=clock, notify=self.notices.append) as exchanges:
            exchanges.not_followed = Told(exchanges.not_followed, self.notices)
            begin = StartPoint(since_ms=self.since_ms, stored_ids=self.known)
            begins = dict.fromkeys(parse_sources(self.words), begin)

            async def opened(name: str) -> Sequence[FollowedSymbol]:
                markets = await exchanges.markets(name)
                return followed_symbols(markets, begins, clock=clock, stop=stop, now_ms=self.now_ms)

            self.feed = Feed(
                lines=[],
                opening=[opened(name) for name in exchanges.not_followed],
                send=self.table.send,
                clock=clock,
                stop=stop,
                now_ms=self.now_ms,
                notify=self.notices.append,
            )
            running = asyncio.ensure_future(self.feed.run())
            while not running.done():
                begun = bool(self.feed.lines)
                if begun and await asyncio.to_thread(meanwhile, self):
                    break
                assert time.monotonic() - begun_s < self.within_s, [line.trouble for line in self.feed.lines]
                await asyncio.wait([running], timeout=0.02)
            stop.set()
            await running
        return self.feed
