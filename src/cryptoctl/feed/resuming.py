"""Where a symbol's tape goes on: behind what the table has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from cryptoctl.aws import Aws
from cryptoctl.core.items import StoredPrice
from cryptoctl.feed.batching import MAX_PRICES
from cryptoctl.feed.source import FeedSource
from cryptoctl.ops.prices import Query, newest_first
from cryptoctl.provisioners.table import Table

# Of the last request, a process that was killed may have stored any part; the enricher's table is in the
# order of times, an exchange's tape need not be. So the beginning lies before the last two requests.
OVERLAP = 2 * MAX_PRICES
ALL = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class StartPoint:
    """Where following starts (None: at the newest trade), and which ids since are stored.

    `without_ids`: it lies behind prices without an id, with which no trade can be compared; trades from
    `skipped_from_ms` on, where the newest price with an id is, are not asked for then. None: there is none
    before.
    """

    since_ms: int | None
    stored_ids: Sequence[str] = ()
    without_ids: bool = False
    skipped_from_ms: int | None = None


def start_point(aws: Aws, table: Table, source: FeedSource) -> StartPoint:
    """Where the table ends for this exchange and symbol. Raises Failure where there is no table.

    Prices of other exchanges that are newer are read over.
    """
    query = Query(symbol=source.stored_symbol, last=ALL)
    prices = (price for price in newest_first(aws, table, query) if price.exchange == source.exchange)
    return start_after(list(islice(prices, OVERLAP)))


def start_after(stored: Sequence[StoredPrice]) -> StartPoint:
    """Where the tape goes on behind these prices, the newest first.

    Among prices without ids, as a dump without them leaves, trades could not be told from repeats: it goes on
    behind the newest of those; where their times are whole seconds, with the next second.
    """
    if not stored:
        return StartPoint(since_ms=None)
    since_ms, ids = stored[-1].timestamp_ms, [price.id for price in stored if price.id]
    nameless_ms = [price.timestamp_ms for price in stored if not price.id]
    if not nameless_ms:
        return StartPoint(since_ms=since_ms, stored_ids=ids)
    step_ms = 1 if any(timestamp_ms % 1000 for timestamp_ms in nameless_ms) else 1000
    begins_ms = nameless_ms[0] + step_ms
    newest_named_ms = max((price.timestamp_ms for price in stored if price.id), default=begins_ms)
    skipped_from_ms = newest_named_ms if newest_named_ms < nameless_ms[0] else None
    return StartPoint(since_ms=begins_ms, stored_ids=ids, without_ids=True, skipped_from_ms=skipped_from_ms)
