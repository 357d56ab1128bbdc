"""Prices to enrich, and what must have become of them."""

from decimal import Decimal

from cryptoctl.core.indicators import indicators
from cryptoctl.core.numbers import plain
from handlers.events import send_prices
from handlers.fake_aws import FakeAws

MS = 1_675_329_600_000


def add(*prices: int, start: int = 0, symbol: str = "BTC") -> None:
    """Prices one millisecond apart, from `start` on."""
    sent = [
        {"symbol": symbol, "timestamp": MS + start + n, "id": start + n, "price": p}
        for n, p in enumerate(prices)
    ]
    assert send_prices(*sent)[0] == 200


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
