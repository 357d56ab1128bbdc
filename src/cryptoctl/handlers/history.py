"""Reads as much of a symbol's prices as new ones can change, in one query where they are the newest."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from cryptoctl.core.enrichment import REACH, Change, changes
from cryptoctl.core.items import StoredPrice
from cryptoctl.handlers import table

lagging: set[str] = set()  # symbols whose newest prices lately weren't the new ones: a hint about cost alone


def changes_of(symbol: str, new_keys: Collection[Decimal]) -> list[Change]:
    """What the arrival of `new_keys` changes in the table, each price once, in key order."""
    ordered = sorted(new_keys)
    if symbol not in lagging:
        series = _tail(symbol, ordered)
        if series is not None:
            return changes(series, new_keys)
        lagging.add(symbol)
    found: dict[Decimal, Change] = {}
    while ordered:
        series, near = _stretch(symbol, ordered)
        found.update((change.price.key, change) for change in changes(series, ordered[:near]))
        ordered = ordered[near:]
    return [found[key] for key in sorted(found)]


def _tail(symbol: str, ordered: Sequence[Decimal]) -> Sequence[StoredPrice] | None:
    """The symbol's newest prices, or None where they don't reach far enough back: one query."""
    count = len(ordered) + REACH
    run = table.newest(symbol, count)
    prices = run.read(count)
    older = sum(price.key < ordered[0] for price in prices)
    if older < REACH and not run.exhausted:
        return None
    return prices[::-1]


def _stretch(symbol: str, ordered: list[Decimal]) -> tuple[Sequence[StoredPrice], int]:
    """The prices around the first of the keys and those near it, and how many keys that are: two queries."""
    onward = table.since(symbol, ordered[0], len(ordered) + REACH)
    prices = onward.read(len(ordered) + REACH)
    if onward.exhausted:
        lagging.discard(symbol)
        near = len(ordered)
    else:
        near = sum(key <= prices[-1].key for key in ordered)
    last = ordered[near - 1]
    following = sum(price.key > last for price in prices)
    prices = onward.read(len(prices) + max(0, REACH - following))
    older = table.before(symbol, ordered[0], REACH).read(REACH)
    return older[::-1] + prices, near
