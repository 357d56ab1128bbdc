"""What `status --watch` asks AWS for: requests by operation, at the intervals that it keeps there."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from cryptoctl.aws import AccessKey
from cryptoctl.local.engine import Engine
from cryptoctl.ops.invoking import invoke
from cryptoctl.ops.overview_reader import ON_AWS, OverviewReader
from cryptoctl.ui.watch import EVERY_S
from dashboard.test_reader import AskedAws
from kit.waiting import eventually
from live import connected

REFRESHES = 90
SYMBOLS = ("BTC", "ETH")


def main() -> None:
    """Prints the counts."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        engine = Engine(Path(directory))
        engine.start(port=0)
        try:
            _count(engine)
        finally:
            engine.stop()


def _count(engine: Engine) -> None:
    live = connected(engine, "bench")
    live.up()
    prices = [{"symbol": symbol, "price": 1, "exchange": "here"} for symbol in SYMBOLS]
    invoke(live.aws, live.stack.webhook, json.dumps({"prices": prices}))
    eventually(lambda: len(OverviewReader(live.aws, live.stack).overview().symbols or ()) == len(SYMBOLS))
    made_up = engine.credentials("bench")
    keys = AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key)
    aws = AskedAws(live.aws, keys)
    overview_reader = OverviewReader(aws, live.stack, ON_AWS)
    for number in range(REFRESHES):
        began_s = time.monotonic()
        overview_reader.overview()
        if number == 0:
            print(f"the first refresh: {len(aws.requests)} requests", flush=True)
        time.sleep(max(0.0, EVERY_S - (time.monotonic() - began_s)))
    print(f"{REFRESHES} refreshes: {len(aws.requests)} requests, {len(aws.requests) / REFRESHES:.1f} each")
    for operation, count in Counter(name for name, _ in aws.requests).most_common():
        print(f"  {operation:32} {count:5}  {count / REFRESHES:6.2f} a refresh")
