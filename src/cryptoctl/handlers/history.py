"""Reads as much of a symbol's prices as new ones can change, in one query where nothing is out of order.

Each price is read in the same request as those before it, or in an earlier one: what is stored or corrected
meanwhile then either shows in what is read, or changes the revision on whose condition the price is written.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal

from cryptoctl.core.enrichment import REACH, Announcements, Enrichment, enrichments
from cryptoctl.core.items import StoredPrice
from cryptoctl.handlers import table

# Symbols whose newest prices lately weren't the new ones, with the key from which the next batch can be read
# in one query, where there is a backlog. A hint about cost alone.
lagging: dict[str, Decimal | None] = {}

Series = Sequence[StoredPrice]


def enrichments_of(symbol: str, new_keys: Collection[Decimal], announced: Announcements) -> list[Enrichment]:
    """What the arrival of `new_keys` changes in the table, each price once, in key order.

    `announced` are the values that were announced and could not be written.
    """
    keys = sorted({*new_keys, *announced})
    if symbol not in lagging:
        series = _newest_series(symbol, keys)
        if series is not None:
            return enrichments(series, new_keys, announced)
    start = lagging.pop(symbol, None)
    by_key: dict[Decimal, Enrichment] = {}
    while keys:
        series, count = _series_around(symbol, keys, start)
        start = None
        new = set(keys[:count]).intersection(new_keys)  # without those before: their windows are cut off
        announcements = {key: announced[key] for key in keys[:count] if key in announced}
        by_key.update(
            (enrichment.price.key, enrichment) for enrichment in enrichments(series, new, announcements)
        )
        keys = keys[count:]
    return [by_key[key] for key in sorted(by_key)]


def _newest_series(symbol: str, keys: Sequence[Decimal]) -> Series | None:
    """The symbol's newest prices, or None where they don't reach far enough back: one query."""
    count = len(keys) + REACH
    reader = table.newest(symbol, count)
    prices = reader.read(count)
    if _count_older(prices, keys[0]) < REACH and not reader.exhausted:
        return None
    return prices[::-1]


def _series_around(symbol: str, keys: list[Decimal], start: Decimal | None) -> tuple[Series, int]:
    """The prices around the first of the keys and those near it, and how many keys that are.

    One query where `start` is where the needed prices begin, else two.
    """
    reader = _read_from(symbol, keys, start)
    prices = reader.prices
    count = len(keys)
    if not reader.exhausted:
        count = sum(key <= prices[-1].key for key in keys)
    last_key = keys[count - 1]
    following = sum(price.key > last_key for price in prices)
    prices = reader.read(len(prices) + max(0, REACH - following))
    if reader.pages > 1 and prices:  # a price on a later page was read after those on the first
        prices = _read_back(symbol, prices[-1].key, keys[0], len(prices))
    elif _count_older(prices, keys[0]) < REACH:
        older = table.before(symbol, keys[0], REACH).read(REACH)
        prices = older[::-1] + [price for price in prices if price.key >= keys[0]]
    if not reader.exhausted:
        lagging[symbol] = _start_of_next(prices, last_key)
    return prices, count


def _read_from(symbol: str, keys: Sequence[Decimal], start: Decimal | None) -> table.PriceReader:
    """Has read the prices from the first key on; from `start` on where that tells enough of those before."""
    count = len(keys) + REACH
    if start is not None and start < keys[0]:
        reader = table.since(symbol, start, REACH + count)
        prices = reader.read(REACH + count)
        if prices and prices[-1].key >= keys[0] and _count_older(prices, keys[0]) >= REACH:
            return reader
    reader = table.since(symbol, keys[0], count)
    reader.read(count)
    return reader


def _read_back(symbol: str, newest: Decimal, oldest: Decimal, count: int) -> list[StoredPrice]:
    """The prices from the newest key back to `REACH` before the oldest; `count` are expected in between."""
    reader = table.up_to(symbol, newest, count + REACH)
    prices = reader.read(count + REACH)
    while not reader.exhausted and _count_older(prices, oldest) < REACH:
        prices = reader.read(len(prices) + 1)
    return prices[::-1]


def _count_older(prices: Series, key: Decimal) -> int:
    return sum(price.key < key for price in prices)


def _start_of_next(prices: Series, last: Decimal) -> Decimal | None:
    """Where the prices begin that the next batch needs, if prices after `last` wait for it."""
    position = sum(price.key <= last for price in prices)
    if all(price.processed for price in prices[position:]):
        return None
    return prices[max(0, position - REACH)].key
