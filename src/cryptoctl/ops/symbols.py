"""The symbols of an environment, each with its last price, when that was, and how it has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.core.items import StoredPrice
from cryptoctl.core.numbers import plain
from cryptoctl.core.webhook_messages import is_message
from cryptoctl.ops.prices import Query, look_up
from cryptoctl.ops.table_items import check_key, require_table
from cryptoctl.provisioners.table import Table
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.stack import Stack

RECENT = 60
MINUTE_MS = 60_000
SPANS_MS = {"5m": 5 * MINUTE_MS, "1h": 60 * MINUTE_MS}
# The largest number that DynamoDB stores, so that no item lies behind it, whoever wrote it.
BEHIND_ALL = f"{'9' * 38}E+88"
_PERCENT = Context(prec=12)


@dataclass(frozen=True, kw_only=True)
class SymbolState:
    """A symbol as it stands. Changes are in percent; None where there is no price from before the span."""

    symbol: str
    last: StoredPrice
    change_5m: Decimal | None
    change_1h: Decimal | None
    recent: tuple[Decimal, ...]
    """the last prices, the newest last"""


def permissions(stack: Stack) -> Iterator[Permission]:
    """The names are found with one reading of an item each."""
    yield from allow(Access.READ_DATA, "dynamodb", "Scan", stack.prices.arn)


def names(aws: Aws, table: Table) -> Iterator[str]:
    """Every symbol of the table, in its own order: one request and half a read unit each.

    Each request asks for the first item behind all of the symbol before (decision 47), so the prices
    themselves are not read.
    """
    request: dict[str, Any] = {}
    with require_table(aws, table):
        while True:
            response = aws.call(
                "dynamodb", "Scan", TableName=table.name, Limit=1, ProjectionExpression="symbol", **request
            )
            start_key = response.get("LastEvaluatedKey")
            for item in response["Items"]:
                check_key(item, table, table.partition_key)
                if not is_message(item):
                    yield item["symbol"]["S"]
                start_key = {"symbol": item["symbol"], "timestamp": {"N": BEHIND_ALL}}
            if start_key is None:
                return
            request = {"ExclusiveStartKey": start_key}


def states(aws: Aws, table: Table, symbols: Sequence[str], now_ms: int) -> list[SymbolState]:
    """The symbols that have a price, the one with the newest first; all are read at the same time.

    Raises AwsError where there is no table.
    """
    searches = [(symbol, span) for symbol in symbols for span in (None, *SPANS_MS)]

    def read(search: tuple[str, str | None]) -> list[StoredPrice]:
        symbol, span = search
        if span is None:
            return look_up(aws, table, Query(symbol=symbol, last=RECENT))
        return look_up(aws, table, Query(symbol=symbol, last=1, until_ms=now_ms - SPANS_MS[span]))

    prices = dict(zip(searches, aws.map(read, searches), strict=True))
    symbol_states = [_state(symbol, prices) for symbol in symbols if prices[symbol, None]]
    return sorted(symbol_states, key=lambda state: (-state.last.key, state.symbol))


def _state(symbol: str, prices: dict[tuple[str, str | None], list[StoredPrice]]) -> SymbolState:
    recent = prices[symbol, None]
    return SymbolState(
        symbol=symbol,
        last=recent[-1],
        change_5m=_change(prices[symbol, "5m"], recent[-1]),
        change_1h=_change(prices[symbol, "1h"], recent[-1]),
        recent=tuple(price.price for price in recent),
    )


def _change(before: Sequence[StoredPrice], last: StoredPrice) -> Decimal | None:
    return percent(before[0].price, last.price) if before else None


def percent(before: Decimal, after: Decimal) -> Decimal | None:
    """The change in percent, to 12 digits; None where it began at zero."""
    if not before:
        return None
    return _PERCENT.multiply(_PERCENT.divide(_PERCENT.subtract(after, before), before), Decimal(100))


def symbol_document(state: SymbolState) -> dict[str, object]:
    """A symbol for a machine: numbers are text, changes in percent."""
    last = state.last
    return {
        "symbol": state.symbol,
        "exchange": last.exchange,
        "price": plain(last.price),
        "timestamp": last.timestamp_ms,
        "sort_key": last.sort_key,
        "processed": last.processed,
        "change_5m_percent": None if state.change_5m is None else plain(state.change_5m),
        "change_1h_percent": None if state.change_1h is None else plain(state.change_1h),
    }
