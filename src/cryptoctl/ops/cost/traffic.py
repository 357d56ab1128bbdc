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
# A new on-demand table has four partitions, and its stream a shard for each; DynamoDB adds more where they
# take what they can ("Initial throughput", "Burst and adaptive capacity" and "Quotas" in its guide).
SHARDS = 4
PARTITION_WRITE_UNITS_A_SECOND = 1_000
BATCH_OF_PUBLISHES = 10
# Lambda's own two lines and our two for each invocation, with the 26 bytes that CloudWatch adds to each; and
# more for each price: its key, or its lag. A test holds them to what the functions print.
LOGGED_AN_INVOCATION_BYTES = 1_100
LOGGED_A_PRICE_BYTES = 45
# Assumed for AWS, in seconds: a warm invocation around its requests; a conditional put, a query, an update
# of up to 25 prices, a publish of up to ten, one after the other. docs/scale.md is computed with the same.
INVOCATION_S = 0.010
PUT_S, QUERY_S, UPDATE_S, PUBLISH_S = 0.006, 0.006, 0.012, 0.020
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


def shards(prices_per_s: float, symbols: int) -> int:
    """Shards of the stream of a table that has grown with this rate: one for each partition.

    A partition holds what comes to its symbols; DynamoDB splits one that is hot, down to a symbol.
    """
    needed = round_up(prices_per_s * WRITES_A_PRICE / PARTITION_WRITE_UNITS_A_SECOND)
    return min(symbols, max(SHARDS, needed))


def batches_per_s(load: Load, *, batch_size: int, window_s: float) -> float:
    """The enricher's invocations a second: a batch is handed over when it is full, or its window is over."""
    count = shards(load.prices_per_s, load.symbols)
    rate = load.prices_per_s / count
    full, timed = rate / batch_size, 1 / window_s if window_s else math.inf
    return count * min(rate, max(full, timed))


def read_units(prices: float) -> int:
    """What reading so many prices of a symbol takes, with those that their averages look back on."""
    return round_up((LOOKS_BACK + prices) * ITEM_BYTES / READ_UNIT_BYTES)


def enriching_s(prices: float, symbols: float) -> float:
    """How long the enricher takes for a batch of so many prices of so many symbols."""
    updates, publishes = round_up(prices / STATEMENTS_IN_A_REQUEST), round_up(prices / BATCH_OF_PUBLISHES)
    return INVOCATION_S + symbols * QUERY_S + updates * UPDATE_S + publishes * PUBLISH_S


def traffic(stack: Stack, load: Load) -> Mapping[Provisioner, Traffic]:
    """What passes through each resource that anything passes through."""
    days, seconds = load.days, load.days * DAY_S
    stream = stack.config.stream
    batches = batches_per_s(load, batch_size=stream.batch_size, window_s=stream.window_s) * seconds
    in_batch = load.prices / batches if batches else 0.0
    # A batch is of one shard, which has its share of the symbols.
    symbols = min(load.symbols / shards(load.prices_per_s, load.symbols), in_batch)
    of_symbol = in_batch / symbols if symbols else 0.0
    publishes = batches * round_up(in_batch / BATCH_OF_PUBLISHES)
    # Stored is what has come so far, on average half of it.
    stored_gb = load.prices * (ITEM_BYTES + STORED_BESIDE_BYTES) / GB / 2
    return {
        stack.key: Traffic(days=days),
        stack.prices: Traffic(
            days=days,
            write_units=load.prices * WRITES_A_PRICE,
            read_units=batches * symbols * read_units(of_symbol),
            stored_gb=stored_gb,
            key_requests=_key_requests(seconds, users=2),
        ),
        stack.success: Traffic(days=days, requests=publishes, key_requests=_key_requests(seconds, users=1)),
        stack.webhook: Traffic(
            days=days,
            requests=load.requests,
            busy_s=load.requests * (INVOCATION_S + load.batch * PUT_S),
            metrics=METRICS_OF_WEBHOOK,
            traces=_traces(load.requests, seconds),
        ),
        stack.enricher: Traffic(
            days=days,
            requests=batches,
            busy_s=batches * enriching_s(in_batch, symbols),
            metrics=METRICS_OF_ENRICHER,
            traces=_traces(batches, seconds),
        ),
        stack.webhook_logs: _log_traffic(load, load.requests),
        stack.enricher_logs: _log_traffic(load, batches),
    }


def _traces(invocations: float, seconds: float) -> float:
    always = min(invocations, TRACED_A_SECOND * seconds)
    return always + (invocations - always) * TRACED_OF_THE_OTHERS


def _key_requests(seconds: float, *, users: int) -> float:
    """GenerateDataKey and Decrypt, once in the life of a data key for each user."""
    return 2 * users * seconds / DATA_KEY_S


def round_up(amount: float) -> int:
    """Rounded up; what is whole but for the last digits of a float is whole."""
    return math.ceil(amount - 1e-6)


def _log_traffic(load: Load, invocations: float) -> Traffic:
    total = invocations * LOGGED_AN_INVOCATION_BYTES + load.prices * LOGGED_A_PRICE_BYTES
    return Traffic(days=load.days, ingested_gb=total / GB)
