"""Prices into the table: each stored once, a repeat acknowledged as one, nothing overwritten."""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter

from cryptoctl.core import keys
from cryptoctl.core.items import Item, StoredPrice, UnusableError, new_item, same_id, stored_price
from cryptoctl.core.occurrences import OccurrenceCounter
from cryptoctl.core.prices import Price
from cryptoctl.handlers import parallel, table
from cryptoctl.handlers.clients import Deadline, client

_MAX_SYMBOLS_AT_ONCE = 4  # so that the stream is not a medley, which would cost the enricher a query each
_MAX_ATTEMPTS = 20


class NotStoredError(RuntimeError):
    """A price could not be stored before the time was up, or its keys are all taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreResult:
    """What became of an accepted price: stored now, or before (a duplicate), under `sort_key`.

    A duplicate `differs` where its id is stored with another price or volume, which stays.
    """

    sort_key: str
    duplicate: bool
    differs: bool = False


def store(prices: Iterable[tuple[int, Price]], created_at: str, deadline: Deadline) -> dict[int, StoreResult]:
    """Stores the prices, given with their index, and says of each index what became of it.

    Each symbol's prices are written one after the other in the order of their keys, so that the stream
    brings them in order and hardly any has to be corrected; symbols are written side by side. Raises the
    first failure, after everything else has been tried. After `deadline` nothing is begun.
    """
    symbols: dict[str, list[tuple[int, Price]]] = defaultdict(list)
    for index, price in prices:
        symbols[price.symbol].append((index, price))
    if len(symbols) == 1:
        return _Writer(created_at, deadline).write(next(iter(symbols.values())))
    client("dynamodb")  # making one is not safe in several threads at once, using it is
    outcomes = parallel.map_in_threads(
        _Writer(created_at, deadline).write, symbols.values(), _MAX_SYMBOLS_AT_ONCE
    )
    return {index: stored for of_symbol in outcomes for index, stored in of_symbol.items()}


class _EqualPrices:
    """Stored prices without an id that are alike in all but their number.

    A price that says no number of its own has the lowest that no other has: so it is with what was written
    by hand, and with the first of each.
    """

    def __init__(self) -> None:
        self._numbered: dict[int, StoredPrice] = {}
        self._unnumbered: list[tuple[int, StoredPrice]] = []  # by place

    def add(self, place: int, holder: StoredPrice) -> None:
        if holder.occurrence is None:
            insort(self._unnumbered, (place, holder), key=itemgetter(0))
        else:
            self._numbered.setdefault(holder.occurrence, holder)

    def get(self, number: int) -> StoredPrice | None:
        if number in self._numbered:
            return self._numbered[number]
        if number - 1 - len(self._numbered) >= len(self._unnumbered):
            return None
        index = number - 1 - sum(occurrence < number for occurrence in self._numbered)
        return self._unnumbered[index][1] if index < len(self._unnumbered) else None


class _Millisecond:
    """What this request knows of the prices without an id in one millisecond of a symbol."""

    def __init__(self) -> None:
        self._places: set[int] = set()
        self._first_free = 0
        self._equal_prices: dict[object, _EqualPrices] = defaultdict(_EqualPrices)

    def find(self, price: Price, number: int) -> StoredPrice | None:
        """The stored price that this one repeats, as far as it is known."""
        return self._equal_prices[_likeness(price)].get(number)

    def next_place(self) -> int:
        """The lowest place that is not known to be taken."""
        while self._first_free in self._places:
            self._first_free += 1
        return self._first_free

    def learn(self, place: int, holder: StoredPrice) -> None:
        if place not in self._places:
            self._places.add(place)
            if holder.id is None:
                self._equal_prices[_likeness(holder)].add(place, holder)

    def learn_all(self, price: Price) -> None:
        for item in table.items_without_id(price.symbol, price.timestamp_ms):
            holder = _holder(item)
            self.learn(keys.place_of_key(holder.key), holder)


def _likeness(price: Price | StoredPrice) -> object:
    return price.exchange, price.price, price.volume


def _holder(item: Item) -> StoredPrice:
    """The price that holds a key; what was written by hand and is no price is nobody's repeat."""
    try:
        return stored_price(item)
    except UnusableError:
        key = Decimal(item["timestamp"]["N"])
        return StoredPrice(symbol="", key=key, price=Decimal(0), volume=Decimal(0), exchange="")


class _Writer:
    def __init__(self, created_at: str, deadline: Deadline) -> None:
        self._created_at = created_at
        self._deadline = deadline

    def write(self, prices: list[tuple[int, Price]]) -> dict[int, StoreResult]:
        milliseconds: dict[int, _Millisecond] = {}
        counter = OccurrenceCounter()
        outcomes: dict[int, StoreResult] = {}
        for index, price in sorted(prices, key=lambda entry: (Decimal(entry[1].sort_key()), entry[0])):
            if price.id is None:
                shared = milliseconds.setdefault(price.timestamp_ms, _Millisecond())
                outcomes[index] = self._without_id(price, counter.number(price), shared)
            else:
                outcomes[index] = self._with_id(price)
        return outcomes

    def _with_id(self, price: Price) -> StoreResult:
        for attempt in range(_MAX_ATTEMPTS):
            sort_key = price.sort_key(attempt)
            holder = self._put(price, sort_key)
            if holder is None:
                return StoreResult(sort_key=sort_key, duplicate=False)
            if same_id(holder, price):
                return StoreResult(
                    sort_key=sort_key, duplicate=True, differs=_likeness(holder) != _likeness(price)
                )
        raise NotStoredError("every key of a price is taken by another")

    def _without_id(self, price: Price, number: int, shared: _Millisecond) -> StoreResult:
        """A price goes to place n only when all that stands at the places before is known not to be it."""
        while True:
            repeated = shared.find(price, number)
            if repeated is not None:
                return StoreResult(sort_key=repeated.sort_key, duplicate=True)
            place = shared.next_place()
            sort_key = price.sort_key(place)
            holder = self._put(price, sort_key, number)
            if holder is None:
                shared.learn(place, _as_stored(price, sort_key, number))
                return StoreResult(sort_key=sort_key, duplicate=False)
            shared.learn(place, holder)
            if shared.find(price, number) is None:
                shared.learn_all(price)

    def _put(self, price: Price, sort_key: str, number: int = 1) -> StoredPrice | None:
        if self._deadline.passed():
            raise NotStoredError("the time was up before every price was stored")
        holder = table.put_if_new(new_item(price, sort_key, self._created_at, number))
        return None if holder is None else _holder(holder)


def _as_stored(price: Price, sort_key: str, number: int) -> StoredPrice:
    return StoredPrice(
        symbol=price.symbol,
        key=Decimal(sort_key),
        price=price.price,
        volume=price.volume,
        exchange=price.exchange,
        occurrence=number if number > 1 else None,
    )
