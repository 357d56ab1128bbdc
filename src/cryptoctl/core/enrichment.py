"""What new prices change: their own indicators, and those of up to 19 prices that follow each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cryptoctl.core.indicators import LONG_WINDOW, Indicators, indicators
from cryptoctl.core.items import StoredPrice

REACH = LONG_WINDOW - 1  # how many prices before one it depends on, and how many after it depend on it


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The indicators that a stored price must get. A correction was enriched, and announced, before."""

    price: StoredPrice
    indicators: Indicators

    @property
    def correction(self) -> bool:
        """Whether other values were announced before."""
        return self.price.processed


def changes(series: Sequence[StoredPrice], new_keys: Collection[Decimal]) -> list[Change]:
    """What the arrival of `new_keys` changes in a symbol's prices.

    `series` is a gapless run of the symbol's prices in key order. It reaches `REACH` prices, or the
    beginning, back from the first new key, and `REACH` prices, or the end, on from the last. A price that
    is neither enriched nor new is left to its own arrival; one whose indicators are right is no change.
    """
    found: list[Change] = []
    reached = -1
    for position, price in enumerate(series):
        new = price.key in new_keys
        if new:
            reached = position + REACH
        if position > reached or not (new or price.processed):
            continue
        window = series[max(0, position - REACH) : position + 1]
        right = indicators([each.price for each in window])
        if not price.processed or price.indicators != right:
            found.append(Change(price=price, indicators=right))
    return found
