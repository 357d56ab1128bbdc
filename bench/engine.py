"""The embedded engine in figures: start, idleness, memory, latency, throughput, and what volume does to them.

Everything is measured on an engine of its own, in a temporary directory; nothing is asserted.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.local.engine import Engine
from cryptoctl.reconcile.execute import Executor, StepResult
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal, Step
from cryptoctl.reconcile.retry import Wait
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, StreamSettings, Target

FIRST_MS = 1_700_000_000_000
VOLUMES = (0, 10_000, 100_000)


class _Silent:
    def started(self, step: Step) -> None:
        """Nothing to show."""

    def waiting(self, step: Step, wait: Wait) -> None:
        """Nothing to show."""

    def ended(self, result: StepResult) -> None:
        """Nothing to show."""

    def stopping(self) -> None:
        """Nothing to show."""


class Pipeline:
    """The whole stack on an engine; batches are handed over at once, if nothing else is asked for."""

    def __init__(self, engine: Engine, *, batch_size: int = 100, window_s: int = 0) -> None:
        made_up = engine.credentials("bench")
        url = engine.status().url
        assert url is not None
        credentials = AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key)
        self.aws = Aws(region="us-east-1", endpoint_url=url, credentials=credentials)
        session = Session(SessionOptions(environment="bench", target=Target.LOCAL))
        session.aws = self.aws
        session.config = EnvironmentSettings(stream=StreamSettings(batch_size=batch_size, window_s=window_s))
        self.stack = session.stack
        plan = make_plan(list(self.stack), self.aws, Goal.PRESENT)
        Executor(aws=self.aws, listener=_Silent()).run(plan)

    def send(self, first: int, count: int, symbol: str) -> None:
        """Sends prices through the webhook processor, in one invocation."""
        prices = [
            {"symbol": symbol, "price": 50_000 + n % 97, "exchange": "x", "timestamp": FIRST_MS + n, "id": n}
            for n in range(first, first + count)
        ]
        payload = json.dumps({"body": json.dumps({"prices": prices})}).encode()
        response = self.aws.call("lambda", "Invoke", FunctionName=self.stack.webhook.name, Payload=payload)
        content = json.loads(response["Payload"].read())
        assert content["statusCode"] == 200, content

    def newest(self, symbol: str, count: int) -> list[dict[str, Any]]:
        """The newest prices of a symbol."""
        items: list[dict[str, Any]] = self.aws.call(
            "dynamodb",
            "Query",
            TableName=self.stack.prices.name,
            KeyConditionExpression="symbol = :s",
            ExpressionAttributeValues={":s": {"S": symbol}},
            ScanIndexForward=False,
            Limit=count,
        )["Items"]
        return items

    def is_enriched(self, symbol: str) -> bool:
        """Whether the newest price of a symbol is enriched."""
        items = self.newest(symbol, 1)
        return bool(items) and items[0]["processed"] == {"BOOL": True}

    def fill(self, first: int, last: int) -> None:
        """Writes stored prices of one symbol past the functions, as if enriched long ago."""
        client = self.aws.client("dynamodb")
        for start in range(first, last, 25):
            items = [self._stored(n) for n in range(start, min(start + 25, last))]
            puts = [{"PutRequest": {"Item": item}} for item in items]
            client.batch_write_item(RequestItems={self.stack.prices.name: puts})

    def unenriched(self, symbol: str, number: int) -> dict[str, Any]:
        """A stored price as the webhook processor leaves it."""
        item = {**self._stored(number), "symbol": {"S": symbol}, "processed": {"BOOL": False}}
        return {name: value for name, value in item.items() if name not in ("ma_5", "ma_20")}

    def _stored(self, number: int) -> dict[str, Any]:
        return {
            "symbol": {"S": "FULL"},
            "timestamp": {"N": str(FIRST_MS + number)},
            "price": {"N": str(50_000 + number % 97)},
            "exchange": {"S": "coinbase"},
            "volume": {"N": "1"},
            "raw_data": {"S": json.dumps({"symbol": "FULL", "price": 50_000 + number % 97})},
            "processed": {"BOOL": True},
            "created_at": {"S": "2026-01-01T00:00:00+00:00"},
            "ma_5": {"N": "50000.2"},
            "ma_20": {"N": "50000.05"},
        }


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CRYPTOCTL_STATE_DIR"] = directory
        engine = Engine(Path(directory) / "engine")
        with stopped_afterwards(engine):
            _start(engine)
            pipeline = Pipeline(engine)
            _idle(engine)
            _latency(pipeline, 100)
            _throughput(pipeline, 2_000)
            _volumes(engine, pipeline)


@contextmanager
def stopped_afterwards(engine: Engine) -> Iterator[None]:
    """Stops the engine whatever happens."""
    try:
        yield
    finally:
        engine.stop()


def _start(engine: Engine) -> None:
    seconds: list[float] = []
    for _ in range(5):
        engine.stop()
        began = time.perf_counter()
        engine.start(port=0)
        seconds.append(time.perf_counter() - began)
    print(
        f"start to first answer            {statistics.median(seconds):8.2f} s   (median of {len(seconds)})"
    )
    print(f"memory, nothing deployed         {_megabytes(engine):8.0f} MB")


def _idle(engine: Engine) -> None:
    pid, window_s = engine.status().pid, 10.0
    before = _cpu_seconds(pid)
    time.sleep(window_s)
    share = (_cpu_seconds(pid) - before) / window_s
    print(f"idle, stack deployed             {share:8.1%} of a core")


def _latency(pipeline: Pipeline, samples: int) -> None:
    pipeline.send(0, 1, "WARM")
    until(lambda: pipeline.is_enriched("WARM"))
    durations_ms: list[float] = []
    for number in range(samples):
        symbol = f"L{number}"
        item = pipeline.unenriched(symbol, number)
        began = time.perf_counter()
        pipeline.aws.call("dynamodb", "PutItem", TableName=pipeline.stack.prices.name, Item=item)
        until(lambda symbol=symbol: pipeline.is_enriched(symbol))  # type: ignore[misc]
        durations_ms.append((time.perf_counter() - began) * 1000)
    durations_ms.sort()
    print(f"put to enriched, window 0        {statistics.median(durations_ms):8.0f} ms  p50 of {samples}")
    print(f"                                 {durations_ms[int(samples * 0.99) - 1]:8.0f} ms  p99")


def _throughput(pipeline: Pipeline, count: int) -> None:
    began = time.perf_counter()
    for first in range(0, count, 100):
        pipeline.send(first, 100, "FAST")
    stored_s = time.perf_counter() - began
    until(lambda: pipeline.is_enriched("FAST"))
    enriched_s = time.perf_counter() - began
    print(f"through the webhook, stored      {count / stored_s:8.0f} prices/s")
    print(f"through the webhook, enriched    {count / enriched_s:8.0f} prices/s")


def _volumes(engine: Engine, pipeline: Pipeline) -> None:
    mapping = next(iter(pipeline.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]))
    # Filling is not enriching: the records pass the mapping by.
    pipeline.aws.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    filled = 0
    for volume in VOLUMES:
        pipeline.fill(filled, volume)
        filled = volume
        query_ms = _timed(lambda: pipeline.newest("FULL", 20))
        print(f"with {volume:7,} prices of one symbol: {_megabytes(engine):5.0f} MB, ", end="")
        print(f"query of the newest 20 {query_ms:6.1f} ms (median of 20)")
    pid = engine.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not engine.status().running)
    began = time.perf_counter()
    engine.start()
    print(f"start after kill -9 at that size {time.perf_counter() - began:8.2f} s")


def _timed(call: Callable[[], object]) -> float:
    durations_ms: list[float] = []
    for _ in range(20):
        began = time.perf_counter()
        call()
        durations_ms.append((time.perf_counter() - began) * 1000)
    return statistics.median(durations_ms)


def until(condition: Callable[[], bool]) -> None:
    """Looks every 2 ms, for five minutes at most."""
    deadline = time.monotonic() + 300
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the engine did not get there in five minutes")
        time.sleep(0.002)


def _megabytes(engine: Engine) -> float:
    return (engine.status().memory_bytes or 0) / 1e6


def _cpu_seconds(pid: int | None) -> float:
    """The processor time a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
