"""Numbers a request's prices that are equal and have no id: first, second, …."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from cryptoctl.core.prices import Price


class OccurrenceCounter:
    """Counts the prices of one request, asked in the request's order."""

    def __init__(self) -> None:
        self._taken: dict[object, set[int]] = defaultdict(set)

    def number(self, price: Price) -> int:
        """As the price says, or counted: 1 for the first of its kind."""
        taken = self._taken[price.symbol, price.timestamp_ms, price.exchange, price.price, price.volume]
        number = price.occurrence or next(
            candidate for candidate in count(len(taken) + 1) if candidate not in taken
        )
        taken.add(number)
        return number


def with_occurrences(prices: Iterable[Price]) -> list[Price]:
    """The same prices, each with its number, so that they mean the same in several requests.

    The first of its kind says none, as it needs none.
    """
    counter = OccurrenceCounter()
    numbered = []
    for price in prices:
        number = counter.number(price) if price.id is None else 1
        numbered.append(replace(price, occurrence=number) if number > 1 else price)
    return numbered
