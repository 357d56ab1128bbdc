"""How fast a feed takes in an exchange's tape, and how late: Binance's and Kraken's forms on loopback.

The webhook processor is a table in memory that answers at once, so these are the feed's own figures. Filling
is what REST gives of the past, following is what the websocket tells, 100 trades a second on an idle machine.
The exchange is in a process of its own; the CPU's time is the feed's.
"""

from __future__ import annotations

import math
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.connection import Connection

import pytest

from cryptoctl.files.outgoing import OutgoingPrice
from feed.ccxt_at import point
from feed.exchange_server import ExchangeServer, WireTrade
from feed.harness import MemoryTable, Run

PAST = 20_000
LIVE_S = 20.0
LIVE_PER_S = 100
CONNECTED_WITHIN_S = 3.0
MARKETS = {"binance": ("ETHUSDT", "ETH/USDT"), "kraken": ("XETHZUSD", "ETH/USD")}


@dataclass
class TimedTable(MemoryTable):
    """Notes how old each price is when it is sent, in seconds."""

    ages_s: list[float] = field(default_factory=list)

    def send(self, prices: Sequence[OutgoingPrice]) -> list[str]:
        """As `send_batch`."""
        now_ms = time.time() * 1000
        self.ages_s += [(now_ms - price.price.timestamp_ms) / 1000 for price in prices]
        return super().send(prices)


def trade(number: int, at_s: float) -> WireTrade:
    """A trade of that moment."""
    price = Decimal(166_000 + number % 997) / 100
    return WireTrade(number=number, at=f"{at_s:.6f}", price=str(price), volume=f"0.{1 + number % 97:03}")


def exchange(pair: str, pipe: Connection) -> None:
    """The exchange's process: has a past at once, and a present from the word `go` on."""
    begun_s = time.time() - PAST / LIVE_PER_S
    with ExchangeServer({pair: [trade(n, begun_s + n / LIVE_PER_S) for n in range(1, PAST + 1)]}) as server:
        pipe.send((server.port, begun_s))
        pipe.recv()
        number, end_s = PAST, time.monotonic() + LIVE_S
        while (now_s := time.monotonic()) < end_s:
            for _ in range(LIVE_PER_S // 20):
                number += 1
                server.happen(pair, [trade(number, time.time())])
            time.sleep(max(0.0, now_s + 0.05 - time.monotonic()))
        pipe.send(number)
        pipe.recv()


def cpu_s() -> float:
    """Of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured(run: Run, done: Callable[[], bool], count: int) -> str:
    """Runs the feed; how many prices a second, and what of a core."""
    begun_s, cpu = time.monotonic(), cpu_s()
    run.until(lambda _: done())
    elapsed_s, cpu = time.monotonic() - begun_s, cpu_s() - cpu
    return f"{count / elapsed_s:>8,.0f} a second {1000 * cpu / count:>7.2f} ms of CPU each"


def main() -> None:
    """Prints the measurements."""
    for name, (pair, symbol) in MARKETS.items():
        parent, child = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=exchange, args=(pair, child))
        process.start()
        port, begun_s = parent.recv()
        with pytest.MonkeyPatch.context() as patch:
            point(port, patch.setattr)
            _measure(name, symbol, parent, begun_s)
        parent.send("end")
        process.join()


def _measure(name: str, symbol: str, connection: Connection, begun_s: float) -> None:
    table = TimedTable()

    def feed(first: int) -> Run:
        ids = [str(number) for number in range(first, PAST + 1)] if first else []
        since_ms = int((begun_s + first / LIVE_PER_S) * 1000)
        return Run([name, symbol], table=table, since_ms=since_ms, known=ids, times=1.0, within_s=600)

    measurement = measured(feed(0), lambda: len(table.items) >= PAST, PAST)
    print(f"{name}, filling:   {measurement}", flush=True)

    go_s, last = time.monotonic() + CONNECTED_WITHIN_S, list[int]()

    def done() -> bool:
        nonlocal go_s
        if time.monotonic() > go_s:
            connection.send("go")
            table.ages_s.clear()
            go_s = math.inf
        if connection.poll():
            last.append(connection.recv())
        return bool(last) and len(table.items) >= last[0]

    measurement = measured(feed(PAST - 400), done, int(LIVE_S * LIVE_PER_S))
    late = statistics.quantiles(table.ages_s, n=100)
    print(
        f"{name}, following: {measurement}; sent p50 {late[49]:.3f} s, p99 {late[98]:.3f} s after the trade",
        flush=True,
    )


if __name__ == "__main__":
    main()
