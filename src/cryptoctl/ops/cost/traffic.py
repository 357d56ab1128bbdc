"""From prices a second to what passes through each resource: the stack's diagram in numbers. Pure.

The figures at the top are assumptions where AWS decides them (durations), and measured where our code does
(docs/performance.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cryptoctl.reconcile.costs import Traffic
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.stack import Stack

DAY_S = 86_400
GB = 1_000_000_000
# An enriched price, as DynamoDB counts an item's bytes.
ITEM_BYTES = 380
# What DynamoDB bills for storing an item, beside its bytes ("DynamoDB item sizes and formats" in its guide).
STORED_BESIDE_BYTES = 100
WRITES_A_PRICE = 2
READ_UNIT_BYTES = 4096
# The longest average looks back on so many prices before a batch's first.
LOOKS_BACK = 19
# A new on-demand table has four partitions, and its stream a shard for each.
SHARDS = 4
BATCH_OF_PUBLISHES = 10
# Lambda's own two lines and our two for each invocation, with the 26 bytes that CloudWatch adds to each; and
# more for each price: its key, or its lag. A test holds them to what the functions print.
LOGGED_AN_INVOCATION_BYTES = 1_100
LOGGED_A_PRICE_BYTES = 45
# Assumed for AWS: a warm invocation, and one request to DynamoDB or SNS in it.
INVOCATION_S = 0.010
REQUEST_S = 0.006
# X-Ray records the first invocation of each second and 5 % of the others (its default sampling rule).
TRACED_A_SECOND, TRACED_OF_THE_OTHERS = 1.0, 0.05
# A data key is used for five minutes, by each function that reads or writes (DynamoDB's and SNS's guides).
DATA_KEY_S = 300
STATEMENTS_IN_A_REQUEST = 25
METRICS_OF_WEBHOOK, METRICS_OF_ENRICHER = 2, 2


@dataclass(frozen=True, kw_only=True)
class Load:
    """Prices that come in evenly: how many a second and a request, of how many symbols, for how long."""

    prices_per_s: float
    symbols: int = 50
    batch: float = 1
    days: float = 30

    @property
    def prices(self) -> float:
        """All of them."""
        return self.prices_per_s * DAY_S * self.days

    @property
    def requests(self) -> float:
        """The requests that they come in."""
        return self.prices / self.batch


def batches_per_s(load: Load, *, batch_size: int, window_s: float) -> float:
    """The enricher's invocations a second: a batch is handed over when it is full, or its window is over."""
    shards = min(SHARDS, load.symbols)
    rate = load.prices_per_s / shards
    full, timed = rate / batch_size, 1 / window_s if window_s else math.inf
    return shards * min(rate, max(full, timed))


def traffic(stack: Stack, load: Load) -> Mapping[Provisioner, Traffic]:
    """What passes through each resource that anything passes through."""
    days, seconds = load.days, load.days * DAY_S
    stream = stack.config.stream
    batches = batches_per_s(load, batch_size=stream.batch_size, window_s=stream.window_s) * seconds
    in_batch = load.prices / batches if batches else 0.0
    symbols = min(float(load.symbols), in_batch)
    of_symbol = in_batch / symbols if symbols else 0.0
    read = whole((LOOKS_BACK + of_symbol) * ITEM_BYTES / READ_UNIT_BYTES)
    publishes = batches * whole(in_batch / BATCH_OF_PUBLISHES)
    work = symbols + whole(in_batch / STATEMENTS_IN_A_REQUEST) + whole(in_batch / BATCH_OF_PUBLISHES)
    # Stored is what has come so far, on average half of it.
    stored_gb = load.prices * (ITEM_BYTES + STORED_BESIDE_BYTES) / GB / 2
    return {
        stack.key: Traffic(days=days),
        stack.prices: Traffic(
            days=days,
            write_units=load.prices * WRITES_A_PRICE,
            read_units=batches * symbols * read,
            stored_gb=stored_gb,
            key_requests=_key_requests(seconds, users=2),
        ),
        stack.success: Traffic(days=days, requests=publishes, key_requests=_key_requests(seconds, users=1)),
        stack.webhook: Traffic(
            days=days,
            requests=load.requests,
            busy_s=load.requests * (INVOCATION_S + load.batch * REQUEST_S),
            metrics=METRICS_OF_WEBHOOK,
            traces=_traces(load.requests, seconds),
        ),
        stack.enricher: Traffic(
            days=days,
            requests=batches,
            busy_s=batches * (INVOCATION_S + work * REQUEST_S),
            metrics=METRICS_OF_ENRICHER,
            traces=_traces(batches, seconds),
        ),
        stack.webhook_logs: _logged(load, load.requests),
        stack.enricher_logs: _logged(load, batches),
    }


def _traces(invocations: float, seconds: float) -> float:
    always = min(invocations, TRACED_A_SECOND * seconds)
    return always + (invocations - always) * TRACED_OF_THE_OTHERS


def _key_requests(seconds: float, *, users: int) -> float:
    """GenerateDataKey and Decrypt, once in the life of a data key for each user."""
    return 2 * users * seconds / DATA_KEY_S


def whole(amount: float) -> int:
    """Rounded up; what is whole but for the last digits of a float is whole."""
    return math.ceil(amount - 1e-6)


def _logged(load: Load, invocations: float) -> Traffic:
    total = invocations * LOGGED_AN_INVOCATION_BYTES + load.prices * LOGGED_A_PRICE_BYTES
    return Traffic(days=load.days, ingested_gb=total / GB)
