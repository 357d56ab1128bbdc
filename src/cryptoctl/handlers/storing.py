"""Prices into the table: each stored once, a repeat acknowledged as one, nothing overwritten."""

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from cryptoctl.core import keys
from cryptoctl.core.items import StoredPrice, UnusableError, new_item, same_price, stored_price
from cryptoctl.core.prices import Price
from cryptoctl.handlers import table
from cryptoctl.handlers.clients import Deadline, table_client

_MOST_SYMBOLS_AT_ONCE = 4  # so that the stream is not a medley, which would cost the enricher a query each
_MOST_ATTEMPTS = 20


class NotStoredError(RuntimeError):
    """A price could not be stored before the time was up, or its keys are all taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What became of an accepted price: stored now, or before (a duplicate), under `sort_key`."""

    sort_key: str
    duplicate: bool


def store(prices: Iterable[tuple[int, Price]], created_at: str, deadline: Deadline) -> dict[int, Stored]:
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
    table_client()  # making one is not safe in several threads at once, using it is
    outcomes: dict[int, Stored] = {}
    with ThreadPoolExecutor(max_workers=_MOST_SYMBOLS_AT_ONCE) as pool:
        for future in [pool.submit(_Writer(created_at, deadline).write, each) for each in symbols.values()]:
            outcomes.update(future.result())
    return outcomes


class _Millisecond:
    """What this request knows of the prices without an id in one millisecond.

    Each stored price answers for one price of the request at most: two identical ones in a request are two
    trades, and the request sent again is a repeat of both.
    """

    def __init__(self) -> None:
        self._holders: dict[int, StoredPrice | None] = {}  # None: written or claimed by this request

    def claim(self, price: Price) -> StoredPrice | None:
        for place, holder in self._holders.items():
            if holder is not None and same_price(holder, price):
                self._holders[place] = None
                return holder
        return None

    def next_place(self) -> int:
        return next(place for place in count() if place not in self._holders)

    def own(self, place: int) -> None:
        self._holders[place] = None

    def learn(self, place: int, holder: StoredPrice) -> None:
        self._holders.setdefault(place, holder)

    def learn_all(self, price: Price) -> None:
        for item in table.items_without_id(price.symbol, price.timestamp_ms):
            key = Decimal(item["timestamp"]["N"])
            try:
                holder = stored_price(item)
            except UnusableError:
                holder = StoredPrice(symbol="", key=key, price=Decimal(0), volume=Decimal(0), exchange="")
            self.learn(keys.place_of_key(key), holder)


class _Writer:
    def __init__(self, created_at: str, deadline: Deadline) -> None:
        self._created_at = created_at
        self._deadline = deadline

    def write(self, prices: list[tuple[int, Price]]) -> dict[int, Stored]:
        milliseconds: dict[int, _Millisecond] = {}
        outcomes: dict[int, Stored] = {}
        for index, price in sorted(prices, key=_key_order):
            if price.id is None:
                shared = milliseconds.setdefault(price.timestamp_ms, _Millisecond())
                outcomes[index] = self._without_id(price, shared)
            else:
                outcomes[index] = self._with_id(price)
        return outcomes

    def _with_id(self, price: Price) -> Stored:
        for attempt in range(_MOST_ATTEMPTS):
            sort_key = price.sort_key(attempt)
            holder = self._put(price, sort_key)
            if holder is None or same_price(holder, price):
                return Stored(sort_key=sort_key, duplicate=holder is not None)
        raise NotStoredError("every key of a price is taken by another")

    def _without_id(self, price: Price, shared: _Millisecond) -> Stored:
        """A price goes to place n only when all that stands at the places before is known not to be it."""
        while True:
            repeated = shared.claim(price)
            if repeated is not None:
                return Stored(sort_key=repeated.sort_key, duplicate=True)
            place = shared.next_place()
            holder = self._put(price, price.sort_key(place))
            if holder is None:
                shared.own(place)
                return Stored(sort_key=price.sort_key(place), duplicate=False)
            shared.learn(place, holder)
            if not same_price(holder, price):
                shared.learn_all(price)

    def _put(self, price: Price, sort_key: str) -> StoredPrice | None:
        if self._deadline.passed():
            raise NotStoredError("the time was up before every price was stored")
        holder = table.put_if_new(new_item(price, sort_key, self._created_at))
        if holder is None:
            return None
        try:
            return stored_price(holder)
        except UnusableError:  # written by hand, no price: it holds the key, and is nobody's repeat
            return StoredPrice(
                symbol="", key=Decimal(sort_key), price=Decimal(0), volume=Decimal(0), exchange=""
            )


def _key_order(entry: tuple[int, Price]) -> tuple[Decimal, int]:
    index, price = entry
    return Decimal(price.sort_key()), index
