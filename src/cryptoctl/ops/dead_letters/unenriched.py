"""Finding stored prices without enrichment, and what the search costs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.ops.dead_letters.enriching import Key, key_of
from cryptoctl.ops.rows import existing, rows
from cryptoctl.provisioners.table import Table
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

# A consistent read of so many bytes is one read unit.
BYTES_A_UNIT = 4096


def permissions(stack: Stack) -> Iterator[Permission]:
    """One symbol, or the whole table once its size was said."""
    yield from allow(Access.OPERATE, "dynamodb", "Query Scan DescribeTable", stack.prices.arn)


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which prices: of one symbol, or of all; traded not before a moment (milliseconds since 1970)."""

    symbol: str | None = None
    since_ms: int | None = None

    @property
    def whole_table(self) -> bool:
        """Whether it reads everything, for DynamoDB charges what is read and not what is found."""
        return self.symbol is None


def read_units(aws: Aws, table: Table) -> int:
    """What reading the whole table costs, by the size that DynamoDB reports, hours old."""
    with existing(table):
        described = aws.call("dynamodb", "DescribeTable", TableName=table.name)["Table"]
    return max(1, math.ceil(int(described.get("TableSizeBytes", 0)) / BYTES_A_UNIT))


def unenriched(aws: Aws, table: Table, search: Search) -> Iterator[Key]:
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
    yield from map(key_of, rows(aws, table, operation, **request))
