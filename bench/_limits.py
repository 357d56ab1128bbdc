"""AWS's published quotas that this pipeline can meet, and what one price uses of each.

As published in November 2026; the page of AWS's documentation is named beside each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from cryptoctl.ops.cost import traffic
from cryptoctl.ops.cost.traffic import PARTITION_WRITE_UNITS_A_SECOND, WRITES_A_PRICE

# Amazon DynamoDB, "Quotas": for a table on demand.
TABLE_WRITE_UNITS_A_SECOND = 40_000
TABLE_READ_UNITS_A_SECOND = 40_000
# AWS Lambda, "Quotas" and "Understanding function scaling": synchronous requests a second for each unit of
# concurrency, those of a stream among them.
ACCOUNT_CONCURRENCY = 1_000
REQUESTS_A_SECOND_FOR_EACH_CONCURRENCY = 10
# Amazon SNS, "Endpoints and quotas": messages published a second, in us-east-1; less elsewhere.
PUBLISHED_A_SECOND = 30_000


@dataclass(frozen=True, kw_only=True)
class Durations:
    """How long AWS's answers take, in seconds: assumptions, of the usual size within a region."""

    webhook_s: float = traffic.INVOCATION_S
    """The webhook processor around its requests."""
    put_s: float = traffic.PUT_S
    """A conditional put; the prices of one symbol in one request are put one after the other."""
    enricher_s: float = traffic.INVOCATION_S
    """The enricher around its requests."""
    query_s: float = traffic.QUERY_S
    """Each symbol of a batch has its query, one after the other."""
    update_s: float = traffic.UPDATE_S
    """A BatchExecuteStatement of up to 25 updates."""
    publish_s: float = traffic.PUBLISH_S
    """A PublishBatch of up to 10 messages."""
    poll_s: float = 0.25
    """Lambda asks a shard for records four times a second."""

    def request_s(self, prices: int) -> float:
        """One invocation of the webhook processor with so many prices of one symbol."""
        return self.webhook_s + prices * self.put_s

    def batch_s(self, prices: int, symbols: int) -> float:
        """One invocation of the enricher with so many prices of so many symbols."""
        updates_s, announcements_s = ceil(prices / 25) * self.update_s, ceil(prices / 10) * self.publish_s
        return self.enricher_s + symbols * self.query_s + updates_s + announcements_s


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What comes in: prices a second in all, spread evenly over symbols, so many in a request."""

    prices_a_second: float
    symbols: int = 10
    prices_a_request: int = 1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set: the environment's reserved concurrency, and how the stream is read."""

    webhook_concurrency: int = 10
    enricher_concurrency: int = 5
    batch_size: int = 10
    window_s: float = 5.0
    parallelization: int = 1


@dataclass(frozen=True, kw_only=True)
class Use:
    """How much of a limit is used: 1 is all of it."""

    limit: str
    share: float
    remedy: str


def shards(workload: Workload) -> int:
    """Shards of the stream, as the estimate of the costs counts them."""
    return traffic.shards(workload.prices_a_second, workload.symbols)


def uses(workload: Workload, settings: Settings, durations: Durations) -> Iterator[Use]:
    """The share of each limit that a workload uses."""
    rate, requests = workload.prices_a_second, workload.prices_a_second / workload.prices_a_request
    busy = requests * durations.request_s(workload.prices_a_request)
    lanes = shards(workload) * settings.parallelization
    gathered = min(settings.batch_size, max(1, rate / lanes * settings.window_s))
    of_shard, runs = ceil(workload.symbols / shards(workload)), ceil(gathered / workload.prices_a_request)
    symbols, batches = min(of_shard, runs), rate / gathered
    enriching = batches * durations.batch_s(round(gathered), symbols)
    written = rate * WRITES_A_PRICE
    yield Use(
        limit="a symbol's partition: 1,000 write units a second",
        share=written / workload.symbols / PARTITION_WRITE_UNITS_A_SECOND,
        remedy="several partitions for a symbol",
    )
    yield Use(
        limit="the webhook processor's reserved concurrency",
        share=busy / settings.webhook_concurrency,
        remedy="webhook_processor.reserved_concurrency, several prices in a request",
    )
    yield Use(
        limit="requests a second for its reserved concurrency",
        share=requests / (settings.webhook_concurrency * REQUESTS_A_SECOND_FOR_EACH_CONCURRENCY),
        remedy="webhook_processor.reserved_concurrency, several prices in a request",
    )
    yield Use(
        limit="the enricher's reserved concurrency",
        share=enriching / settings.enricher_concurrency,
        remedy="price_enricher.reserved_concurrency, stream.batch_size",
    )
    yield Use(
        limit="batches a second for its reserved concurrency",
        share=batches / (settings.enricher_concurrency * REQUESTS_A_SECOND_FOR_EACH_CONCURRENCY),
        remedy="price_enricher.reserved_concurrency, stream.batch_size",
    )
    yield Use(
        limit="batches of a shard at the same time",
        share=enriching / lanes,
        remedy="stream.batch_size, stream.parallelization",
    )
    yield Use(
        limit="the account's concurrency: 1,000",
        share=(busy + enriching) / ACCOUNT_CONCURRENCY,
        remedy="a higher quota",
    )
    yield Use(
        limit="the table's write units: 40,000 a second",
        share=written / TABLE_WRITE_UNITS_A_SECOND,
        remedy="a higher quota",
    )
    yield Use(
        limit="the table's read units: 40,000 a second",
        share=batches * symbols * traffic.read_units(gathered / symbols) / TABLE_READ_UNITS_A_SECOND,
        remedy="a higher quota, stream.batch_size",
    )
    yield Use(
        limit="messages published a second: 30,000",
        share=rate / PUBLISHED_A_SECOND,
        remedy="a higher quota, or several prices in a message",
    )
