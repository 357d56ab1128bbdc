"""Reading stored prices with their enrichment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from itertools import islice
from typing import Any

from cryptoctl.aws import Aws
from cryptoctl.core.items import StoredPrice, UnusableError, stored_price
from cryptoctl.core.keys import FRACTION_DIGITS, MAX_MILLISECOND
from cryptoctl.core.numbers import plain
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.ops.table_items import require_table, symbol_query
from cryptoctl.ops.times import iso_of_text, time_text
from cryptoctl.provisioners.table import Table
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.retry import Retry
from cryptoctl.stack import Stack
from cryptoctl.wording import number_text, pluralize

COLUMNS = ("time", "symbol", "exchange", "price", "volume", "ma_5", "ma_20", "volatility", "processed")
MEMBERS = (
    *("symbol", "timestamp", "sort_key", "exchange", "price", "volume", "ma_5", "ma_20", "volatility"),
    *("processed", "enriched_at", "id"),
)
# What a StoredPrice is made of. What the sender sent, half of an item, stays where it is.
PROJECTION = (
    "#symbol, #timestamp, price, volume, exchange, id, occurrence, #processed, enriched_at, rev, "
    "ma_5, ma_20, volatility"
)
NAMES = {"#symbol": "symbol", "#timestamp": "timestamp", "#processed": "processed"}
ENRICHED_WITHIN_S = 120.0
SHOWN = Context(prec=8)  # digits of an average
LAST_FRACTION = "9" * FRACTION_DIGITS


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which prices: the last `last` of a symbol, between `since_ms` and `until_ms` (ms since 1970)."""

    symbol: str
    last: int
    since_ms: int | None = None
    until_ms: int | None = None


def permissions(stack: Stack) -> Iterator[Permission]:
    """A symbol's prices are one query."""
    yield from allow(Access.READ_DATA, "dynamodb", "Query", stack.prices.arn)


def prices(aws: Aws, table: Table, query: Query) -> list[StoredPrice]:
    """The prices in key order, the newest last. Items that are no prices are passed over."""
    return list(newest_first(aws, table, query))[::-1]


def newest_first(aws: Aws, table: Table, query: Query) -> Iterator[StoredPrice]:
    """The same, the newest first, read page by page as they are asked for."""
    with require_table(aws, table):
        yield from _read(aws, table, query)


def look_up(aws: Aws, table: Table, query: Query) -> list[StoredPrice]:
    """As `prices`; that there is no table is AWS's error, for which no environments are looked up."""
    return list(_read(aws, table, query))[::-1]


def oldest(aws: Aws, table: Table, symbol: str) -> StoredPrice | None:
    """A symbol's first price; None where it has none."""
    with require_table(aws, table):
        return next(_read(aws, table, Query(symbol=symbol, last=1), oldest_first=True), None)


def _read(aws: Aws, table: Table, query: Query, *, oldest_first: bool = False) -> Iterator[StoredPrice]:
    request = symbol_query(query.symbol)
    if query.since_ms is not None or query.until_ms is not None:
        since = query.since_ms or 0
        # No key is larger, and DynamoDB refuses a number of more than 38 digits.
        until = min(MAX_MILLISECOND if query.until_ms is None else query.until_ms, MAX_MILLISECOND)
        if until < since:
            return iter(())  # DynamoDB refuses bounds in the wrong order
        # A key is a millisecond and a fraction of it.
        bounds = {"since": str(since), "until": f"{until}.{LAST_FRACTION}"}
        request = symbol_query(query.symbol, "BETWEEN :since AND :until", **bounds)
    request |= {"ProjectionExpression": PROJECTION, "ExpressionAttributeNames": NAMES}
    items = aws.paginate(
        "dynamodb",
        "Query",
        "Items",
        TableName=table.name,
        ScanIndexForward=oldest_first,
        Limit=min(query.last, 1000),
        **request,
    )
    return islice(_stored(items), query.last)


def _stored(items: Iterable[Mapping[str, Any]]) -> Iterator[StoredPrice]:
    for item in items:
        with suppress(UnusableError):
            yield stored_price(item)


def enriched_prices(aws: Aws, table: Table, query: Query, retry: Retry) -> list[StoredPrice]:
    """As `prices`, once every one of them is enriched; what comes meanwhile is not waited for.

    Raises Failure when that takes too long.
    """
    fixed_query, waiting = query, 0

    def read() -> list[StoredPrice] | None:
        nonlocal fixed_query, waiting
        stored = prices(aws, table, fixed_query)
        if stored:
            fixed_query = replace(query, until_ms=stored[-1].timestamp_ms)
        waiting = sum(not price.processed for price in stored)
        return None if waiting else stored

    enriched = retry.until(read, "the prices to be enriched", ENRICHED_WITHIN_S)
    if enriched is None:
        raise Failure(
            ExitCode.FAILED,
            pluralize(waiting, f"price of {query.symbol} is", f"prices of {query.symbol} are")
            + f" still not enriched after {ENRICHED_WITHIN_S:.0f} s.",
            "See `cryptoctl status` for the stream mapping and the queues.",
        )
    return enriched


def document(price: StoredPrice) -> dict[str, Any]:
    """A price for a machine: every number as text, with all its digits; absent indicators are null."""
    indicators = price.indicators
    return {
        "symbol": price.symbol,
        "timestamp": price.timestamp_ms,
        "sort_key": price.sort_key,
        "exchange": price.exchange,
        "price": plain(price.price),
        "volume": plain(price.volume),
        "ma_5": _plain(indicators.ma_5),
        "ma_20": _plain(indicators.ma_20),
        "volatility": _plain(indicators.volatility),
        "processed": price.processed,
        "enriched_at": None if price.enriched_at is None else iso_of_text(price.enriched_at),
        "id": price.id,
    }


def row(price: StoredPrice) -> Sequence[str]:
    """A price for a person: `time` in UTC, averages to some significant digits."""
    indicators = price.indicators
    return (
        time_text(price.timestamp_ms),
        price.symbol,
        price.exchange,
        number_text(price.price),
        number_text(price.volume),
        *(_short(indicator) for indicator in (indicators.ma_5, indicators.ma_20, indicators.volatility)),
        "yes" if price.processed else "not yet",
    )


def _plain(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def _short(number: Decimal | None) -> str:
    if number is None:
        return ""
    whole = plain(number)
    return whole if len(whole) <= SHOWN.prec else number_text(SHOWN.plus(number))
