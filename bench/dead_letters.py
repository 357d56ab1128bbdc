"""Replaying 10,000 dead letters: messages a second, and peak memory, beside a plain loop.

The plain loop receives ten messages, invokes the function with each, deletes each: no journal, nothing kept
invisible, one at a time. Both run against the embedded engine on this machine; the stream mapping is switched
off meanwhile, so that the enricher does not take its share of the machine. The replay runs in a process of
its own, as `cryptoctl dlq replay` does, whose peak memory is read when it has ended.

November 2026, two cores shared with other work, so that only what stands in one run can be compared:

                          messages   seconds  a second  peak MiB
    plain loop                1000      25.3      39.6
    dlq replay                1000      14.2      70.5        78
    dlq replay               10000     165.3      60.5        80
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.local.engine import Engine
from cryptoctl.ops.dead_letters.messages import QueueName
from cryptoctl.ops.dead_letters.queues import DeadLetterQueue, dead_letter_queues
from cryptoctl.reconcile.execute import Executor
from cryptoctl.reconcile.observe import make_plan
from cryptoctl.reconcile.plan import Goal
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from cryptoctl.stack import Stack
from live import Silent

PLAIN = 1_000
REPLAYED = (1_000, 10_000)
ENVIRONMENT = "bench"
REASON = {
    "RequestID": {"DataType": "String", "StringValue": "00000000-0000-4000-8000-000000000000"},
    "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    "ErrorMessage": {"DataType": "String", "StringValue": "An error occurred (Teapot) when calling it"},
}
CHILD = """
import os, sys, time
from cryptoctl.cli import main
from cryptoctl.local.processes import peak_bytes
begun_s = time.monotonic()
try:
    main()
finally:
    peak = peak_bytes(os.getpid()) or 0  # ru_maxrss would begin with what the parent holds
    sys.stderr.write(f"\\n{time.monotonic() - begun_s} {peak // 2**20}\\n")
"""


def main() -> None:
    """Prints a table."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CRYPTOCTL_STATE_DIR"] = directory
        engine = Engine(Path(directory) / "engine")
        engine.start(port=0)
        try:
            _measure()
        finally:
            engine.stop()


def _measure() -> None:
    session = Session(SessionOptions(environment=ENVIRONMENT, target=Target.LOCAL))
    aws, stack = session.aws, session.stack
    Executor(aws=aws, listener=Silent()).run(make_plan(list(stack), aws, Goal.PRESENT))
    mapping = stack.prices_to_enricher.find(aws)
    assert mapping is not None
    aws.call("lambda", "UpdateEventSourceMapping", UUID=mapping["UUID"], Enabled=False)
    queue = dead_letter_queues(aws, stack)[QueueName.WEBHOOK]
    _plain(aws, stack, queue, _fill(queue, 20, 0))  # warms the function
    print(f"{'':24}{'messages':>10}{'seconds':>10}{'a second':>10}{'peak MiB':>10}")
    seconds = _plain(aws, stack, queue, _fill(queue, PLAIN, 1))
    print(f"{'plain loop':24}{PLAIN:>10}{seconds:>10.1f}{PLAIN / seconds:>10.1f}")
    for number, count in enumerate(REPLAYED, start=2):
        _fill(queue, count, number)
        seconds, peak = _replay(count)
        print(f"{'dlq replay':24}{count:>10}{seconds:>10.1f}{count / seconds:>10.1f}{peak:>10}", flush=True)


def _fill(queue: DeadLetterQueue, count: int, series: int) -> int:
    moment_ms = int(time.time() * 1000) - 86_400_000 + series * 1_000_000
    letters: list[tuple[str, Any]] = []
    for number in range(count):
        price = {
            "symbol": f"S{number % 50}",
            "price": 100 + number,
            "exchange": "kraken",
            "timestamp": moment_ms + number,
        }
        letters.append((json.dumps({"body": json.dumps(price)}), REASON))
    assert all(queue.send(letters))
    return count


def _plain(aws: Aws, stack: Stack, queue: DeadLetterQueue, count: int) -> float:
    begun_s, remaining = time.monotonic(), count
    while remaining:
        for message in queue.receive(visibility_s=60, wait_s=0):
            reply = aws.call(
                "lambda", "Invoke", FunctionName=stack.webhook.name, Payload=message.body.encode()
            )
            assert json.loads(reply["Payload"].read())["statusCode"] == 200
            queue.delete([message])
            remaining -= 1
    return time.monotonic() - begun_s


def _replay(count: int) -> tuple[float, int]:
    arguments = ("dlq", "replay", "--local", "--env", ENVIRONMENT, "--output", "json")
    command = [sys.executable, "-c", CHILD, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["summary"]["replayed"] == count
    seconds, peak = result.stderr.split()[-2:]
    return float(seconds), int(peak)
