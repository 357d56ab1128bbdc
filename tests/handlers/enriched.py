"""Prices to enrich, and what must have become of them."""

from decimal import Decimal
from functools import cache

from cryptoctl.core.indicators import indicators
from cryptoctl.core.numbers import plain
from cryptoctl.handlers import history
from handlers.conftest import connect_directly
from handlers.events import Mapping, send_prices
from handlers.fake_aws import FakeAws

MS = 1_675_329_600_000


def add(*prices: int, start: int = 0, symbol: str = "BTC") -> None:
    """Prices one millisecond apart, from `start` on."""
    sent = [
        {"symbol": symbol, "timestamp": MS + start + n, "id": start + n, "price": p}
        for n, p in enumerate(prices)
    ]
    assert send_prices(*sent)[0] == 200


def enriched_before(count: int, size: int = 10) -> tuple[FakeAws, Mapping]:
    """So many prices that were enriched in batches of that size, and the mapping that goes on from there."""
    before, position, lagging = _enriched(count, size)
    aws = connect_directly(before.copied())
    history.lagging.update(lagging)
    mapping = Mapping(aws, size)
    mapping.position = position
    return aws, mapping


@cache
def _enriched(count: int, size: int) -> tuple[FakeAws, int, dict[str, Decimal | None]]:
    aws = connect_directly(FakeAws())
    add(*range(1, count + 1))
    mapping = Mapping(aws, size)
    mapping.run()
    return aws, mapping.position, dict(history.lagging)


def assert_right(aws: FakeAws, symbol: str = "BTC") -> None:
    items = [item for item in aws.items_of(symbol) if "N" in item.get("price", {})]
    prices = [Decimal(item["price"]["N"]) for item in items]
    for position, item in enumerate(items):
        right = indicators(prices[: position + 1])
        for name in ("ma_5", "ma_20", "volatility"):
            value = getattr(right, name)
            assert item.get(name) == (None if value is None else {"N": plain(value)}), (position, name)
        assert item["processed"] == {"BOOL": True}
        assert item["enriched_at"]["S"].endswith("+00:00")
