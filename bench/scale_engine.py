"""The simulation behind docs/scale.md beside the embedded engine, where the engine can follow.

Prices of ten symbols are put at random moments into the table of a whole pipeline, which has one shard,
batches of ten and a window of a second. How long an invocation takes here is measured first, with batches of
one and of ten; the simulation is then given these durations and the same rates.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

from bench._limits import Durations, Settings, Workload
from bench.engine import FIRST_MS, Pipeline, stopped_afterwards, until
from bench.scale import Outcome, Simulation
from cryptoctl.local.engine import Engine

SYMBOLS, BATCH, WINDOW_S = 10, 10, 1.0
RATES = (2, 5, 10, 20, 40)
SECONDS = 30.0
ROUNDS = 15
SETTINGS = Settings(batch_size=BATCH, window_s=WINDOW_S, enricher_concurrency=1)


class _Table:
    """Puts prices past the webhook processor, and reads when each was enriched."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._client = pipeline.aws.client("dynamodb")
        self._numbers = count()

    def put(self, symbols: Sequence[int]) -> list[float]:
        """One new price of each; gives the seconds from put to enriched once all are enriched."""
        sent = {(symbol, self._put(symbol)): time.time() for symbol in symbols}
        return self.lags_s(sent)

    def send(self, rate: float, seconds: float, dice: random.Random) -> list[float]:
        """Prices of random symbols at random moments; the seconds from put to enriched of each."""
        sent: dict[tuple[int, int], float] = {}
        began = due = time.time()
        while (due := due + dice.expovariate(rate)) < began + seconds:
            time.sleep(max(0.0, due - time.time()))
            symbol = dice.randrange(SYMBOLS)
            sent[symbol, self._put(symbol)] = time.time()
        return self.lags_s(sent)

    def _put(self, symbol: int) -> int:
        number = next(self._numbers)
        item = self._pipeline.unenriched(f"S{symbol}", number)
        self._client.put_item(TableName=self._pipeline.stack.prices.name, Item=item)
        return number

    def lags_s(self, sent: dict[tuple[int, int], float]) -> list[float]:
        """When each was enriched, after it was put."""
        until(lambda: all(self._enriched_s(*key) for key in list(sent)[-SYMBOLS * 2 :]))
        return [(self._enriched_s(*key) or 0.0) - put_s for key, put_s in sent.items()]

    def _enriched_s(self, symbol: int, number: int) -> float | None:
        key = {"symbol": {"S": f"S{symbol}"}, "timestamp": {"N": str(FIRST_MS + number)}}
        item = self._client.get_item(TableName=self._pipeline.stack.prices.name, Key=key)["Item"]
        return datetime.fromisoformat(item["enriched_at"]["S"]).timestamp() if "enriched_at" in item else None


def main() -> None:
    """Measures, simulates, and prints both."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CRYPTOCTL_STATE_DIR"] = directory
        engine = Engine(Path(directory) / "engine")
        with stopped_afterwards(engine):
            engine.start(port=0)
            table = _Table(Pipeline(engine, batch_size=BATCH, window_s=int(WINDOW_S)))
            table.put([0])
            durations = _durations(table)
            for rate in RATES:
                measured = table.send(rate, SECONDS, random.Random(rate))
                _print(rate, measured, _simulated(rate, durations))


def _durations(table: _Table) -> Durations:
    """One price waits for the window, and is enriched then; ten fill a batch, and wait for nothing."""
    one_s = statistics.median(max(table.put([n % SYMBOLS])) for n in range(ROUNDS)) - WINDOW_S
    ten_s = statistics.median(table.put(range(SYMBOLS))[-1] for _ in range(ROUNDS))
    print(f"an invocation with 1 price {one_s * 1000:.0f} ms, with 10 of 10 symbols {ten_s * 1000:.0f} ms")
    of_symbol_s = max(0.0, (ten_s - one_s) / (SYMBOLS - 1))
    return Durations(
        put_s=0.0,
        webhook_s=0.0,
        enricher_s=one_s - of_symbol_s,
        query_s=of_symbol_s,
        update_s=0.0,
        publish_s=0.0,
        poll_s=0.0,
    )


def _simulated(rate: float, durations: Durations) -> Outcome:
    workload = Workload(prices_a_second=rate, symbols=SYMBOLS)
    # A long time, so that chance is in the measurement alone.
    return Simulation(workload, SETTINGS, durations, of_shards=1).run(SECONDS * 20)


def _print(rate: float, measured: Sequence[float], simulated: Outcome) -> None:
    ordered = sorted(measured)
    shown = [
        f"p{share:<3.0%}".replace("%", "")
        + f" {ordered[min(len(ordered) - 1, int(len(ordered) * share))]:5.2f} s"
        + f" (simulated {simulated.lag_s(share):5.2f} s)"
        for share in (0.1, 0.5, 0.9, 0.99)
    ]
    print(f"{rate:4.0f} prices/s, {len(ordered):5}: {', '.join(shown)}")
