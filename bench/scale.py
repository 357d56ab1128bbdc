"""From 1 to 1,000,000 prices a second: which of AWS's limits comes first, and how late prices are enriched.

The limits are compared on paper (`bench/_limits.py`); the lag comes from a discrete-event simulation of the
webhook processor, the table's partitions, the stream's shards and the enricher. Nothing is sent anywhere.
`docs/scale.md` shows the results; `python -m bench scale --svg docs/scale-lag.svg` draws the lag.
"""

from __future__ import annotations

import heapq
import math
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from bench._limits import (
    REQUESTS_A_SECOND_FOR_EACH_CONCURRENCY,
    Durations,
    Settings,
    Use,
    Workload,
    shards,
    uses,
)
from cryptoctl.ops.cost.traffic import PARTITION_WRITE_UNITS_A_SECOND, WRITES_A_PRICE

COLORS = ("#0b62a4", "#b8520a", "#3f7d20")
RATES = (1, 3, 10, 30, 100, 300, 1_000, 3_000)
SIMULATED_S = 60.0
THROTTLED_AGAIN_S = 1.0
# Where more is refused, the lag of what is left says nothing.
MAX_REFUSED = 0.01
ROOMY = Settings(webhook_concurrency=200, enricher_concurrency=100, batch_size=100, window_s=1.0)
CHOICES = {
    "as set at first": Settings(),
    "batches of 100, window 1 s, more concurrency": ROOMY,
    "the same, 10 batches of a shard at once": replace(ROOMY, parallelization=10),
}


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Up to a rate these settings do, for each of these workloads (its own rate does not matter)."""

    prices_a_second: float
    settings: Settings
    workloads: Sequence[Workload]


def _workloads(symbols: Sequence[int], *sizes: int) -> list[Workload]:
    """Each number of symbols with each number of prices in a request."""
    return [
        Workload(prices_a_second=1, symbols=number, prices_a_request=size)
        for number in symbols
        for size in sizes
    ]


LARGER = replace(ROOMY, webhook_concurrency=100)
IN_PARALLEL = replace(LARGER, parallelization=10)
# The rows of "What to set" in docs/scale.md; a test holds them to the limits.
ADVICE = (
    Advice(prices_a_second=100, settings=Settings(), workloads=_workloads((1, 10, 1_000), 1, 10, 100)),
    Advice(prices_a_second=450, settings=LARGER, workloads=_workloads((2, 10, 1_000), 1, 10, 100)),
    Advice(prices_a_second=1_000, settings=LARGER, workloads=_workloads((3, 10, 1_000), 10, 100)),
    Advice(prices_a_second=1_000, settings=IN_PARALLEL, workloads=_workloads((3, 10, 1_000), 1, 10, 100)),
    Advice(prices_a_second=5_000, settings=IN_PARALLEL, workloads=_workloads((10, 100, 1_000), 10, 100)),
    Advice(
        prices_a_second=5_000,
        settings=replace(IN_PARALLEL, webhook_concurrency=500),
        workloads=_workloads((10, 100, 1_000), 1, 10, 100),
    ),
    Advice(
        prices_a_second=20_000,
        settings=replace(IN_PARALLEL, webhook_concurrency=200),
        workloads=_workloads((100, 1_000, 10_000), 20, 100),
    ),
)


@dataclass(kw_only=True)
class Bucket:
    """What is allowed a second; what was not used is saved for one second."""

    a_second: float
    available: float = field(init=False)
    since_s: float = 0.0

    def __post_init__(self) -> None:
        self.available = self.a_second

    def take(self, amount: float, now_s: float) -> bool:
        """Takes so much, if so much is left."""
        self.available = min(self.a_second, self.available + (now_s - self.since_s) * self.a_second)
        self.since_s = now_s
        if self.available < amount:
            return False
        self.available -= amount
        return True


@dataclass(kw_only=True)
class Lane:
    """Prices of a shard that are handed over one batch after the other: when each was stored, its symbol."""

    waiting: deque[tuple[float, int]] = field(default_factory=deque)
    busy: bool = False
    looks_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the prices: counts, and the seconds from stored to enriched."""

    sent: int
    refused: int
    stored: int
    lags_s: Sequence[float]

    @property
    def behind(self) -> int:
        """Stored and not enriched when the time was over."""
        return self.stored - len(self.lags_s)

    def lag_s(self, share: float) -> float:
        """The lag that this share of the prices does not exceed."""
        ordered = sorted(self.lags_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


class Simulation:
    """One workload under one choice of settings; on as many shards as DynamoDB has, if none are given."""

    def __init__(
        self,
        workload: Workload,
        settings: Settings,
        durations: Durations,
        seed: int = 1,
        of_shards: int | None = None,
    ) -> None:
        self._workload, self._settings, self._durations = workload, settings, durations
        self._dice = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()
        self._lanes = [Lane() for _ in range((of_shards or shards(workload)) * settings.parallelization)]
        self._partitions = [Bucket(a_second=PARTITION_WRITE_UNITS_A_SECOND) for _ in range(workload.symbols)]
        self._requests = Bucket(
            a_second=settings.webhook_concurrency * REQUESTS_A_SECOND_FOR_EACH_CONCURRENCY
        )
        self._batches = Bucket(
            a_second=settings.enricher_concurrency * REQUESTS_A_SECOND_FOR_EACH_CONCURRENCY
        )
        self._webhooks = self._enrichers = self._sent = self._refused = self._stored = 0
        self._lags_s: list[float] = []

    def run(self, seconds: float) -> Outcome:
        """So many seconds of it, the arrivals at random."""
        self._schedule(self._next_request_s(), self._arrives)
        while self._events and self._events[0][0] <= seconds:
            now_s, _, event = heapq.heappop(self._events)
            event(now_s)
        return Outcome(sent=self._sent, refused=self._refused, stored=self._stored, lags_s=self._lags_s)

    def _schedule(self, time_s: float, event: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (time_s, next(self._numbers), event))

    def _next_request_s(self) -> float:
        return self._dice.expovariate(self._workload.prices_a_second / self._workload.prices_a_request)

    def _arrives(self, now_s: float) -> None:
        self._schedule(now_s + self._next_request_s(), self._arrives)
        size, symbol = self._workload.prices_a_request, self._dice.randrange(self._workload.symbols)
        self._sent += size
        if (
            self._webhooks >= self._settings.webhook_concurrency
            or not self._requests.take(1, now_s)
            or not self._partitions[symbol].take(size * WRITES_A_PRICE, now_s)
        ):
            self._refused += size
            return
        self._webhooks += 1
        stored_s = now_s + self._durations.request_s(size)
        self._schedule(stored_s, lambda then_s: self._is_stored(symbol, size, then_s))

    def _is_stored(self, symbol: int, size: int, now_s: float) -> None:
        self._webhooks -= 1
        self._stored += size
        parallel = self._settings.parallelization
        for _ in range(size):
            # Of one shard, records are spread over its batches by the item's key.
            shard = symbol % (len(self._lanes) // parallel)
            lane = self._lanes[shard * parallel + self._dice.randrange(parallel)]
            lane.waiting.append((now_s, symbol))
            self._look(lane, now_s + self._dice.uniform(0, self._durations.poll_s))

    def _look(self, lane: Lane, time_s: float) -> None:
        if not lane.busy and (lane.looks_at is None or time_s < lane.looks_at):
            lane.looks_at = time_s
            self._schedule(time_s, lambda now_s: self._looked(lane, now_s))

    def _looked(self, lane: Lane, now_s: float) -> None:
        if lane.looks_at != now_s or lane.busy or not lane.waiting:
            return
        lane.looks_at = None
        full = len(lane.waiting) >= self._settings.batch_size
        closes_s = lane.waiting[0][0] + self._settings.window_s
        if not full and now_s < closes_s:
            self._look(lane, closes_s)
        elif self._enrichers >= self._settings.enricher_concurrency or not self._batches.take(1, now_s):
            self._look(lane, now_s + self._dice.uniform(0, THROTTLED_AGAIN_S))
        else:
            self._enrich(lane, now_s)

    def _enrich(self, lane: Lane, now_s: float) -> None:
        batch = [lane.waiting.popleft() for _ in range(min(len(lane.waiting), self._settings.batch_size))]
        lane.busy = True
        self._enrichers += 1

        def done(then_s: float) -> None:
            lane.busy = False
            self._enrichers -= 1
            self._lags_s.extend(then_s - stored_s for stored_s, _ in batch)
            if lane.waiting:
                self._look(lane, then_s)

        symbols = len({symbol for _, symbol in batch})
        self._schedule(now_s + self._durations.batch_s(len(batch), symbols), done)


def first_limit(workload: Workload, settings: Settings, durations: Durations) -> Use:
    """The limit of which the largest share is used."""
    return max(uses(workload, settings, durations), key=lambda use: use.share)


def highest_rate(workload: Workload, settings: Settings, durations: Durations) -> float:
    """The prices a second at which the first limit is reached, by bisection."""
    low, high = 0.01, 1e8
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        use = first_limit(replace(workload, prices_a_second=middle), settings, durations)
        low, high = (middle, high) if use.share <= 1 else (low, middle)
    return low


def _table(symbols: int, prices_a_request: int) -> None:
    print(f"\n{symbols} symbols, {prices_a_request} prices a request")
    durations = Durations()
    for name, settings in CHOICES.items():
        workload = Workload(prices_a_second=1, symbols=symbols, prices_a_request=prices_a_request)
        most = highest_rate(workload, settings, durations)
        first = first_limit(replace(workload, prices_a_second=most), settings, durations)
        print(f"  {name}: up to {most:,.0f} prices/s; then {first.limit} ({first.remedy})")


def _lags(settings: Settings) -> Iterator[tuple[float, Outcome]]:
    for rate in RATES:
        workload = Workload(prices_a_second=rate)
        yield rate, Simulation(workload, settings, Durations()).run(SIMULATED_S)


def main() -> None:
    """Prints the limits and the lags; with `--svg FILE` draws the lags too."""
    for symbols, size in ((10, 1), (10, 100), (1_000, 1), (1_000, 100)):
        _table(symbols, size)
    print("\nlag from stored to enriched, 10 symbols, one price a request")
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, settings in CHOICES.items():
        print(f"  {name}")
        for rate, run in _lags(settings):
            print(
                f"    {rate:6,.0f} prices/s: p50 {run.lag_s(0.5):6.2f} s, p99 {run.lag_s(0.99):6.2f} s, "
                f"{run.refused / max(1, run.sent):6.1%} refused, {run.behind} behind after a minute"
            )
            if run.refused < run.sent * MAX_REFUSED:
                curves.setdefault(name, []).append((rate, run.lag_s(0.99)))
    if "--svg" in sys.argv:
        Path(sys.argv[sys.argv.index("--svg") + 1]).write_text(drawn(curves), encoding="utf-8")


def drawn(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """An SVG of the curves, both axes logarithmic: prices a second, and seconds."""
    width, height, left, top = 640, 320, 60, 20
    x_range, y_range = (0.0, 4.0), (-1.0, 2.0)

    def place(rate: float, lag_s: float) -> str:
        across = (math.log10(rate) - x_range[0]) / (x_range[1] - x_range[0])
        up = (min(max(math.log10(lag_s), y_range[0]), y_range[1]) - y_range[0]) / (y_range[1] - y_range[0])
        return f"{left + across * width:.0f},{top + (1 - up) * height:.0f}"

    box = f"0 0 {left + width + 20} {top + height + 110}"
    frame = f'x="{left}" y="{top}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<rect {frame} fill="none" stroke="#999"/>',
    ]
    for power in range(5):
        x, y = place(10**power, 0.1).split(",")
        parts.append(f'<text x="{x}" y="{int(y) + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(-1, 3):
        x, y = place(1, 10.0**power).split(",")
        parts.append(f'<text x="{int(x) - 8}" y="{int(y) + 4}" text-anchor="end">{10.0**power:g}</text>')
    for number, (name, points) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        line = " ".join(place(*point) for point in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        below = top + height + 50 + number * 18
        parts.append(f'<text x="{left}" y="{below}" fill="{color}">{name}</text>')
    parts.append(f'<text x="{left + width}" y="{top + height + 36}" text-anchor="end">prices a second</text>')
    parts.append(f'<text x="{left + 8}" y="{top + 16}">seconds from stored to enriched, p99</text></svg>\n')
    return "\n".join(parts)
