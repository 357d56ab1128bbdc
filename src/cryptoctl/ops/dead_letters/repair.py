"""Finding stored prices that are not enriched, whatever the reason, and enriching them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, islice
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.core.enrichment import REACH, outdated_prices
from cryptoctl.core.items import StoredPrice, UnusableError, stored_price
from cryptoctl.core.numbers import plain
from cryptoctl.core.webhook_messages import is_message
from cryptoctl.ops.dead_letters.enriching import Enricher, EnrichResult, Key, UnenrichedPrice, key_of
from cryptoctl.ops.dead_letters.messages import DeadLetter, epoch_ms
from cryptoctl.ops.table_items import require_table, symbol_query, table_items
from cryptoctl.provisioners.table import Table
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

# A consistent read of so many bytes is one read unit.
BYTES_A_UNIT = 4096
# A record arrives in the stream a moment after its item was written, and clocks differ.
MARGIN_MS = 300_000


def permissions(stack: Stack) -> Iterator[Permission]:
    """One symbol is queried, or the whole table scanned once its size was said."""
    yield from allow(Access.OPERATE, "dynamodb", "Query Scan DescribeTable", stack.prices.arn)


@dataclass(frozen=True, kw_only=True)
class RepairSearch:
    """Which prices: of one symbol, or of all; with a timestamp not before `since_ms` (since 1970)."""

    symbol: str | None = None
    since_ms: int | None = None
    verify: bool = False
    """Also those whose stored indicators are not those of their neighbours: all are read and recomputed."""

    @property
    def whole_table(self) -> bool:
        """Whether it reads everything, for DynamoDB charges what is read and not what is found."""
        return self.symbol is None


def repair(enricher: Enricher, search: RepairSearch) -> EnrichResult:
    """Enriches the prices that are not enriched, or not as they should be; what became of them."""
    find = incorrect if search.verify else unenriched
    return enricher.enrich(find(enricher.aws, enricher.stack.prices, search))


def read_units(aws: Aws, table: Table) -> int:
    """What reading the whole table costs, by the size that DynamoDB reports, which may be hours old."""
    with require_table(aws, table):
        description = aws.call("dynamodb", "DescribeTable", TableName=table.name)["Table"]
    return max(1, math.ceil(int(description.get("TableSizeBytes", 0)) / BYTES_A_UNIT))


def unenriched(aws: Aws, table: Table, search: RepairSearch) -> Iterator[Key]:
    """The keys of the prices found, symbol by symbol, in order; read page by page as they are asked for."""
    conditions = ["(attribute_not_exists(#processed) OR #processed <> :true)"]
    names = {"#symbol": "symbol", "#timestamp": "timestamp", "#processed": "processed"}
    values: dict[str, Any] = {":true": {"BOOL": True}}
    request: dict[str, Any] = {"ConsistentRead": True, "ProjectionExpression": "#symbol, #timestamp"}
    if search.since_ms is not None:
        values[":since"] = {"N": str(search.since_ms)}
    if search.symbol is not None:
        values[":symbol"] = {"S": search.symbol}
        since = " AND #timestamp >= :since" if search.since_ms is not None else ""
        request["KeyConditionExpression"] = f"#symbol = :symbol{since}"
    elif search.since_ms is not None:
        conditions.append("#timestamp >= :since")
    operation = "Scan" if search.whole_table else "Query"
    request |= {
        "FilterExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    yield from map(key_of, table_items(aws, table, operation, **request))


def incorrect(aws: Aws, table: Table, search: RepairSearch) -> Iterator[Key]:
    """The keys of the prices whose stored indicators are not those of their neighbours, or that have none.

    Also those of the items that are no prices: what they have cannot be said to be right.

    Reads every price of the symbol from `REACH` before `since_ms` on, or the whole table.
    """
    if search.symbol is None:
        request: dict[str, Any] = {"ConsistentRead": True}
    elif search.since_ms is None:
        request = symbol_query(search.symbol)
    else:
        start = _reach_before(aws, table, search.symbol, search.since_ms)
        request = symbol_query(search.symbol, ">= :start", start=plain(start))
    items = table_items(aws, table, "Scan" if search.whole_table else "Query", **request)
    since = None if search.since_ms is None else Decimal(search.since_ms)
    # A scan that is not split gives the items of a symbol together, in the order of their keys.
    unreadable: list[Key] = []
    for _, series in groupby(_prices(items, since, unreadable), key=lambda price: price.symbol):
        yield from ((price.symbol, price.key) for price in outdated_prices(series, since))
        yield from unreadable
        unreadable.clear()
    yield from unreadable


def _prices(items: Iterable[Any], since: Decimal | None, unreadable: list[Key]) -> Iterator[StoredPrice]:
    """The prices; the keys of what is none, from `since` on, are put into `unreadable`."""
    for item in items:
        try:
            yield stored_price(item)
        except UnusableError:
            key = key_of(item)
            if not is_message(item) and (since is None or key[1] >= since):
                unreadable.append(key)


def _reach_before(aws: Aws, table: Table, symbol: str, since_ms: int) -> Decimal:
    """The key at which reading starts, so that the first price from `since_ms` has all its neighbours."""
    request = symbol_query(symbol, "< :since", since=str(since_ms))
    request |= {"ProjectionExpression": "#symbol, #timestamp", "ScanIndexForward": False}
    items = islice(table_items(aws, table, "Query", **request), REACH)
    return min((key_of(item)[1] for item in items), default=Decimal(since_ms))


def unrecovered_reason(letter: DeadLetter, enriched: EnrichResult) -> str:
    """Why a trimmed pointer stays after the whole table was searched; empty if it is settled.

    A pointer tells when its records arrived, not which they were: it is settled when nothing from that time
    is left unenriched.
    """
    prices = [price for price in enriched.unenriched if _spans(letter.content["DDBStreamBatchInfo"], price)]
    if prices:
        return f"left the stream, and in the table these are not enriched: {'; '.join(map(str, prices[:3]))}"
    if enriched.given_up:
        return "left the stream, and the enricher kept failing before the whole table was searched"
    return ""


def _spans(info: Mapping[str, Any], price: UnenrichedPrice) -> bool:
    """Whether the price may be one of a pointer's."""
    made_ms = epoch_ms(price.created_at)
    first_ms = epoch_ms(str(info.get("approximateArrivalOfFirstRecord", "")))
    last_ms = epoch_ms(str(info.get("approximateArrivalOfLastRecord", "")))
    if made_ms is None or first_ms is None or last_ms is None:
        return True
    return first_ms - MARGIN_MS <= made_ms <= last_ms + MARGIN_MS
