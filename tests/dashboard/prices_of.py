"""Prices as they are stored, for the tests of the dashboard."""

from __future__ import annotations

from decimal import Decimal

from cryptoctl.core.indicators import Indicators
from cryptoctl.core.items import StoredPrice

AT_MS = 1_700_000_000_000


def stored(time_ms: int, price: str = "1", *, processed: bool = True, volume: str = "1") -> StoredPrice:
    """A price at a time; its averages are the price itself."""
    average = Decimal(price) if processed else None
    return StoredPrice(
        symbol="BTC",
        key=Decimal(time_ms),
        price=Decimal(price),
        volume=Decimal(volume),
        exchange="here",
        processed=processed,
        indicators=Indicators(ma_5=average, ma_20=None, volatility=average),
    )
