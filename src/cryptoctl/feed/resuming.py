"""Where a symbol's tape goes on: behind what the table has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from cryptoctl.aws import Aws
from cryptoctl.feed.batching import MOST_PRICES
from cryptoctl.feed.source import FeedSource
from cryptoctl.ops.prices import Query, newest_first
from cryptoctl.provisioners.table import Table

# Of the last request, a process that was killed may have stored any part; the enricher's table is in the
# order of times, an exchange's tape need not be. So the beginning lies before the last two requests.
OVERLAP = 2 * MOST_PRICES
ALL = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """From when on trades are wanted, and which of them are stored; None: from the newest one on."""

    since_ms: int | None
    known: Sequence[str] = ()


def beginning(aws: Aws, table: Table, source: FeedSource) -> Beginning:
    """Where the table ends for this exchange and symbol. Raises Failure where there is no table.

    Prices of other exchanges that are newer are read over.
    """
    query = Query(symbol=source.stored_symbol, last=ALL)
    mine = (each for each in newest_first(aws, table, query) if each.exchange == source.exchange)
    found = list(islice(mine, OVERLAP))
    if not found:
        return Beginning(since_ms=None)
    return Beginning(since_ms=found[-1].timestamp_ms, known=[each.id for each in found if each.id])
