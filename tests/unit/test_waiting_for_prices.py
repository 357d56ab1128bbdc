"""`prices --wait`: what it waits for, and what it says where that takes too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cryptoctl.errors import Failure
from cryptoctl.ops.prices import Query, enriched_prices
from cryptoctl.reconcile.retry import Retry
from kit.clocks import FakeClock
from unit.answers import STACK

NOW_MS = 1_700_000_000_000


def item(number: int, processed: bool) -> dict[str, Any]:
    """A price, a second after the one before it."""
    return {
        "symbol": {"S": "BTC"},
        "timestamp": {"N": str(NOW_MS + 1000 * number)},
        "price": {"N": "1"},
        "exchange": {"S": "binance"},
        "processed": {"BOOL": processed},
    }


@dataclass
class Feed:
    """A table to which each look adds a price; the enricher is `behind` by so many."""

    behind: int
    last: int = 3

    def paginate(self, service: str, operation: str, key: str, **request: Any) -> Iterator[Any]:
        """The newest first, up to the bound that was asked for."""
        self.last += 1
        bounds = request["ExpressionAttributeValues"]
        until = int(bounds[":until"]["N"].partition(".")[0]) if ":until" in bounds else None
        for number in range(self.last, -1, -1):
            if until is None or NOW_MS + 1000 * number <= until:
                yield item(number, number <= self.last - self.behind)


def waited(feed: Feed) -> list[int]:
    """The numbers of the prices that come back."""
    aws: Any = feed
    prices = enriched_prices(aws, STACK.prices, Query(symbol="BTC", last=3), Retry(FakeClock()))
    return [(price.timestamp_ms - NOW_MS) // 1000 for price in prices]


def test_what_comes_meanwhile_is_not_waited_for() -> None:
    assert waited(Feed(behind=2)) == [2, 3, 4]


def test_how_many_are_not_enriched_is_said() -> None:
    with pytest.raises(Failure, match=r"^3 prices of BTC are still not enriched after 120 s\."):
        waited(Feed(behind=1000))


def test_one_price_is_said_as_one() -> None:
    aws: Any = Feed(behind=1000)
    with pytest.raises(Failure, match=r"^1 price of BTC is still not enriched after 120 s\."):
        enriched_prices(aws, STACK.prices, Query(symbol="BTC", last=1), Retry(FakeClock()))
